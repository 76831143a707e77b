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
    sa.Column("event_id", sa.String, nullable=False, unique=True),
    sa.Column("customer", sa.String, nullable=False),  # the customer's external id
    sa.Column("shape_id", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),  # as sent
    sa.Column("source", sa.String, nullable=False),
    sa.Column("digest", sa.BigInteger, nullable=False),  # of all but the time: a repetition has the same
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Index("usage_event_by_customer", "customer", "at"),
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
