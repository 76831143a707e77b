"""What is known of a wallet beside its books, the credits that come by themselves, and the alerts. The credits are in
the ledger: a wallet here is one of its wallets, kept in a unit of its own. Decimals are kept as text."""

from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.kernel.db import Json, UtcDateTime, metadata


def _thing(name: str, *more: Column[Any] | Index | UniqueConstraint) -> Table:
    """With what the integrator wrote down, whether it lives, and who made it when."""
    return Table(
        name,
        metadata,
        Column("id", String, primary_key=True),
        *more,
        Column("metadata", Json, nullable=False),
        Column("status", String, nullable=False),
        Column("created_by", String, nullable=False),
        Column("updated_by", String, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
    )


wallet = _thing(
    "billing_wallet",  # wallet_…
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("customer_id", String, nullable=False),
    Column("unit", String, nullable=False),  # of the ledger: the wallet's own id, or `credit` for the product's own
    Column("name", String, nullable=False),
    Column("description", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("wallet_type", String, nullable=False),  # PRE_PAID pays usage, POST_PAID pays invoices
    Column("conversion_rate", String, nullable=False),  # so much of the currency is one credit worth
    Column("topup_conversion_rate", String, nullable=False),  # and so much does one cost
    Column("wallet_status", String, nullable=False),  # active | frozen | closed
    Column("priority", Integer, nullable=False),  # the lower one pays first
    Column("config", Json),
    Column("alert_settings", Json),
    Column("alert_state", String, nullable=False),  # ok | info | warning | in_alarm
    Column("auto_topup", Json),
    UniqueConstraint("workspace_id", "unit"),
    Index("billing_wallet_by_customer", "customer_id", "id"),
)

credit_grant = _thing(
    "billing_credit_grant",  # cg_…
    Column("name", String, nullable=False),
    Column("scope", String, nullable=False),  # PLAN | SUBSCRIPTION | ADDON
    Column("plan_id", String),
    Column("subscription_id", String),
    Column("addon_id", String),
    Column("credits", String, nullable=False),
    Column("cadence", String, nullable=False),  # ONETIME | RECURRING
    Column("period", String),
    Column("period_count", Integer),
    Column("expiration_type", String, nullable=False),  # NEVER | DURATION | BILLING_CYCLE
    Column("expiration_duration", Integer),
    Column("expiration_duration_unit", String),
    Column("rollover_limit", String),  # what may be carried into the next period at most; None: all that has not ended
    Column("priority", Integer),
    Column("conversion_rate", String),
    Column("topup_conversion_rate", String),
    Column("start_date", UtcDateTime),
    Column("end_date", UtcDateTime),
    Index("billing_credit_grant_by_plan", "plan_id"),
    Index("billing_credit_grant_by_subscription", "subscription_id"),
)

#: One row for each period of each grant and subscription: it is applied once, whoever comes when.
grant_application = Table(
    "billing_grant_application",
    metadata,
    Column("id", String, primary_key=True),  # cga_…
    Column("credit_grant_id", String, ForeignKey("billing_credit_grant.id"), nullable=False),
    Column("subscription_id", String, nullable=False),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("wallet_id", String, ForeignKey("billing_wallet.id")),
    Column("period_start", UtcDateTime, nullable=False),
    Column("period_end", UtcDateTime),
    Column("credits", String, nullable=False),
    Column("application_status", String, nullable=False),  # applied | skipped
    Column("application_reason", String, nullable=False),
    Column("subscription_state", String, nullable=False),
    Column("journal_id", String),
    Column("applied_at", UtcDateTime, nullable=False),
    UniqueConstraint("credit_grant_id", "subscription_id", "period_start"),
    Index("billing_grant_application_by_subscription", "subscription_id", "period_start"),
)

alert_setting = _thing(
    "billing_alert_setting",  # alert_…
    Column("entity_type", String, nullable=False),
    Column("entity_id", String, nullable=False),
    Column("parent_entity_type", String),
    Column("parent_entity_id", String),
    Column("config", Json, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("alert_state", String, nullable=False),
    Index("billing_alert_setting_by_entity", "entity_type", "entity_id"),
)

alert_log = Table(
    "billing_alert_log",
    metadata,
    Column("id", String, primary_key=True),  # alog_…
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("customer_id", String, nullable=False),
    Column("entity_type", String, nullable=False),
    Column("entity_id", String, nullable=False),
    Column("alert_type", String, nullable=False),
    Column("alert_status", String, nullable=False),
    Column("settings", Json, nullable=False),
    Column("value", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("billing_alert_log_by_entity", "entity_type", "entity_id", "id"),
    Index("billing_alert_log_by_customer", "customer_id", "id"),
)
