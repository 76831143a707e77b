"""What an event from outside may not say of itself: that it is one of our own, or another customer's."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import select

from app.generation.tables import Generation
from app.kernel.db import Database, metadata
from app.kernel.errors import Conflict, InvalidInput
from app.plans import tables as plans

#: The event of a generation of ours is its id and this.
SUFFIX: Final = "_final"
OWN: Final = re.compile(rf"(gen_[0-9A-Za-z]+){SUFFIX}")
MOST_AT_ONCE: Final = 500

_generation, _customer = metadata.tables[str(Generation.__tablename__)].c, plans.customer.c


def check(db: Database, given: Sequence[Any], place: str) -> None:
    """`Conflict` "event_is_ours" for the id that the event of a generation here has or will have: it would keep the
    generation itself off the books. `InvalidInput` for a `customer_id` that is not of `external_customer_id`."""
    claimed, meant = dict[str, str](), dict[tuple[str, str], str]()
    for at, each in enumerate(given):
        if not isinstance(each, dict):
            continue
        event_id = each.get("event_id")
        if isinstance(event_id, str) and event_id.endswith(SUFFIX) and (own := OWN.fullmatch(event_id)):
            claimed[own[1]] = _at(place, at, "event_id")
        customer_id = each.get("customer_id")
        if customer_id and customer_id != each.get("external_customer_id"):
            if not isinstance(customer_id, str):
                raise InvalidInput("customer_id must be text.", param=_at(place, at, "customer_id"))
            meant[customer_id, str(each.get("external_customer_id"))] = _at(place, at, "customer_id")
    if claimed:
        _not_ours(db, claimed)
    if meant:
        _theirs(db, meant)


def _not_ours(db: Database, claimed: dict[str, str]) -> None:
    with db.read() as connection:
        for ids in _parts(list(claimed)):
            for known in connection.execute(select(_generation.id).where(_generation.id.in_(ids))).scalars():
                said = f"{known}{SUFFIX} is the event of a generation here, which is sent by itself."
                raise Conflict(said, param=claimed[known], code="event_is_ours")


def _theirs(db: Database, meant: dict[tuple[str, str], str]) -> None:
    owners: dict[str, str] = {}
    with db.read() as connection:
        for ids in _parts([customer_id for customer_id, _ in meant]):
            query = select(_customer.id, _customer.external_id).where(_customer.id.in_(ids))
            owners |= {row.id: row.external_id for row in connection.execute(query)}
    for (customer_id, external), param in meant.items():
        if owners.get(customer_id) != external:
            said = "is not that of external_customer_id, by which usage is kept: leave it out."
            raise InvalidInput(f"{param} {said}", param=param)


def _at(place: str, number: int, name: str) -> str:
    return f"{place}.{number}.{name}" if place else name


def _parts(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), MOST_AT_ONCE):
        yield ids[start : start + MOST_AT_ONCE]
