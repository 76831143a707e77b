"""What the chores remember: whose turn it is, when the next one is due, and how the last one went."""

from sqlalchemy import Column, Integer, String, Table

from app.kernel.db import UtcDateTime, metadata

chore = Table(
    "chore",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String),  # the process that has it now
    Column("lease_until", UtcDateTime),  # after this moment anybody may take it
    Column("next_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("failures", Integer, nullable=False),  # in a row
    Column("error", String),  # of the last turn, None when it went well
)
