"""Stripe Tax: what tax is due on a sale, and the reports of what was sold and given back. Only asks and translates.

A calculation changes nothing, so asking twice is harmless. A report bears a reference of ours that Stripe takes once in
all time; it has no list to look one up in, so a reference that is taken already is the proof that a report was made.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from app.invoicing.parties import Address
from app.invoicing.tax_elsewhere import (
    STRIPE_TAX,
    Calculation,
    Question,
    ReportedTax,
    TaxAddressUnknown,
)
from app.invoicing.taxes import unavailable
from app.kernel.clock import Clock
from app.kernel.errors import NotFound, ProviderError, ProviderRefused
from app.kernel.fiat import Fiat, from_psp, psp_minor
from app.payments.stripe_client import StripeDoor, read, write
from app.payments.stripe_read import Unreadable

if TYPE_CHECKING:
    from stripe.params.tax import (
        CalculationCreateParams,
        CalculationCreateParamsCustomerDetails,
        CalculationCreateParamsCustomerDetailsAddress,
        CalculationCreateParamsLineItem,
        TransactionCreateFromCalculationParams,
        TransactionCreateReversalParams,
    )

#: Somebody waits for the page: a service that takes longer counts as silent.
PATIENCE_SECONDS: Final = 15.0
LINE: Final = "credits"
#: What Stripe says of an address that it finds no tax for.
NOWHERE: Final = frozenset({"customer_tax_location_invalid", "invalid_tax_location", "address_invalid"})
#: Our types of tax ids in Stripe's words, where they differ; one that Stripe knows nothing of is not sent.
TAX_IDS: Final[Mapping[str, str]] = {"ca_gst": "ca_gst_hst", "tr_vat": "tr_tin", "rs_vat": "rs_pib", "other": ""}
#: Stripe's types of taxes as they are printed; any other is printed as Stripe names it.
TYPES: Final[Mapping[str, str]] = {
    "gst": "GST",
    "hst": "HST",
    "igst": "IGST",
    "jct": "JCT",
    "pst": "PST",
    "qst": "QST",
    "rst": "RST",
    "sales_tax": "Sales tax",
    "vat": "VAT",
}
_REPORT: Final = re.compile(r"\btax_[A-Za-z0-9]{6,}\b")

log = logging.getLogger(__name__)


class ReferenceTaken(ProviderRefused):
    """There is a report under this reference already; `reports` are the ids that Stripe named."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="reference_taken")
        self.reports = tuple(_REPORT.findall(message))


@dataclass(frozen=True, slots=True)
class SaleReport:
    """What was sold. Asking twice with one `key` must be asking the same; `reference` is good for one report ever."""

    key: str
    reference: str
    calculation_id: str
    marks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BackReport:
    """What went back of a sale: all of it when `whole`, else `amount` of its line and `tax`."""

    key: str
    reference: str
    sale_id: str
    line_id: str
    whole: bool
    amount: Fiat  # as the line was given: net, or with tax in it where prices include tax
    tax: Fiat
    marks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reported:
    """A report as it is at Stripe; `amount` as its line has it, below zero on one of what went back."""

    external_id: str
    reference: str
    line_id: str
    amount: int
    tax: int
    currency: str
    marks: Mapping[str, str]


class StripeTax:
    """Stripe Tax of one account."""

    def __init__(self, door: StripeDoor, clock: Clock) -> None:
        self.door, self._clock = door, clock

    @property
    def account(self) -> str:
        """Whose answers: what a test key was told is no good for a sale."""
        return f"{STRIPE_TAX}:{'live' if self.door.livemode else 'test'}"

    async def calculate(self, asked: Question) -> Calculation:
        """The tax on one sale; raises `TaxAddressUnknown`, and `TaxUnavailable` whatever else stands in the way."""
        try:
            params = _calculation_params(asked)
            async with asyncio.timeout(PATIENCE_SECONDS):
                made = await read(self.door.client.v1.tax.calculations.create_async(params))
            return calculation_of(made.to_dict(), asked, self._clock(), livemode=self.door.livemode)
        except ProviderRefused as refused:
            if refused.details.get("stripe_code") in NOWHERE:
                raise TaxAddressUnknown(
                    "The tax at your billing address cannot be worked out: please check its street, postcode and state."
                ) from refused
            log.error("Stripe Tax refuses to calculate: %s", refused.message)
            raise unavailable() from refused
        except (ProviderError, NotFound, TimeoutError, Unreadable, ValueError) as silent:
            log.error("Stripe Tax does not calculate: %s", silent or "no answer in time")
            raise unavailable() from silent

    async def standing(self) -> str:
        """What is missing before Stripe Tax calculates, in words; empty when it is active."""
        found = (await read(self.door.client.v1.tax.settings.retrieve_async())).to_dict()
        if found["status"] == "active":
            return ""
        missing = ((found["status_details"] or {}).get("pending") or {}).get("missing_fields") or ["its set-up"]
        return ", ".join(str(each).replace("_", " ") for each in missing)

    async def report(self, ask: SaleReport) -> Reported:
        """Tell of a sale; `ReferenceTaken` when it was told before."""
        params: TransactionCreateFromCalculationParams = {
            "calculation": ask.calculation_id,
            "reference": ask.reference,
            "metadata": dict(ask.marks),
            "expand": ["line_items"],
        }
        call = self.door.client.v1.tax.transactions.create_from_calculation_async(params, {"idempotency_key": ask.key})
        return reported_of((await _once(write(call))).to_dict())

    async def report_back(self, ask: BackReport) -> Reported:
        """Tell of what went back; `ReferenceTaken` when it was told before."""
        params: TransactionCreateReversalParams = {
            "mode": "full" if ask.whole else "partial",
            "original_transaction": ask.sale_id,
            "reference": ask.reference,
            "metadata": dict(ask.marks),
            "expand": ["line_items"],
        }
        if not ask.whole:
            params["line_items"] = [
                {
                    "original_line_item": ask.line_id,
                    "reference": LINE,
                    "amount": -psp_minor(ask.amount),
                    "amount_tax": -psp_minor(ask.tax),
                }
            ]
        call = self.door.client.v1.tax.transactions.create_reversal_async(params, {"idempotency_key": ask.key})
        return reported_of((await _once(write(call))).to_dict())

    async def find(self, external_id: str) -> Reported:
        """A report as it is at Stripe now; `NotFound` when there is none."""
        call = self.door.client.v1.tax.transactions.retrieve_async(external_id, {"expand": ["line_items"]})
        return reported_of((await read(call, external_id)).to_dict())


async def _once(call: Any) -> Any:
    try:
        return await call
    except ProviderRefused as refused:
        if refused.param == "reference":
            raise ReferenceTaken(refused.message) from refused
        raise


def _calculation_params(asked: Question) -> "CalculationCreateParams":
    line: CalculationCreateParamsLineItem = {
        "amount": psp_minor(asked.total),
        "reference": LINE,
        "tax_behavior": "inclusive" if asked.inclusive else "exclusive",
    }
    if asked.product:
        line["tax_code"] = asked.product
    buyer: CalculationCreateParamsCustomerDetails = {
        "address": _address(asked.address),
        "address_source": "billing",
    }
    kind = TAX_IDS.get(asked.tax_id[0], asked.tax_id[0]) if asked.tax_id else ""
    if asked.tax_id and kind:
        buyer["tax_ids"] = [{"type": kind, "value": asked.tax_id[1]}]
    if asked.exempt:
        buyer["taxability_override"] = "customer_exempt"
    return {
        "currency": asked.currency.lower(),
        "customer_details": buyer,
        "line_items": [line],
        "expand": ["line_items.data.tax_breakdown"],
    }


def _address(address: Address) -> "CalculationCreateParamsCustomerDetailsAddress":
    found: CalculationCreateParamsCustomerDetailsAddress = {"country": address.country}
    if address.line1:
        found["line1"] = address.line1
    if address.line2:
        found["line2"] = address.line2
    if address.city:
        found["city"] = address.city
    if address.postcode:
        found["postal_code"] = address.postcode
    if address.state:
        found["state"] = address.state
    return found


def calculation_of(made: Mapping[str, Any], asked: Question, now: datetime, *, livemode: bool) -> Calculation:
    """Stripe's calculation in our words; `Unreadable` for one that does not answer what was asked, to the cent."""
    try:
        [line] = made["line_items"]["data"]
        currency = str(made["currency"]).upper()
        taxes = tuple(_tax(each, currency) for each in line["tax_breakdown"])
        tax = sum(each.tax for each in taxes)
        whole = from_psp(made["amount_total"], currency).minor
        told = made["tax_amount_inclusive"] if asked.inclusive else made["tax_amount_exclusive"]
        net = whole - tax
        right = (
            currency == asked.currency
            and made["livemode"] is livemode
            and from_psp(told, currency).minor == tax
            and (whole if asked.inclusive else net) == asked.amount
        )
        if not right or not made["id"] or not made["expires_at"]:
            raise Unreadable(f"Stripe's calculation {made['id']} answers another question than ours.")
        return Calculation(
            source=STRIPE_TAX,
            id=made["id"],
            question=asked.fingerprint,
            currency=currency,
            net=net,
            taxes=taxes,
            made_at=now.isoformat(),
            expires_at=datetime.fromtimestamp(made["expires_at"], UTC).isoformat(),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"Stripe's calculation {made.get('id')} cannot be read: {error!r}.") from error


def _tax(told: Mapping[str, Any], currency: str) -> ReportedTax:
    """One jurisdiction's part; the rate is missing where no tax is imposed."""
    where, rate = told["jurisdiction"], told["tax_rate_details"]
    kind = TYPES.get(rate["tax_type"], rate["display_name"]) if rate else "tax"
    return ReportedTax(
        jurisdiction=f"{where['country']}-{where['state']}" if where["state"] else where["country"],
        type=kind,
        rate=Decimal(rate["percentage_decimal"]) if rate else Decimal(0),
        base=from_psp(told["taxable_amount"], currency).minor,
        tax=from_psp(told["amount"], currency).minor,
        reason=told["taxability_reason"],
        place=where["display_name"] if where["level"] != "country" else "",
    )


def reported_of(made: Mapping[str, Any]) -> Reported:
    """A transaction of Stripe Tax in our words."""
    try:
        [line] = made["line_items"]["data"]
        return Reported(
            external_id=made["id"],
            reference=made["reference"],
            line_id=line["id"],
            amount=line["amount"],
            tax=line["amount_tax"],
            currency=str(made["currency"]).upper(),
            marks=dict(made["metadata"] or {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"Stripe's tax transaction {made.get('id')} cannot be read: {error!r}.") from error
