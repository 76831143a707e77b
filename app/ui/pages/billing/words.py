"""The billing profile and the tax that follows from it, as text: pure."""

from decimal import Decimal
from typing import TypedDict

from app.invoicing import tax_ids
from app.invoicing.countries import country_name, state_name
from app.invoicing.parties import Address, Buyer, TaxId
from app.invoicing.tax_snapshot import TaxRate, TaxSnapshot
from app.kernel.text import sentences, t
from app.ui import present

CHECKS = {"valid": "good", "invalid": "loss", "unavailable": "thin"}


class ProfileCard(TypedDict):
    title: str
    attention: str
    lines: list[str]
    tax_label: str
    tax_id: str
    check: str
    check_tone: str
    email: str
    reference: str


class TaxWords(TypedDict):
    headline: str  # "19% VAT, Germany"
    detail: str
    tone: str


NO_PROFILE = ProfileCard(
    title="", attention="", lines=[], tax_label="", tax_id="", check="", check_tone="neutral", email="", reference=""
)
NO_TAX = TaxWords(headline="", detail="", tone="neutral")


def profile_card(buyer: Buyer) -> ProfileCard:
    """What an invoice will print of this buyer, with what is known of the tax id."""
    known = buyer.tax_id
    check, tone = check_words(known) if known else ("", "neutral")
    return ProfileCard(
        title=buyer.title,
        attention=buyer.name if buyer.is_business and buyer.name != buyer.title else "",
        lines=address_lines(buyer.address),
        tax_label=tax_ids.form_of(known.country or buyer.country).label if known else "",
        tax_id=known.value if known else "",
        check=check,
        check_tone=tone,
        email=buyer.email,
        reference=buyer.reference,
    )


def address_lines(address: Address) -> list[str]:
    """Street, town and country, a line each."""
    town = " ".join(part for part in (address.postcode, address.city) if part)
    state = state_name(address.country, address.state) if address.state else ""
    lines = [address.line1, address.line2, ", ".join(part for part in (town, state) if part)]
    return [line for line in (*lines, country_name(address.country)) if line]


def check_words(tax_id: TaxId) -> tuple[str, str]:
    """Whether anybody who should know has confirmed the id, and the tone of that."""
    result = tax_id.check.result if tax_id.check else "unchecked"
    return t(f"billing.check.{result}"), CHECKS.get(result, "neutral")


def tax_words(tax: TaxSnapshot) -> TaxWords:
    """What is added to an order, in one line, and why."""
    charged = [rate for rate in tax.rates if rate.rate]
    reasons = [text for code in tax.reasons if (text := reason(code))]
    if charged:
        inclusive = t("billing.tax.inclusive") if charged[0].inclusive else ""
        detail = [*reasons, inclusive] if inclusive else reasons
        return TaxWords(headline=tax_headline(charged), detail=" ".join(detail), tone="thin" if reasons else "neutral")
    said = next((rate.exemption_text for rate in tax.rates if rate.exemption_text), "")
    name = "reverse_charge" if tax.scheme == "reverse_charge" else "none"
    return TaxWords(headline=t(f"billing.tax.{name}"), detail=" ".join([said, *reasons]).strip(), tone="neutral")


def tax_headline(charged: list[TaxRate]) -> str:
    """`19% VAT, Germany`, `5% GST + 9.975% QST, Quebec`."""
    kinds: dict[str, Decimal] = {}
    for rate in charged:  # a state's, a county's and a city's tax of one name are one to who pays them
        kinds[rate.type] = kinds.get(rate.type, Decimal(0)) + rate.rate
    parts = " + ".join(f"{present.number(rate, 0, 3)}% {name}" for name, rate in kinds.items())
    return f"{parts}, {place(charged[-1].jurisdiction)}"


def place(jurisdiction: str) -> str:
    """`DE` → Germany, `US-CA` → California."""
    country, _, state = jurisdiction.partition("-")
    return state_name(country, state) if state else country_name(country)


def reason(code: str) -> str:
    """Why the tax is not what the buyer may have expected; empty for what only concerns the seller."""
    return sentences().get(f"billing.reason.{code}", "")
