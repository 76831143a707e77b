"""Wallets of customers, credit grants and billing alerts; endpoints of the house itself; seals of the books

Revision ID: 0017_wallets
Revises: 0016_events
"""

from typing import Any

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = "0017_wallets"
down_revision = "0016_events"
branch_labels = None
depends_on = None

WEBHOOKS = ("webhook_attempt", "webhook_delivery", "webhook_endpoint")


def text(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=nullable)


def stamps() -> list[sa.Column[Any]]:
    return [
        sa.Column("metadata", Json, nullable=False),
        text("status"),
        text("created_by"),
        text("updated_by"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "version_mark",
        text("name"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    _seals()
    _wallets()
    _grants()
    _alerts()
    _unbind_webhooks()


def _seals() -> None:
    op.create_table(
        "seal",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        text("last_id"),
        sa.Column("journals", sa.BigInteger(), nullable=False),
        text("root"),
        text("previous"),
        sa.Column("sealed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )


def _wallets() -> None:
    op.create_table(
        "billing_wallet",
        text("id"),
        text("workspace_id"),
        text("customer_id"),
        text("unit"),
        text("name"),
        text("description"),
        text("currency"),
        text("wallet_type"),
        text("conversion_rate"),
        text("topup_conversion_rate"),
        text("wallet_status"),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("config", Json, nullable=True),
        sa.Column("alert_settings", Json, nullable=True),
        text("alert_state"),
        sa.Column("auto_topup", Json, nullable=True),
        *stamps(),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "unit"),
    )
    op.create_index("billing_wallet_by_customer", "billing_wallet", ["customer_id", "id"])


def _grants() -> None:
    op.create_table(
        "billing_credit_grant",
        text("id"),
        text("name"),
        text("scope"),
        text("plan_id", True),
        text("subscription_id", True),
        text("addon_id", True),
        text("credits"),
        text("cadence"),
        text("period", True),
        sa.Column("period_count", sa.Integer(), nullable=True),
        text("expiration_type"),
        sa.Column("expiration_duration", sa.Integer(), nullable=True),
        text("expiration_duration_unit", True),
        text("rollover_limit", True),
        sa.Column("priority", sa.Integer(), nullable=True),
        text("conversion_rate", True),
        text("topup_conversion_rate", True),
        sa.Column("start_date", UtcDateTime(), nullable=True),
        sa.Column("end_date", UtcDateTime(), nullable=True),
        *stamps(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("billing_credit_grant_by_plan", "billing_credit_grant", ["plan_id"])
    op.create_index("billing_credit_grant_by_subscription", "billing_credit_grant", ["subscription_id"])
    op.create_table(
        "billing_grant_application",
        text("id"),
        text("credit_grant_id"),
        text("subscription_id"),
        text("workspace_id"),
        text("wallet_id", True),
        sa.Column("period_start", UtcDateTime(), nullable=False),
        sa.Column("period_end", UtcDateTime(), nullable=True),
        text("credits"),
        text("application_status"),
        text("application_reason"),
        text("subscription_state"),
        text("journal_id", True),
        sa.Column("applied_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["credit_grant_id"], ["billing_credit_grant.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.ForeignKeyConstraint(["wallet_id"], ["billing_wallet.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credit_grant_id", "subscription_id", "period_start"),
    )
    op.create_index(
        "billing_grant_application_by_subscription", "billing_grant_application", ["subscription_id", "period_start"]
    )


def _alerts() -> None:
    op.create_table(
        "billing_alert_setting",
        text("id"),
        text("entity_type"),
        text("entity_id"),
        text("parent_entity_type", True),
        text("parent_entity_id", True),
        sa.Column("config", Json, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        text("alert_state"),
        *stamps(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("billing_alert_setting_by_entity", "billing_alert_setting", ["entity_type", "entity_id"])
    op.create_table(
        "billing_alert_log",
        text("id"),
        text("workspace_id"),
        text("customer_id"),
        text("entity_type"),
        text("entity_id"),
        text("alert_type"),
        text("alert_status"),
        sa.Column("settings", Json, nullable=False),
        text("value"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("billing_alert_log_by_entity", "billing_alert_log", ["entity_type", "entity_id", "id"])
    op.create_index("billing_alert_log_by_customer", "billing_alert_log", ["customer_id", "id"])


def _unbind_webhooks() -> None:
    """An endpoint without a workspace is the house's own. SQLite changes no column, so its three tables are built anew,
    each emptied before the one it points at."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.alter_column("webhook_endpoint", "workspace_id", nullable=True)
        op.alter_column("webhook_delivery", "workspace_id", nullable=True)
        return
    made: dict[str, list[str]] = {}
    for name in WEBHOOKS:
        listed = sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL ORDER BY rowid")
        made[name] = list(connection.execute(listed, {"name": name}).scalars())
        connection.exec_driver_sql(f"CREATE TABLE kept_{name} AS SELECT * FROM {name}")
    for name in WEBHOOKS:
        connection.exec_driver_sql(f"DROP TABLE {name}")
    for name in reversed(WEBHOOKS):
        for statement in made[name]:
            connection.exec_driver_sql(statement.replace("workspace_id VARCHAR NOT NULL", "workspace_id VARCHAR"))
        connection.exec_driver_sql(f"INSERT INTO {name} SELECT * FROM kept_{name}")
        connection.exec_driver_sql(f"DROP TABLE kept_{name}")


def downgrade() -> None:
    """The endpoints of the house go; that a column may be empty again hurts nobody."""
    op.execute("DELETE FROM webhook_attempt WHERE delivery_id IN (SELECT id FROM webhook_delivery WHERE workspace_id IS NULL)")
    op.execute("DELETE FROM webhook_delivery WHERE workspace_id IS NULL")
    op.execute("DELETE FROM webhook_endpoint WHERE workspace_id IS NULL")
    for name in (
        "billing_alert_log",
        "billing_alert_setting",
        "billing_grant_application",
        "billing_credit_grant",
        "billing_wallet",
        "seal",
        "version_mark",
    ):
        op.drop_table(name)
