"""A tax that somebody else worked out, such as Stripe Tax, as a snapshot like our own. PURE."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.invoicing.parties import Buyer, Evidence, Seller
from app.invoicing.tax_snapshot import Category, Scheme, TaxRate, TaxSnapshot
from app.kernel.fiat import Fiat
from app.kernel.text import t

NO_TAX = "invoicing.exemption.no_tax"
#: Why Stripe charged none, in our words. Anything else that charges nothing is "none".
_BY_REASON: dict[str, tuple[Scheme, Category]] = {
    "reverse_charge": ("reverse_charge", "AE"),
    "zero_rated": ("domestic", "Z"),
    "customer_exempt": ("exempt", "E"),
    "product_exempt": ("exempt", "E"),
    "not_subject_to_tax": ("none", "O"),
    "not_collecting": ("none", "O"),
    "not_supported": ("none", "O"),
}


@dataclass(frozen=True, slots=True)
class ReportedTax:
    """One line of somebody else's answer. `rate` in percent, `reason` the provider's word for why, if it has one."""

    jurisdiction: str
    type: str
    rate: Decimal
    tax: Fiat
    reason: str = ""


def as_reported(
    seller: Seller,
    buyer: Buyer,
    evidence: Sequence[Evidence],
    net: Fiat,
    taxes: Sequence[ReportedTax],
    *,
    by: str,
    at: datetime,
    inclusive: bool = False,
) -> TaxSnapshot:
    """The snapshot of a sale whose tax `by` worked out. `net` is before tax; the amounts are kept as they were told."""
    charged = [each for each in taxes if each.tax]
    if charged:
        scheme: Scheme = "domestic" if buyer.country == seller.country else "oss" if seller.oss else "domestic"
        rates = tuple(_rate(each, "S", net, inclusive) for each in charged)
    else:
        why = next((each.reason for each in taxes if each.reason), "")
        scheme, category = _BY_REASON.get(why, ("none", "O"))
        told = taxes[0] if taxes else ReportedTax(buyer.country, "tax", Decimal(0), Fiat.zero(net.currency))
        rates = (_rate(told, category, net, inclusive),)
    return TaxSnapshot(
        seller=seller,
        buyer=buyer,
        location_evidence=tuple(evidence),
        scheme=scheme,
        rule_id="as_reported",
        rule_version=by,
        rates=rates,
        currency=net.currency,
        net=net.minor,
        computed_by=by,
        computed_at=at.isoformat(),
    )


def _rate(told: ReportedTax, category: Category, net: Fiat, inclusive: bool) -> TaxRate:
    return TaxRate(
        jurisdiction=told.jurisdiction,
        type=told.type,
        category=category,
        rate=told.rate if told.tax else Decimal(0),
        base=net.minor,
        amount=(told.tax - Fiat.zero(net.currency)).minor,
        inclusive=inclusive,
        exemption_text="" if category == "S" else told.reason.replace("_", " ").capitalize() or t(NO_TAX),
    )
