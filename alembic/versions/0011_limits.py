"""Limits of keys and workspaces; what was spent a day; refused requests and kept payloads

Revision ID: 0011_limits
Revises: 0010_routing
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = "0011_limits"
down_revision = "0010_routing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _settings()
    _spend()
    _requests()
    op.create_table(
        "budget_alert",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "period", "percent"),
    )


def _settings() -> None:
    op.add_column("api_key", sa.Column("expires_at", UtcDateTime(), nullable=True))
    op.add_column("api_key", sa.Column("previous_hash", sa.String(), nullable=True))
    op.add_column("api_key", sa.Column("previous_until", UtcDateTime(), nullable=True))
    op.add_column("api_key", sa.Column("keeps_payloads", sa.Boolean(), nullable=True))
    op.create_index("ix_api_key_previous_hash", "api_key", ["previous_hash"])
    op.add_column("model", sa.Column("tokens_per_minute", sa.Integer(), nullable=True))
    op.add_column("model", sa.Column("credits_per_month_micros", sa.BigInteger(), nullable=True))
    op.create_table(
        "allowance",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("requests_per_minute", sa.Integer(), nullable=True),
        sa.Column("tokens_per_minute", sa.Integer(), nullable=True),
        sa.Column("concurrent_jobs", sa.Integer(), nullable=True),
        sa.Column("credits_per_day_micros", sa.BigInteger(), nullable=True),
        sa.Column("credits_per_month_micros", sa.BigInteger(), nullable=True),
        sa.Column("allowed_models", Json, nullable=True),
        sa.Column("alert_percent", sa.Integer(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index("ix_allowance_workspace_id", "allowance", ["workspace_id"])


def _spend() -> None:
    op.create_table(
        "spend",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("api_key_id", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("charged_micros", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "day", "api_key_id", "model_id"),
    )
    running = sa.text("finished_at IS NULL")
    op.create_index(
        "generation_running", "generation", ["workspace_id"], sqlite_where=running, postgresql_where=running
    )
    op.create_index("generation_of_workspace", "generation", ["workspace_id", "id"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    day = "substr(finished_at, 1, 10)" if is_sqlite else "to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
    op.execute(
        "INSERT INTO spend (workspace_id, day, api_key_id, model_id, requests, charged_micros) "
        f"SELECT workspace_id, {day}, COALESCE(api_key_id, ''), model_id, COUNT(*), SUM(charged_micros) "
        "FROM generation WHERE finished_at IS NOT NULL AND charged_micros > 0 GROUP BY 1, 2, 3, 4"
    )


def _requests() -> None:
    op.create_table(
        "refused_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("api_key_id", sa.String(), nullable=True),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("refused_request_of_workspace", "refused_request", ["workspace_id", "id"])
    op.create_index("ix_refused_request_created_at", "refused_request", ["created_at"])
    op.create_table(
        "request_payload",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("api_key_id", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("request_payload_of_workspace", "request_payload", ["workspace_id", "id"])
    op.create_index("ix_request_payload_created_at", "request_payload", ["created_at"])


def downgrade() -> None:
    for table in ("budget_alert", "request_payload", "refused_request"):
        op.drop_table(table)
    triggers = ("generation_spend", "generation_spent")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name in triggers:
        op.execute(f"DROP TRIGGER IF EXISTS {name}" + ("" if is_sqlite else " ON generation"))
    if not is_sqlite:
        op.execute("DROP FUNCTION IF EXISTS farebox_spend()")
    op.drop_index("generation_of_workspace", "generation")
    op.drop_index("generation_running", "generation")
    op.drop_table("spend")
    op.drop_table("allowance")
    op.drop_column("model", "credits_per_month_micros")
    op.drop_column("model", "tokens_per_minute")
    op.drop_index("ix_api_key_previous_hash", "api_key")
    for column in ("keeps_payloads", "previous_until", "previous_hash", "expires_at"):
        op.drop_column("api_key", column)
