"""What many groups do alike: a database transaction around one call of the domain, and one way to show the result."""

from collections.abc import Callable
from typing import Any

from fastapi import Response
from sqlalchemy import Connection

from app.api.billing.common import Billing
from app.plans.keys import BillingKey
from app.plans.shelf import Record

Wire = dict[str, Any]


class Writes:
    """`make(key, lambda c, who: …)`: `who` is what every writer of the domain is told, the actor and the time."""

    def __init__(self, billing: Billing) -> None:
        self._db, self._clock = billing.db, billing.clock

    def __call__(self, key: BillingKey, do: Callable[[Connection, "Who"], Record], show: "Show") -> Wire:
        """Do it in one transaction and show what it made."""
        with self._db.write() as connection:
            return show(connection, do(connection, {"actor": key.id, "now": self._clock()}))

    def many(self, key: BillingKey, do: Callable[[Connection, "Who"], list[Record]], show: "Show") -> Wire:
        """The same for several: `{"items": […]}`."""
        with self._db.write() as connection:
            made = do(connection, {"actor": key.id, "now": self._clock()})
            return {"items": [show(connection, each) for each in made]}

    def gone(self, key: BillingKey, do: Callable[[Connection, "Who"], object], said: str) -> Wire:
        """Do it and say so."""
        with self._db.write() as connection:
            do(connection, {"actor": key.id, "now": self._clock()})
        return {"message": said}

    def silently(self, key: BillingKey, do: Callable[[Connection, "Who"], object]) -> Response:
        """Do it and answer 204 without a body."""
        with self._db.write() as connection:
            do(connection, {"actor": key.id, "now": self._clock()})
        return Response(status_code=204)


#: `actor` and `now`, to be passed on as keywords.
Who = dict[str, Any]
Show = Callable[[Connection, Record], Wire]


def plainly(show: Callable[[Record], Wire]) -> Show:
    """For what is shown without looking anything up."""
    return lambda _connection, row: show(row)
