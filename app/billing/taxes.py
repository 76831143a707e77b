"""What tax a bill bears: rates that were set for it, else what the law of seller and buyer says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, func, or_, select

from app.invoicing import profiles, seller
from app.invoicing.parties import Address, Buyer, Seller
from app.invoicing.rates import NoTaxRate
from app.invoicing.tax import RULE_VERSION
from app.invoicing.tax_elsewhere import TaxNotCalculated
from app.invoicing.tax_snapshot import TaxRate, TaxSnapshot
from app.invoicing.taxes import decided
from app.kernel.fiat import Fiat
from app.plans import tables as plans

IN_USE: Final = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Taxes:
    """The rates that apply and why. `source` is rates, law or none."""

    percents: tuple[Decimal, ...] = ()
    rates: tuple[Mapping[str, Any], ...] = ()
    source: str = "none"
    reason: str = ""


def on_bill(
    connection: Connection,
    customer: Row[Any],
    currency: str,
    at: datetime,
    *,
    subscription_id: str | None = None,
    rate_ids: Sequence[str] = (),
) -> Taxes:
    """Rates in use that are set for this bill, else those of the subscription, the customer or everybody, else what
    the law of the seller and the buyer says where both are known."""
    if customer.tax_treatment == "exempt":
        return Taxes(source="none", reason="customer_exempt")
    rates = _rates(connection, rate_ids) if rate_ids else []
    rates = rates or _associated(connection, customer, subscription_id, currency, at)
    if rates:
        return Taxes(tuple(Decimal(rate["percentage"]) for rate in rates), tuple(rates), "rates")
    decided = by_law(connection, customer.workspace_id, Fiat.zero(currency), at)
    if decided is None:
        return Taxes(reason="no_tax_configured")
    percents = tuple(each.rate for each in decided.rates if each.rate)
    reason = "" if percents else ("reverse_charge" if decided.scheme == "reverse_charge" else "not_subject_to_tax")
    said = tuple({"id": "", "code": each.type, "percentage": f"{each.rate:f}"} for each in decided.rates if each.rate)
    return Taxes(percents, said, "law", reason)


def by_law(connection: Connection, workspace_id: str, net: Fiat, at: datetime) -> TaxSnapshot | None:
    """The tax on a supply of services, used and not bought in advance; None where seller or buyer are not known."""
    profile = profiles.find(connection, workspace_id)
    if profile is None:
        return None
    try:
        sells = seller.current(connection)
    except seller.SellerNeeded:
        return None
    try:
        return decided(connection, sells, profile, net, at)
    except TaxNotCalculated as elsewhere:
        raise NoTaxRate(
            "Stripe Tax works out the tax of orders only: give this customer's invoices a tax rate of their own."
        ) from elsewhere


def snapshot(
    connection: Connection, customer: Row[Any], net: Fiat, tax: Fiat, computed: Mapping[str, Any], at: datetime
) -> TaxSnapshot:
    """The tax of an invoice as its document states it: the seller, the buyer, the rates that were applied.

    Raises `SellerNeeded`; a customer without a billing profile is named with what is known of them.
    """
    said = computed.get("tax") or {}
    if said.get("source") == "law" and (decided := by_law(connection, customer.workspace_id, net, at)) is not None:
        return decided
    sells = seller.current(connection)
    profile = profiles.find(connection, customer.workspace_id)
    buyer = profile.buyer if profile else _buyer(customer, sells)
    return TaxSnapshot(
        seller=sells,
        buyer=buyer,
        location_evidence=profile.evidence if profile else (),
        scheme="domestic" if said.get("rates") else "none",
        rule_id="operator_rates" if said.get("rates") else (said.get("reason") or "no_tax_configured"),
        rule_version=RULE_VERSION,
        rates=_stated(said.get("rates") or (), buyer, net, tax),
        currency=net.currency,
        net=net.minor,
        computed_by="farebox",
        computed_at=at.isoformat(),
    )


def _stated(rates: Sequence[Mapping[str, Any]], buyer: Buyer, net: Fiat, tax: Fiat) -> tuple[TaxRate, ...]:
    if not rates:
        return (
            TaxRate(buyer.country, "tax", "O", Decimal(0), net.minor, tax.minor, exemption_text="No tax is charged."),
        )
    return tuple(
        TaxRate(buyer.country, str(each["code"]), "S", Decimal(each["percentage"]), net.minor, int(each["amount"]))
        for each in rates
    )


def _buyer(customer: Row[Any], sells: Seller) -> Buyer:
    country = (customer.address_country or sells.country).upper()
    address = Address(
        customer.address_line1 or "",
        customer.address_city or "",
        country if len(country) == 2 else sells.country,
        customer.address_line2 or "",
        customer.address_postal_code or "",
        customer.address_state or "",
    )
    return Buyer(customer.workspace_id, customer.name, address, email=customer.email or "")


def _rates(connection: Connection, ids: Sequence[str]) -> list[dict[str, str]]:
    rate = plans.tax_rate
    rows = connection.execute(
        select(rate).where(
            or_(rate.c.id.in_(ids), rate.c.code.in_(ids)),
            rate.c.status == plans.PUBLISHED,
            rate.c.tax_rate_status == IN_USE,
        )
    )
    return [_rate(row) for row in sorted(rows, key=lambda row: row.id)]


def _associated(
    connection: Connection, customer: Row[Any], subscription_id: str | None, currency: str, at: datetime
) -> list[dict[str, str]]:
    """The nearest association wins: the subscription's, else the customer's, else everybody's. One that names a
    currency is for bills in it."""
    link, rate = plans.tax_association, plans.tax_rate
    query = (
        select(link.c.entity_type, rate)
        .join(rate, rate.c.id == link.c.tax_rate_id)
        .where(
            link.c.status == plans.PUBLISHED,
            rate.c.status == plans.PUBLISHED,
            rate.c.tax_rate_status == IN_USE,
            link.c.auto_apply,
            or_(link.c.currency.is_(None), func.upper(link.c.currency) == currency),
            or_(
                (func.lower(link.c.entity_type) == "subscription") & (link.c.entity_id == (subscription_id or "")),
                (func.lower(link.c.entity_type) == "customer") & (link.c.entity_id == customer.id),
                func.lower(link.c.entity_type) == "tenant",
            ),
            or_(link.c.start_date.is_(None), link.c.start_date <= at),
            or_(link.c.end_date.is_(None), link.c.end_date > at),
        )
        .order_by(link.c.priority, rate.c.id)
    )
    found: dict[str, list[dict[str, str]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.entity_type.lower(), []).append(_rate(row))
    return next((found[kind] for kind in ("subscription", "customer", "tenant") if kind in found), [])


def _rate(row: Row[Any]) -> dict[str, str]:
    return {"id": row.id, "code": row.code, "percentage": row.percentage_value}
