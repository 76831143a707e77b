"""What tax was decided, on which facts: written once on the order, copied to the invoice, never worked out again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, Self

from app.invoicing.parties import Buyer, Evidence, Seller
from app.kernel.fiat import Fiat
from app.kernel.money import allot, plain

Scheme = Literal["domestic", "oss", "reverse_charge", "export", "exempt", "none"]
Category = Literal["S", "Z", "E", "AE", "G", "O"]  # UNCL5305, as EN 16931 uses it
ROUNDING = {"mode": "half_up", "level": "tax_category"}


@dataclass(frozen=True, slots=True)
class TaxRate:
    """One tax on one base. Amounts are smallest units of the snapshot's currency, `rate` is in percent."""

    jurisdiction: str  # "DE", "US-CA"
    type: str  # VAT, GST, HST, sales tax …
    category: Category
    rate: Decimal
    base: int
    amount: int
    inclusive: bool = False
    exemption_code: str = ""
    exemption_text: str = ""
    place: str = ""  # the county or city whose tax it is, where somebody else worked it out and named it


@dataclass(frozen=True, slots=True)
class Reference:
    """The calculation of somebody else that a tax was taken from; `expires_at` is ISO 8601."""

    source: str  # stripe_tax
    id: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Fx:
    """Turns the tax into the currency the seller declares in: one unit of ours is `rate` of `to`."""

    to: str
    rate: Decimal
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class TaxSnapshot:
    seller: Seller
    buyer: Buyer
    location_evidence: tuple[Evidence, ...]
    scheme: Scheme
    rule_id: str
    rule_version: str
    rates: tuple[TaxRate, ...]
    currency: str
    net: int
    computed_by: str
    computed_at: str
    reasons: tuple[str, ...] = ()  # codes: why a reverse charge was refused, what is still to be checked
    rates_version: str = ""
    fx: Fx | None = None
    calculation: Reference | None = None

    @property
    def total_net(self) -> Fiat:
        return Fiat(self.net, self.currency)

    @property
    def total_tax(self) -> Fiat:
        return Fiat(sum(each.amount for each in self.rates), self.currency)

    @property
    def total_gross(self) -> Fiat:
        return self.total_net + self.total_tax

    @property
    def tax_declared(self) -> Fiat | None:
        """The tax in the seller's own currency, where the sale was in another (art. 230)."""
        return Fiat.from_exact(self.total_tax.amount * self.fx.rate, self.fx.to) if self.fx else None

    @property
    def percent(self) -> Decimal:
        """All rates together."""
        return sum((each.rate for each in self.rates), Decimal(0))

    def to_json(self) -> dict[str, Any]:
        return {
            "seller": self.seller.to_json(),
            "buyer": self.buyer.to_json(),
            "vat_id": asdict(self.buyer.tax_id) if self.buyer.tax_id else None,
            "location_evidence": [asdict(each) for each in self.location_evidence],
            "scheme": self.scheme,
            "rule_id": self.rule_id,
            "rule_version": self.rule_version,
            "rates": [{**asdict(each), "rate": plain(each.rate)} for each in self.rates],
            "rates_version": self.rates_version,
            "reasons": list(self.reasons),
            "currency": self.currency,
            "totals": {"net": self.net, "tax": self.total_tax.minor, "gross": self.total_gross.minor},
            "fx": {**asdict(self.fx), "rate": plain(self.fx.rate)} if self.fx else None,
            "rounding": dict(ROUNDING),
            "computed_by": self.computed_by,
            "computed_at": self.computed_at,
            **({"calculation": asdict(self.calculation)} if self.calculation else {}),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        fx, calculation = raw.get("fx"), raw.get("calculation")
        return cls(
            seller=Seller.from_json(raw["seller"]),
            buyer=Buyer.from_json(raw["buyer"]),
            location_evidence=tuple(Evidence(**each) for each in raw["location_evidence"]),
            scheme=raw["scheme"],
            rule_id=raw["rule_id"],
            rule_version=raw["rule_version"],
            rates=tuple(TaxRate(**{**each, "rate": Decimal(each["rate"])}) for each in raw["rates"]),
            currency=raw["currency"],
            net=raw["totals"]["net"],
            computed_by=raw["computed_by"],
            computed_at=raw["computed_at"],
            reasons=tuple(raw.get("reasons", ())),
            rates_version=raw.get("rates_version", ""),
            fx=Fx(**{**fx, "rate": Decimal(fx["rate"])}) if fx else None,
            calculation=Reference(**calculation) if calculation else None,
        )

    @property
    def hash(self) -> str:
        """Changes when anything of it does."""
        return content_hash(self.to_json())

    def share(self, gross: Fiat, credited: Fiat) -> Self:
        """The part of this tax that belongs to `gross` of a refund when `credited` was given back before.

        Every part is the difference of two running totals, so the parts of a full refund add up to this exactly.
        """
        before, after = self._up_to(credited), self._up_to(credited + gross)
        rates = tuple(
            replace(late, base=late.base - early.base, amount=late.amount - early.amount)
            for early, late in zip(before.rates, after.rates, strict=True)
        )
        return replace(self, net=after.net - before.net, rates=rates)

    def _up_to(self, gross: Fiat) -> Self:
        whole = self.total_gross
        if not 0 <= gross.minor <= (whole - Fiat.zero(gross.currency)).minor:
            raise ValueError(f"{gross} is not a part of {whole}")
        if not whole:
            return self
        part = Fraction(gross.minor, whole.minor)
        tax = (2 * self.total_tax.minor * part.numerator + part.denominator) // (2 * part.denominator)
        amounts = allot(tax, [Fraction(each.amount) for each in self.rates])
        net = gross.minor - tax
        rates = tuple(
            replace(each, base=self._base_of(each, net), amount=amount)
            for each, amount in zip(self.rates, amounts, strict=True)
        )
        return replace(self, net=net, rates=rates)

    def _base_of(self, rate: TaxRate, net: int) -> int:
        """What is taxed of `net`: all of it, or the part of it that a place taxes."""
        return net if rate.base == self.net else (2 * rate.base * net + self.net) // (2 * self.net)


def content_hash(value: object) -> str:
    """SHA-256 of the value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
