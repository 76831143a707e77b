"""What the sandbox's Stripe Tax knows of the United States: whose tax is due at an address, on what part of a sale.

A few states stand for every kind of answer: local taxes (New York, Texas, California), what is sold is exempt
(California) or taxed in part (Texas), no tax at all (Oregon, Delaware, Montana, New Hampshire). Nobody is registered
anywhere else unless the control page says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

#: What may be sold, in Stripe's codes; the first is what the account says when a request says nothing.
CODES: Final = {
    "txcd_10000000": "General - Electronically Supplied Services",
    "txcd_10103000": "Software as a service (SaaS) - personal use",
    "txcd_10103001": "Software as a service (SaaS) - business use",
    "txcd_20030000": "General - Services",
    "txcd_99999999": "General - Tangible Goods",
    "txcd_00000000": "Nontaxable",
}
DEFAULT_CODE: Final = "txcd_10000000"
ELECTRONIC: Final = "txcd_10"
REGISTERED: Final = ("CA", "NY", "TX", "OR")
UNTAXED_STATES: Final = frozenset({"OR", "DE", "MT", "NH"})
#: The beginnings of postcodes, for the states we know them of.
POSTCODES: Final = {
    "CA": range(900, 962),
    "NY": range(100, 150),
    "TX": range(750, 800),
    "OR": range(970, 980),
    "WA": range(980, 995),
    "DE": range(197, 200),
}
NAMES: Final = {"CA": "California", "NY": "New York", "TX": "Texas"}


@dataclass(frozen=True, slots=True)
class Levy:
    """One jurisdiction's tax, in percent."""

    level: str
    name: str
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Due:
    """Who taxes a sale, what part of it, and Stripe's word for why (also why nobody does)."""

    levies: tuple[Levy, ...]
    reason: str
    part: Decimal = Decimal(1)

    @property
    def percent(self) -> Decimal:
        return sum((levy.percent for levy in self.levies), Decimal(0))


def state_of(postcode: str) -> str | None:
    """The state of a five-digit postcode, as far as we know it."""
    beginning = int(postcode[:3])
    return next((state for state, known in POSTCODES.items() if beginning in known), None)


def due(country: str, state: str, postcode: str, code: str, override: str, registered: Sequence[str]) -> Due:
    untaxed = _untaxed(country, state, code, override, registered)
    if untaxed:
        return Due((), untaxed)
    levies = (Levy("state", NAMES[state], _STATE[state]), *_local(state, postcode))
    if state == "TX" and code.startswith(ELECTRONIC):  # data processing: a fifth of it is exempt
        return Due(levies, "taxable_basis_reduced", Decimal("0.8"))
    return Due(levies, "standard_rated")


def _untaxed(country: str, state: str, code: str, override: str, registered: Sequence[str]) -> str:
    """Why nobody taxes it; empty where somebody does."""
    if override in {"customer_exempt", "reverse_charge"}:
        return override
    if (country == "US" and state in UNTAXED_STATES) or code == "txcd_00000000":
        return "not_subject_to_tax"
    if country != "US" or state not in registered or state not in NAMES:
        return "not_collecting"
    return "product_exempt" if state == "CA" and code.startswith(ELECTRONIC) else ""


_STATE: Final = {"CA": Decimal("6.0"), "NY": Decimal("4.0"), "TX": Decimal("6.25")}
_NEW_YORK_CITY: Final = frozenset({100, 101, 102, 103, 104, 111, 112, 113, 114, 116})


def _local(state: str, postcode: str) -> tuple[Levy, ...]:
    beginning = int(postcode[:3])
    if state == "NY" and beginning in _NEW_YORK_CITY:
        return (
            Levy("city", "New York City", Decimal("4.5")),
            Levy("district", "Metropolitan Commuter Transportation District", Decimal("0.375")),
        )
    if state == "NY":
        return (Levy("county", "Erie County", Decimal("4.75")),)
    if state == "TX":
        where = {787: "Austin", 752: "Dallas", 770: "Houston"}.get(beginning, "Local")
        return (
            Levy("city", where, Decimal("1.0")),
            Levy("district", f"{where} Metropolitan Transit", Decimal("1.0")),
        )
    angeles = 900 <= beginning <= 918
    city = "Los Angeles" if angeles else "San Francisco"
    district = Decimal("2.5") if angeles else Decimal("1.375")
    return (
        Levy("county", f"{city} County", Decimal("0.25")),
        Levy("city", city, Decimal("1.0")),
        Levy("district", f"{city} District", district),
    )


def taxed(amount: int, found: Due, *, inclusive: bool) -> tuple[int, list[int]]:
    """The taxable amount, and each levy's tax, in smallest units; out of an inclusive amount the tax is taken."""
    if not found.levies:
        return 0, []
    whole = Decimal(amount)
    if inclusive:
        whole = _whole(whole / (1 + found.percent * found.part / 100))
    base = _whole(whole * found.part)
    taxes = [int(_whole(base * levy.percent / 100)) for levy in found.levies]
    if inclusive:  # net and taxes are the amount exactly: what rounding left is the state's
        taxes[0] += amount - int(whole) - sum(taxes)
    return int(base), taxes


def _whole(figure: Decimal) -> Decimal:
    return figure.quantize(Decimal(1), ROUND_HALF_UP)
