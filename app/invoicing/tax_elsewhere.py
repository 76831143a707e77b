"""A tax that somebody else works out, such as Stripe Tax: what they are asked, and what they answered. PURE.

Nobody is asked in here. `question` says what has to be known before a sale can be taxed, None where our own rules know
it; the answer is a value that `tax.decide` takes like any other fact, and refuses when it answers something else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Self

from app.invoicing.parties import Address, Buyer, Evidence, Seller
from app.invoicing.rates import NoTaxRate, eu_members, tax_country
from app.invoicing.tax_snapshot import Category, Fx, Reference, Scheme, TaxRate, TaxSnapshot, content_hash
from app.kernel.errors import Conflict, ProviderBusy
from app.kernel.fiat import Fiat
from app.kernel.money import plain
from app.kernel.text import sentences, t

STRIPE_TAX: Final = "stripe_tax"
#: Why they charged none, in our words. Anything else that charges nothing is "none".
_BY_REASON: Final[Mapping[str, tuple[Scheme, Category]]] = {
    "reverse_charge": ("reverse_charge", "AE"),
    "zero_rated": ("domestic", "Z"),
    "customer_exempt": ("exempt", "E"),
    "product_exempt": ("exempt", "E"),
    "product_exempt_holiday": ("exempt", "E"),
    "not_subject_to_tax": ("none", "O"),
    "not_collecting": ("none", "O"),
    "not_supported": ("none", "O"),
}


class TaxUnavailable(ProviderBusy):
    """Whoever works the tax out gives no answer. Nothing is guessed, so nothing can be paid until they do."""

    code = "tax_unavailable"


class TaxAddressUnknown(Conflict):
    """Whoever works the tax out does not find the buyer's address."""

    code = "tax_address_unknown"


class TaxNotCalculated(NoTaxRate):
    """The tax of a sale is somebody else's to work out, and they were not asked yet: `question` is what to ask."""

    code = "tax_not_calculated"

    def __init__(self, question: "Question") -> None:
        super().__init__("The tax here is worked out by Stripe Tax, order by order: it has not been asked about this.")
        self.question = question


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a tax depends on. `amount` is net, or final where prices include tax, in smallest units."""

    currency: str
    amount: int
    inclusive: bool
    address: Address
    tax_id: tuple[str, str] | None  # our type of it, and its value
    exempt: bool  # a certificate that the operator accepted
    product: str  # what is sold, in the provider's words; empty is what their account says

    @property
    def fingerprint(self) -> str:
        """The same for the same question: an answer is good for no other."""
        return content_hash(asdict(self))

    @property
    def total(self) -> Fiat:
        return Fiat(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class ReportedTax:
    """One line of somebody else's answer: who levies it, at which rate (percent) of what part, and the provider's word
    for why. `base` and `tax` are smallest units."""

    jurisdiction: str  # US, US-CA
    type: str  # Sales tax
    rate: Decimal
    base: int
    tax: int
    reason: str = ""
    place: str = ""  # California, Los Angeles County


@dataclass(frozen=True, slots=True)
class Calculation:
    """An answer. `question` is the fingerprint of what was asked; the moments are ISO 8601."""

    source: str
    id: str
    question: str
    currency: str
    net: int
    taxes: tuple[ReportedTax, ...]
    made_at: str
    expires_at: str

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "taxes": [{**asdict(each), "rate": plain(each.rate)} for each in self.taxes]}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        taxes = tuple(ReportedTax(**{**each, "rate": Decimal(each["rate"])}) for each in raw["taxes"])
        return cls(**{**raw, "taxes": taxes})


def question(seller: Seller, buyer: Buyer, amount: Fiat) -> Question | None:
    """What has to be asked about this sale; None where our own rules decide."""
    elsewhere = seller.tax_source == STRIPE_TAX and seller.vat_status == "registered"
    if not elsewhere or tax_country(buyer.country) not in seller.stripe_tax_places:
        return None
    known = buyer.tax_id if buyer.is_business and buyer.tax_id and buyer.tax_id.syntax_ok else None
    return Question(
        currency=amount.currency,
        amount=amount.minor,
        inclusive=seller.prices_include_tax,
        address=buyer.address,
        tax_id=(known.type, known.value) if known else None,
        exempt=bool(buyer.exempt_reason),
        product=seller.stripe_tax_code,
    )


def as_calculated(
    seller: Seller,
    buyer: Buyer,
    evidence: Sequence[Evidence],
    asked: Question,
    answer: Calculation | None,
    *,
    at: datetime,
    fx: Fx | None = None,
) -> TaxSnapshot:
    """The snapshot of a sale whose tax somebody else worked out; the amounts are kept as they were told.

    Raises `TaxNotCalculated` without an answer, with one to another question, and with one that has run out.
    """
    if answer is None or answer.question != asked.fingerprint or datetime.fromisoformat(answer.expires_at) <= at:
        raise TaxNotCalculated(asked)
    charged = [each for each in answer.taxes if each.tax]
    if charged:
        scheme: Scheme = "domestic"
        rates = tuple(_rate(each, "S", asked.inclusive) for each in charged)
    else:
        scheme, rates = _untaxed(seller, buyer, asked, answer)
    return TaxSnapshot(
        seller=seller,
        buyer=buyer,
        location_evidence=tuple(evidence),
        scheme=scheme,
        rule_id="as_calculated",
        rule_version=answer.source,
        rates=rates,
        currency=answer.currency,
        net=answer.net,
        computed_by=answer.source,
        computed_at=at.isoformat(),
        fx=fx,
        calculation=Reference(answer.source, answer.id, answer.expires_at),
    )


def _untaxed(seller: Seller, buyer: Buyer, asked: Question, answer: Calculation) -> tuple[Scheme, tuple[TaxRate, ...]]:
    """No tax, and why: as they said it, or that the sale is an export where nobody there wants any."""
    nowhere = ReportedTax(tax_country(buyer.country), "tax", Decimal(0), answer.net, 0)
    told = next((each for each in answer.taxes if each.reason), nowhere)
    scheme, category = _BY_REASON.get(told.reason, ("none", "O"))
    text = sentences().get(f"invoicing.calculated.{told.reason}") or t("invoicing.exemption.no_tax")
    if told.reason == "customer_exempt" and buyer.exempt_reason:
        text = t("invoicing.exemption.buyer_exempt", reason=buyer.exempt_reason)
    code = ""
    if category == "O" and tax_country(seller.country) != tax_country(buyer.country):
        in_eu = seller.country in eu_members()
        scheme, code = "export", "VATEX-EU-O" if in_eu else ""  # the seller's own law wants its words for it
        text = t("invoicing.exemption.outside_eu" if in_eu else "invoicing.exemption.outside")
    rate = replace(_rate(told, category, asked.inclusive), rate=Decimal(0), base=answer.net, place="")
    return scheme, (replace(rate, exemption_code=code, exemption_text=text),)


def _rate(told: ReportedTax, category: Category, inclusive: bool) -> TaxRate:
    return TaxRate(
        jurisdiction=told.jurisdiction,
        type=told.type,
        category=category,
        rate=told.rate,
        base=told.base,
        amount=told.tax,
        inclusive=inclusive,
        place=told.place,
    )
