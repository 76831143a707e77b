"""What each reconciliation found. A row is written when it begins and completed when it ends."""

from sqlalchemy import Column, Index, Integer, String, Table, text

from app.kernel.db import Json, UtcDateTime, metadata

reconcile_run = Table(
    "reconcile_run",
    metadata,
    Column("id", String, primary_key=True),  # rec_…
    Column("kind", String, nullable=False),  # quick | full
    Column("actor", String, nullable=False),
    Column("state", String, nullable=False),  # running | done | failed
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("watermark", UtcDateTime),  # events of the provider up to here were all seen; NULL when it was not asked
    Column("compared", Json, nullable=False),  # {"orders": 12, …}
    Column("differences", Json, nullable=False),  # of `findings.Difference`
    Column("open", Integer, nullable=False),  # differences that remain
    Column("healed", Integer, nullable=False),
    Column("error", String),
    Index("reconcile_run_by_start", "started_at"),
    Index(
        "reconcile_run_watermark",
        "watermark",
        sqlite_where=text("watermark IS NOT NULL"),
        postgresql_where=text("watermark IS NOT NULL"),
    ),
)
