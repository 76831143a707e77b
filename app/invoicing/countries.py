"""Countries by their ISO codes, with the names people know them by (from the CLDR, by way of Babel)."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from babel import Locale

from app.kernel.errors import InvalidInput

_NOT_COUNTRIES: Final = frozenset({"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB", "AC", "CP", "DG", "EA", "IC", "TA", "CQ"})
_STATES: Final = {
    "CA": "AB BC MB NB NL NS NT NU ON PE QC SK YT",
    "US": """
        AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK
        OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI""",
    "IN": """
        AN AP AR AS BR CH CG DH DL GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD PB PY RJ SK TG TN TR UK UP WB""",
}
#: The states and provinces that tax asks for, by country.
STATES: Final = {country: tuple(codes.split()) for country, codes in _STATES.items()}


@cache
def countries(language: str = "en") -> dict[str, str]:
    """Name by ISO 3166 alpha-2 code, in the order of the names."""
    names: Mapping[str, str] = {str(code): str(name) for code, name in Locale.parse(language).territories.items()}
    found = {
        code: name for code, name in names.items() if re.fullmatch("[A-Z]{2}", code) and code not in _NOT_COUNTRIES
    }
    return dict(sorted(found.items(), key=lambda item: item[1]))


def country_name(code: str, language: str = "en") -> str:
    """The country's name, its code when it has none."""
    return countries(language).get(code, code)


def require_country(code: str, state: str = "", *, param: str = "country") -> None:
    """`InvalidInput` unless this is a country, and one of its states where tax depends on the state."""
    if code not in countries():
        raise InvalidInput("Choose a country.", param=param)
    if state and state not in STATES.get(code, (state,)):
        raise InvalidInput(f"{state} is not a state or province of {country_name(code)}.", param="state")
