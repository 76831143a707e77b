"""Who sells and who buys, as values: what tax is decided on and what an invoice prints.

A `Seller` is one version of a legal entity, a `Buyer` one version of a billing profile. Both go into the tax snapshot
whole, so that an issued invoice needs nothing else to be printed again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

VatStatus = Literal["registered", "exempt", "none"]
VatIdPolicy = Literal["charge_vat", "allow_and_recheck"]
TaxPoint = Literal["sale", "redemption"]
TaxSource = Literal["table", "stripe_tax"]


@dataclass(frozen=True, slots=True)
class Address:
    """`country` is ISO 3166 alpha-2, `state` the part after the dash of ISO 3166-2 where tax depends on it."""

    line1: str
    city: str
    country: str
    line2: str = ""
    postcode: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Bank:
    """Where a transfer goes."""

    holder: str = ""
    iban: str = ""
    bic: str = ""
    bank: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Seller:
    """One version of the operator's legal entity and how it handles tax."""

    entity_id: str
    version: int
    name: str
    address: Address
    vat_id: str = ""
    tax_number: str = ""
    email: str = ""
    phone: str = ""
    website: str = ""
    registration: str = ""  # the line of the commercial register, the directors
    series_prefix: str = "INV"
    currency: str = "EUR"
    bank: Bank = field(default_factory=Bank)
    vat_status: VatStatus = "registered"
    exempt_reason: str = ""  # printed when `vat_status` is exempt
    oss: bool = False  # registered for the One Stop Shop
    registrations: tuple[str, ...] = ()  # other places where tax is collected: "GB", "AU", "US-CA"
    credits_tax_point: TaxPoint = "sale"
    vies_policy: VatIdPolicy = "charge_vat"  # for a VAT id nobody could check
    vat_check: Literal["off", "vies"] = "off"
    prices_include_tax: bool = False
    tax_source: TaxSource = "table"  # who knows the tax in `stripe_tax_places`; everywhere else our own rules do
    stripe_tax_places: tuple[str, ...] = ("US",)
    stripe_tax_code: str = ""  # what is sold, in Stripe's words; empty is the default of the Stripe account
    time_zone: str = "UTC"  # whose calendar the dates of invoices follow

    @property
    def country(self) -> str:
        return self.address.country

    def to_json(self) -> dict[str, Any]:
        lists = {"registrations": list(self.registrations), "stripe_tax_places": list(self.stripe_tax_places)}
        return {**asdict(self), **lists}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **_known(cls, raw),
                "address": Address(**_known(Address, raw["address"])),
                "bank": Bank(**_known(Bank, raw.get("bank") or {})),
                "registrations": tuple(raw.get("registrations") or ()),
                "stripe_tax_places": tuple(raw.get("stripe_tax_places", ("US",))),
            }
        )


@dataclass(frozen=True, slots=True)
class TaxIdCheck:
    """What somebody who should know said about a tax id."""

    source: Literal["vies", "hmrc", "manual", "none"]
    result: Literal["valid", "invalid", "unavailable"]
    checked_at: str  # ISO 8601, UTC
    request_id: str = ""
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class TaxId:
    """`type` is one of `tax_ids.TYPES`; `value` is compact, with its country's letters where it has them."""

    value: str
    type: str
    country: str
    syntax_ok: bool
    check: TaxIdCheck | None = None

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        check = raw.get("check")
        return cls(**{**_known(cls, raw), "check": TaxIdCheck(**_known(TaxIdCheck, check)) if check else None})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence of where a consumer is (Regulation 282/2011, art. 24f)."""

    kind: str  # billing_country | ip_country | card_country | …
    country: str


@dataclass(frozen=True, slots=True)
class Buyer:
    """One version of a workspace's billing profile."""

    workspace_id: str
    name: str
    address: Address
    company: str = ""
    is_business: bool = False
    tax_id: TaxId | None = None
    email: str = ""
    reference: str = ""  # the buyer's own order number, printed
    exempt_reason: str = ""  # a certificate the operator accepted: no tax is charged
    version: int = 1

    @property
    def country(self) -> str:
        return self.address.country

    @property
    def title(self) -> str:
        """The name an invoice is made out to."""
        return self.company or self.name

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        tax_id = raw.get("tax_id")
        return cls(
            **{
                **_known(cls, raw),
                "address": Address(**_known(Address, raw["address"])),
                "tax_id": TaxId.from_json(tax_id) if tax_id else None,
            }
        )


def _known(cls: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields this version of the class has: a stored value may be older or newer than the code."""
    names = {each.name for each in fields(cls)}
    return {name: value for name, value in raw.items() if name in names}
