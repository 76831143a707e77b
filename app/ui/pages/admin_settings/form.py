"""The seller's and the payments' forms: text in, checked values out. Pure."""

from dataclasses import replace
from typing import Any, Final

from app.invoicing.parties import Address, Bank, Seller
from app.kernel.errors import InvalidInput
from app.kernel.fiat import CURRENCIES, Fiat
from app.kernel.text import t
from app.payments.policy import Policy
from app.ui.pages.admin_orders.rows import fiat_of

ADDRESS: Final = ("line1", "line2", "postcode", "city", "state", "country")
BANK: Final = ("holder", "iban", "bic", "bank", "note")
PLAIN: Final = (
    "name", "vat_id", "tax_number", "registration", "email", "phone", "website", "series_prefix", "currency",
    "time_zone", "exempt_reason", "stripe_tax_code",
)  # fmt: skip
CHOICES: Final = {
    "vat_status": ("registered", "exempt", "none"),
    "credits_tax_point": ("sale", "redemption"),
    "vies_policy": ("charge_vat", "allow_and_recheck"),
    "vat_check": ("off", "vies"),
    "tax_source": ("table", "stripe_tax"),
}
PLACES: Final = ("registrations", "stripe_tax_places")
LONGEST_COUNT: Final = 10
SWITCHES: Final = ("oss", "prices_include_tax")
#: Bank fields stand beside the address's in one form, so they carry a prefix.
FIELDS: Final = (*PLAIN, *ADDRESS, *(f"bank_{name}" for name in BANK), *PLACES, *CHOICES)

Values = dict[str, str]


def values_of(seller: Seller | None) -> Values:
    """What the form starts with; before there is a seller, sensible choices and nothing else."""
    if seller is None:
        first = {name: options[0] for name, options in CHOICES.items()}
        usual = {"currency": "EUR", "time_zone": "UTC", "series_prefix": "INV", "stripe_tax_places": "US"}
        return {**dict.fromkeys(FIELDS, ""), **first, **usual}
    return {
        **{name: str(getattr(seller, name)) for name in (*PLAIN, *CHOICES)},
        **{name: str(getattr(seller.address, name)) for name in ADDRESS},
        **{f"bank_{name}": str(getattr(seller.bank, name)) for name in BANK},
        **{name: ", ".join(getattr(seller, name)) for name in PLACES},
    }


def seller_of(values: Values, switches: dict[str, bool], before: Seller | None) -> Seller:
    """The seller of the form, a version of `before` when there is one."""
    tidy = {name: " ".join(value.split()) for name, value in values.items()}
    address = Address(**{name: tidy[name] for name in ADDRESS})
    given: dict[str, Any] = {name: tidy[name] for name in (*PLAIN, *CHOICES)}
    given |= {name: switches.get(name, False) for name in SWITCHES}
    given["registration"] = values["registration"].strip()
    given["bank"] = Bank(**{name: tidy[f"bank_{name}"] for name in BANK})
    given |= {name: tuple(place.upper() for place in tidy[name].replace(",", " ").split()) for name in PLACES}
    given["series_prefix"], given["currency"] = tidy["series_prefix"].upper(), tidy["currency"].upper()
    if before is None:
        return Seller(entity_id="", version=0, address=address, **given)
    return replace(before, address=address, **given)


def four_eyes_words(policy: Policy) -> str:
    """`EUR 500.00` a line, as it is typed."""
    found = sorted(policy.four_eyes_from.items())
    return "\n".join(f"{currency} {Fiat(minor, currency).amount:f}" for currency, minor in found)


def four_eyes_of(text: str) -> dict[str, int]:
    """The amounts of that text; InvalidInput names the line that cannot be read."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        currency, _, figure = line.strip().partition(" ")
        code = currency.upper()
        if code not in CURRENCIES or not figure.strip():
            raise InvalidInput(t("admin_settings.wrong.four_eyes", line=line.strip()[:40]), param="four_eyes")
        zero = figure.strip().strip("0.") == ""
        found[code] = 0 if zero else fiat_of(figure, code, "four_eyes").minor
    return found


def days_of(text: str) -> int:
    clean = text.strip()
    if not (clean.isascii() and clean.isdigit() and len(clean) <= 4):
        raise InvalidInput(t("admin_settings.wrong.days"), param="transfer_days")
    return int(clean)


def refund_days_of(text: str) -> int | None:
    """Nothing typed means for ever."""
    if not text.strip():
        return None
    try:
        return days_of(text)
    except InvalidInput:
        raise InvalidInput(t("admin_settings.wrong.refund_days"), param="refund_days") from None


def confirm_of(text: str) -> int | None:
    """Credits from which the playground asks; nothing typed means as the installation says."""
    clean = text.strip().replace(",", "")
    if not clean:
        return None
    if not (clean.isascii() and clean.isdigit() and len(clean) <= LONGEST_COUNT):
        raise InvalidInput(t("admin_settings.wrong.confirm"), param="confirm_above")
    return int(clean)
