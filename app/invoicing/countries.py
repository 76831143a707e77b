"""Countries by their ISO codes, with the names people know them by (from the CLDR, by way of Babel)."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale

from app.kernel.errors import InvalidInput

_NOT_COUNTRIES: Final = frozenset({"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB", "AC", "CP", "DG", "EA", "IC", "TA", "CQ"})
#: The states and provinces that tax asks for, by country: name by code.
STATES: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    Path(__file__).with_name("states.toml").read_text(encoding="utf-8")
)


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


def state_name(country: str, code: str) -> str:
    """The state's or province's name, its code where we know none."""
    return STATES.get(country, {}).get(code, code)


def require_country(code: str, state: str = "", *, param: str = "country") -> None:
    """`InvalidInput` unless this is a country, and one of its states where tax depends on the state."""
    if code not in countries():
        raise InvalidInput("Choose a country.", param=param)
    if state and state not in STATES.get(code, (state,)):
        raise InvalidInput(f"{state} is not a state or province of {country_name(code)}.", param="state")
