"""The tables of the kernel: what was promised in a transaction and must happen after it, and who wants to be told."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, text

from app.kernel.db import Json, UtcDateTime, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", String, primary_key=True),  # out_…
    Column("topic", String, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Column("payload", Json, nullable=False),
    Column("state", String, nullable=False),  # waiting | done | failed
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),  # while waiting: not before; while being worked on: when to retry
    Column("created_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Column("error", String),
    Index(
        "outbox_waiting",
        "next_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)

#: Workspaces that have asked for events. The parts that make events are below the one that sends them, so they look
#: here; `notify` keeps it, in the transaction in which an endpoint comes or goes.
webhook_listener = Table(
    "webhook_listener",
    metadata,
    Column("workspace_id", String, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
)

#: Figures that processes compare, to know whether what they remember of something is still so. `version.py`
version_mark = Table(
    "version_mark",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
