"""The operator's legal entities: edited under Settings, every version kept, one of them the default."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import Connection, insert, select, update

from app.invoicing import tables, tax_ids
from app.invoicing.countries import countries, require_country
from app.invoicing.numbering import LETTER
from app.invoicing.parties import Seller
from app.invoicing.rates import eu_members, tax_country
from app.invoicing.tax_elsewhere import STRIPE_TAX
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.fiat import CURRENCIES
from app.kernel.ids import new_id

_ENTITY, _VERSION, _SERIES = tables.legal_entity, tables.legal_entity_version, tables.invoice_series
_PREFIX_LENGTH = 12
_CHOICES: Mapping[str, tuple[object, ...]] = {
    "vat_status": ("registered", "exempt", "none"),
    "credits_tax_point": ("sale", "redemption"),
    "vies_policy": ("charge_vat", "allow_and_recheck"),
    "vat_check": ("off", "vies"),
    "tax_source": ("table", "stripe_tax"),
}
_TAX_CODE: Final = re.compile(r"txcd_\d{8}")


class SellerNeeded(Conflict):
    """Nothing can be sold before an operator has said who sells."""

    code = "seller_needed"


class Sellers:
    """The installation's legal entities."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def current(self) -> Seller:
        """The default entity's newest version; `SellerNeeded` before there is one."""
        with self._db.read() as connection:
            return current(connection)

    def find(self, entity_id: str) -> Seller | None:
        """An entity's newest version."""
        with self._db.read() as connection:
            return _find(connection, entity_id)

    def all(self) -> list[Seller]:
        """Every entity's newest version, the default first."""
        with self._db.read() as connection:
            ordered = select(_ENTITY.c.id).order_by(_ENTITY.c.is_default.desc(), _ENTITY.c.id)
            found = [_find(connection, entity_id) for entity_id in connection.execute(ordered).scalars().all()]
        return [seller for seller in found if seller is not None]

    def save(self, seller: Seller, *, author: str, make_default: bool = False) -> Seller:
        """Keep a new version (a new entity when `entity_id` is empty); `InvalidInput` names what is wrong.

        Numbers already issued keep their series: a new prefix starts with the next year's.
        """
        checked = check_seller(seller)
        now = self._clock()
        with self._db.write() as connection:
            first = connection.execute(select(_ENTITY.c.id).limit(1)).first() is None
            _refuse_taken_prefix(connection, checked)
            stored = _next_version(connection, checked)
            if make_default:
                connection.execute(update(_ENTITY).values(is_default=False))
            head: dict[str, object] = {
                "version": stored.version,
                "name": stored.name,
                "series_prefix": stored.series_prefix,
                "updated_at": now,
            }
            if stored.version == 1:
                head |= {"id": stored.entity_id, "is_default": first or make_default, "created_at": now}
                connection.execute(insert(_ENTITY).values(**head))
            else:
                head |= {"is_default": True} if make_default else {}
                connection.execute(update(_ENTITY).where(_ENTITY.c.id == stored.entity_id).values(**head))
            connection.execute(
                insert(_VERSION).values(
                    entity_id=stored.entity_id,
                    version=stored.version,
                    details=stored.to_json(),
                    author=author,
                    created_at=now,
                )
            )
        return stored

    def history(self, entity_id: str) -> list[Mapping[str, Any]]:
        """Every version, newest first: `version, author, created_at, details`."""
        with self._db.read() as connection:
            rows = select(_VERSION).where(_VERSION.c.entity_id == entity_id).order_by(_VERSION.c.version.desc())
            return [dict(row) for row in connection.execute(rows).mappings()]


def current(connection: Connection) -> Seller:
    """The default entity's newest version, in the caller's transaction."""
    entity_id = connection.execute(select(_ENTITY.c.id).where(_ENTITY.c.is_default)).scalar()
    found = _find(connection, entity_id) if entity_id else None
    if found is None:
        raise SellerNeeded("Say who sells under Settings, Seller, before anything can be sold.")
    return found


def check_seller(seller: Seller) -> Seller:
    """The same, tidied; `InvalidInput` with the `param` that is wrong."""
    for param, value in {"name": seller.name, "line1": seller.address.line1, "city": seller.address.city}.items():
        if not value.strip():
            raise InvalidInput("An invoice needs the seller's name, street and city.", param=param)
    require_country(seller.address.country)
    _check_prefix(seller.series_prefix)
    for param, choices in _CHOICES.items():
        if getattr(seller, param) not in choices:
            raise InvalidInput(f"{param} must be one of {', '.join(map(str, choices))}.", param=param)
    if seller.currency not in CURRENCIES:
        raise InvalidInput(f"{seller.currency} is not a currency code such as EUR.", param="currency")
    if seller.time_zone not in _time_zones():
        raise InvalidInput(f"{seller.time_zone} is not a time zone such as Europe/Berlin.", param="time_zone")
    if seller.vat_status == "exempt" and not seller.exempt_reason.strip():
        raise InvalidInput("Say why no tax is charged: the law wants it on the invoice.", param="exempt_reason")
    _check_stripe_tax(seller)
    if seller.vat_id:
        read = tax_ids.read(seller.vat_id, seller.country)
        if not read.syntax_ok:
            raise InvalidInput(f"{seller.vat_id} is not a valid tax id of {seller.country}.", param="vat_id")
        return replace(seller, vat_id=read.value)
    return seller


def _check_stripe_tax(seller: Seller) -> None:
    """Stripe Tax is asked where our own rules do not know the rate, and when credits are sold."""
    if seller.stripe_tax_code and not _TAX_CODE.fullmatch(seller.stripe_tax_code):
        raise InvalidInput(
            "A tax code of Stripe's is txcd_ and eight digits, such as txcd_10000000.", param="stripe_tax_code"
        )
    if seller.tax_source != STRIPE_TAX:
        return
    if not seller.stripe_tax_places:
        raise InvalidInput("Name the countries Stripe Tax is asked about, such as US.", param="stripe_tax_places")
    for place in seller.stripe_tax_places:
        if place not in countries() or place in eu_members() or tax_country(place) != place:
            raise InvalidInput(
                f"{place} cannot be left to Stripe Tax: name countries by two letters, none of them in the EU, whose"
                " rules Farebox knows itself.",
                param="stripe_tax_places",
            )
    if seller.credits_tax_point == "redemption":
        raise InvalidInput(
            "Stripe Tax is asked when credits are sold: with credits taxed on redemption use the table of rates.",
            param="tax_source",
        )


def zone(seller: Seller) -> ZoneInfo:
    """Whose midnight ends a day, and a year of numbers."""
    return ZoneInfo(seller.time_zone)


@cache
def _time_zones() -> set[str]:
    """Their names, read from six hundred files."""
    return available_timezones()


def _check_prefix(prefix: str) -> None:
    plain = prefix.isascii() and prefix.isalnum() and prefix == prefix.upper()
    if not plain or not 1 <= len(prefix) <= _PREFIX_LENGTH or prefix == "TEST":
        raise InvalidInput(
            f"A series prefix is 1 to {_PREFIX_LENGTH} capital letters or digits, such as LG.", param="series_prefix"
        )


def _refuse_taken_prefix(connection: Connection, seller: Seller) -> None:
    """Two entities whose numbers could be the same: LG's credit notes are LGC-…, so LGC is taken too."""
    others = connection.execute(select(_ENTITY.c.series_prefix).where(_ENTITY.c.id != seller.entity_id)).scalars()
    used = connection.execute(select(_SERIES.c.prefix).where(_SERIES.c.entity_id != seller.entity_id)).scalars()
    taken = {prefix + letter for prefix in others for letter in LETTER.values()}
    taken |= {prefix.removeprefix("TEST-").split("-")[0] for prefix in used}
    if taken & {seller.series_prefix + letter for letter in LETTER.values()}:
        raise InvalidInput("This prefix could give the same numbers as another entity's.", param="series_prefix")


def _next_version(connection: Connection, seller: Seller) -> Seller:
    if not seller.entity_id:
        return replace(seller, entity_id=new_id("ent"), version=1)
    # Two who save at the same moment take turns, so that each has a version of its own.
    connection.execute(select(_ENTITY.c.id).where(_ENTITY.c.id == seller.entity_id).with_for_update())
    newest = _find(connection, seller.entity_id)
    return replace(seller, version=newest.version + 1 if newest else 1)


def _find(connection: Connection, entity_id: str) -> Seller | None:
    newest = (
        select(_VERSION.c.details).where(_VERSION.c.entity_id == entity_id).order_by(_VERSION.c.version.desc()).limit(1)
    )
    details = connection.execute(newest).scalar()
    return Seller.from_json(details) if details else None
