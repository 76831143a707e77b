"""Cards on file, what their owners agreed to, and the top-ups that charge them by themselves.

A consent is written once and never changed. `auto_topup` holds the rules a workspace agreed to last; what was charged
is told by its orders, and `off_session_charge` by what the provider was asked for them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.kernel.db import Json, UtcDateTime, metadata

payment_consent = Table(
    "payment_consent",
    metadata,
    Column("id", String, primary_key=True),  # con_…
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("kind", String, nullable=False),  # save_card | auto_topup
    Column("ref", String, nullable=False),  # the order or the page the card was saved on; its own id otherwise
    Column("given_by", String, nullable=False),
    Column("ip", String, nullable=False),
    Column("wording", String, nullable=False),  # the version of the sentence
    Column("text", Text, nullable=False),  # the sentence as it was shown
    Column("detail", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("kind", "ref"),
    Index("payment_consent_by_workspace", "workspace_id", "created_at"),
)

saved_card = Table(
    "saved_card",
    metadata,
    Column("id", String, primary_key=True),  # crd_…
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("provider", String, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("method_id", String, nullable=False),  # pm_…
    Column("brand", String, nullable=False),
    Column("last4", String, nullable=False),
    Column("exp_month", Integer, nullable=False),
    Column("exp_year", Integer, nullable=False),
    Column("country", String),
    Column("state", String, nullable=False),  # active | blocked | removed
    Column("why", String, nullable=False),
    Column("to_detach", Boolean, nullable=False),  # removed here, and the provider has still to be told
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider", "method_id"),
    Index("saved_card_by_workspace", "workspace_id", "created_at"),
    Index("saved_card_to_detach", "id", sqlite_where=text("to_detach"), postgresql_where=text("to_detach")),
)

#: Customers that were deleted at the provider: the next one is asked for under another key.
gone_customer = Table(
    "gone_customer",
    metadata,
    Column("provider", String, primary_key=True),
    Column("customer_id", String, primary_key=True),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("gone_customer_by_workspace", "workspace_id"),
)

auto_topup = Table(
    "auto_topup",
    metadata,
    Column("workspace_id", String, ForeignKey("workspace.id"), primary_key=True),
    Column("state", String, nullable=False),  # off | on | needs_action | disabled
    Column("reason", String, nullable=False),
    Column("threshold_micros", BigInteger, nullable=False),
    Column("mode", String, nullable=False),  # fixed | refill
    Column("currency", String, nullable=False),
    Column("amount_minor", BigInteger),  # net, when fixed
    Column("refill_micros", BigInteger),
    Column("charge_cap_minor", BigInteger),  # gross
    Column("month_cap_minor", BigInteger, nullable=False),  # gross
    Column("most_per_day", Integer, nullable=False),
    Column("package_id", String, ForeignKey("credit_package.id"), nullable=False),  # by whose terms credits are sold
    Column("card_id", String, ForeignKey("saved_card.id"), nullable=False),
    Column("terms_version_id", String, ForeignKey("terms_version.id")),
    Column("consent_id", String, ForeignKey("payment_consent.id"), nullable=False),
    Column("failures", Integer, nullable=False),  # soft declines in a row
    Column("not_before", UtcDateTime),
    Column("changed_by", String, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    CheckConstraint("threshold_micros > 0 AND month_cap_minor > 0 AND most_per_day > 0", name="topup_has_limits"),
    CheckConstraint("(amount_minor IS NULL) <> (refill_micros IS NULL)", name="topup_one_way"),
    Index("auto_topup_on", "workspace_id", sqlite_where=text("state = 'on'"), postgresql_where=text("state = 'on'")),
)

off_session_charge = Table(
    "off_session_charge",
    metadata,
    Column("order_id", String, ForeignKey("payment_order.id"), primary_key=True),
    Column("card_id", String, ForeignKey("saved_card.id"), nullable=False),
    Column("method_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("state", String, nullable=False),  # asked | unknown | answered | declined | needs_action | never
    Column("payment_id", String),  # pi_…
    Column("code", String),  # why it was declined
    Column("looks", Integer, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),  # the first time; part of how long its key is good for
    Column("look_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(
        "off_session_to_look_at",
        "look_at",
        sqlite_where=text("look_at IS NOT NULL"),
        postgresql_where=text("look_at IS NOT NULL"),
    ),
)
