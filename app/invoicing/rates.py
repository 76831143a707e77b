"""What tax is charged where: `eu-vat-rates-data`, our own short table for the rest, and the operator's rows over both.

A place without a row has no rate and nothing is guessed: `NoTaxRate`.
"""

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from app.kernel.errors import Conflict

FILE: Final = Path(__file__).with_name("rates.toml")
#: Places whose consumption tax is another country's.
_TREATED_AS: Final = {"MC": "FR", "IM": "GB", "XI": "GB"}
#: Countries where a state or province decides beside, or instead of, the country.
WITH_STATES: Final = frozenset({"US", "CA", "IN"})


class NoTaxRate(Conflict):
    """A place where tax must be charged and no rate is known; an operator enters one under Settings."""

    code = "no_tax_rate"


class Component(NamedTuple):
    """One tax that applies in a place; `rate` in percent."""

    jurisdiction: str
    type: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Row:
    """A dated rate. `instead`: where it applies the country's own rate does not."""

    jurisdiction: str
    type: str
    rate: Decimal
    since: date
    until: date | None = None  # the first day it no longer applies
    instead: bool = False

    def applies(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on < self.until)


@dataclass(frozen=True, slots=True)
class RateBook:
    """Every rate that is known, the operator's first."""

    overrides: tuple[Row, ...] = ()

    @property
    def version(self) -> str:
        """Names the data a decision was made on."""
        eu, ours = _published()
        own = f", {len(self.overrides)} own" if self.overrides else ""
        return f"eu-vat-rates-data {eu.version}, farebox {ours.version}{own}"

    def components(self, country: str, state: str, on: date, *, within_state: bool = False) -> tuple[Component, ...]:
        """The taxes of a place on a day. `within_state`: seller and buyer share the state (India's two halves)."""
        place = f"{country}-{state}" if state and country in WITH_STATES else country
        federal = "IN-STATE" if country == "IN" and within_state else country
        found = self._of(place, on) if place != country else []
        if not any(row.instead for row in found):
            found = [*self._of(federal, on), *found]
        if not found:
            raise NoTaxRate(f"No tax rate is known for {place}. Enter one under Settings, Payments.", place=place)
        return tuple(Component(row.jurisdiction.removesuffix("-STATE"), row.type, row.rate) for row in found)

    def _of(self, jurisdiction: str, on: date) -> list[Row]:
        own = [row for row in self.overrides if row.jurisdiction == jurisdiction and row.applies(on)]
        if own:
            return _latest_of_each_type(own)
        return _latest_of_each_type(row for row in _rows().get(jurisdiction, ()) if row.applies(on))


def tax_country(country: str) -> str:
    """The country whose consumption tax applies: Monaco is France, Northern Ireland (services) is Great Britain."""
    return _TREATED_AS.get(country, country)


@cache
def eu_members() -> frozenset[str]:
    """The member states by the data in force."""
    return frozenset(code for code, rate in _eu_data()["rates"].items() if rate["eu_member"])


class _Published(NamedTuple):
    version: str
    rows: tuple[Row, ...]


@cache
def _eu_data() -> dict[str, dict[str, dict[str, object]]]:
    # Read as decimals from the package's own file: its functions answer in floats.
    text = files("eu_vat_rates_data").joinpath("eu_vat_rates_data.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, dict[str, object]]] = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return found


@cache
def _published() -> tuple[_Published, _Published]:
    eu = _eu_data()
    vat = tuple(Row(code, "VAT", Decimal(str(rate["standard"])), date.min) for code, rate in eu["rates"].items())
    ours = tomllib.loads(FILE.read_text(encoding="utf-8"))
    rows = tuple(Row(**{**row, "rate": Decimal(row["rate"])}) for row in ours["rate"])
    return _Published(str(eu["version"]), vat), _Published(ours["version"], rows)


@cache
def _rows() -> dict[str, tuple[Row, ...]]:
    by_place: dict[str, list[Row]] = {}
    for published in _published():
        for row in published.rows:
            by_place.setdefault(row.jurisdiction, []).append(row)
    return {place: tuple(rows) for place, rows in by_place.items()}


def _latest_of_each_type(rows: Iterable[Row]) -> list[Row]:
    newest: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row.since):
        newest[row.type] = row
    return list(newest.values())


def standard(rows: Sequence[Component]) -> Decimal:
    """All the components' percents together."""
    return sum((row.rate for row in rows), Decimal(0))
