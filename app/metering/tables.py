"""Usage: what each event said, which of them are alike, and their sums by day. Events are written once."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.kernel.db import BigKey, Json, UtcDateTime, metadata


class MeterRow(SQLModel, table=True):
    """How events become a quantity. The first of `fields` that an event has is the figure."""

    __tablename__ = "meter"

    id: str = Field(primary_key=True)  # meter_…, or a name that integrators know
    name: str
    event_name: str = Field(index=True)  # "" for every event
    aggregation: str
    fields: list[str] = Field(default_factory=list, sa_type=Json)
    counts_one: bool = False  # an event without any of the fields counts as one
    expression: str | None = None
    multiplier: str = "1"
    bucket_size: str | None = None
    group_by: str | None = None
    filters: dict[str, Any] = Field(default_factory=dict, sa_type=Json)  # {property: [values]}
    reset_usage: str = "BILLING_PERIOD"
    enabled: bool = True
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


#: Events that say the same but for their figures share a shape: their name and every other property.
shape = sa.Table(
    "usage_shape",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("event_name", sa.String, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),  # canonical JSON of text
    sa.UniqueConstraint("event_name", "properties"),
)

event = sa.Table(
    "usage_event",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.String, nullable=False),  # once: see `key` and `page`
    sa.Column("customer", sa.String, nullable=False),  # the customer's external id
    sa.Column("shape_id", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),  # as sent
    sa.Column("source", sa.String, nullable=False),
    sa.Column("digest", sa.BigInteger, nullable=False),  # of all but the time: a repetition has the same
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("generation_id", sa.String),  # of a generation of our own
    sa.Index("usage_event_by_customer", "customer", "at", sqlite_where=sa.text("false")),  # SQLite: `place` instead
    sa.Index(
        "usage_event_by_generation",
        "generation_id",
        unique=True,
        sqlite_where=sa.text("generation_id IS NOT NULL"),
        postgresql_where=sa.text("generation_id IS NOT NULL"),
    ),
)

#: PostgreSQL: the ids that are known. Its unique index decides between writers.
key = sa.Table(
    "usage_key",
    metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("digest", sa.BigInteger, nullable=False),
    sa.Column("event", sa.BigInteger, nullable=False),
)

#: SQLite, which has one writer: the ids that are known, by parts of their hashes, many to a page. An index over ids
#: would rewrite a page of the file for every event; these are written for very many events at once (`known.py`).
page = sa.Table(
    "usage_page",
    metadata,
    sa.Column("prefix", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("entries", sa.LargeBinary, nullable=False),
)

#: SQLite: where a customer's events are, in the order of time. An index on the events would rewrite a page of the file
#: for nearly every event; this is written, together with the sums, for very many at once.
place = sa.Table(
    "usage_place",
    metadata,
    sa.Column("customer", sa.String, primary_key=True),
    sa.Column("at", UtcDateTime, primary_key=True),
    sa.Column("event", sa.BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

#: SQLite: the last event whose id stands in `usage_page` ("known"), and the last one whose figures are in the sums and
#: which is in `usage_place` ("rolled").
mark = sa.Table(
    "usage_mark",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("event", sa.BigInteger, nullable=False),
)

#: Sums by customer, shape, day (UTC) and figure; "" counts the events. A figure is `whole` + `billionths` / 10⁹.
rollup = sa.Table(
    "usage_rollup",
    metadata,
    sa.Column("customer", sa.String, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("shape_id", sa.BigInteger, primary_key=True),
    sa.Column("figure", sa.String, primary_key=True),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("whole", sa.BigInteger, nullable=False),
    sa.Column("billionths", sa.BigInteger, nullable=False),
)

#: The same over all customers, and over all days of a month (kept as its first day) for each customer.
daily = sa.Table(
    "usage_daily",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("shape_id", sa.BigInteger, primary_key=True),
    sa.Column("figure", sa.String, primary_key=True),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("whole", sa.BigInteger, nullable=False),
    sa.Column("billionths", sa.BigInteger, nullable=False),
)
monthly = sa.Table(
    "usage_monthly",
    metadata,
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("customer", sa.String, primary_key=True),
    sa.Column("shape_id", sa.BigInteger, primary_key=True),
    sa.Column("figure", sa.String, primary_key=True),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("whole", sa.BigInteger, nullable=False),
    sa.Column("billionths", sa.BigInteger, nullable=False),
)


#: PostgreSQL: what is not in `rollup`, `daily` and `monthly` yet (`waiting.py`). Nothing is ever looked up here.
waiting = sa.Table(
    "usage_waiting",
    metadata,
    sa.Column("customer", sa.String, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("shape_id", sa.BigInteger, nullable=False),
    sa.Column("figure", sa.String, nullable=False),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("whole", sa.BigInteger, nullable=False),
    sa.Column("billionths", sa.BigInteger, nullable=False),
)

#: An event id that came again with something else to say. The first one counts.
conflict = sa.Table(
    "usage_conflict",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.String, nullable=False, index=True),
    sa.Column("customer", sa.String, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
)
