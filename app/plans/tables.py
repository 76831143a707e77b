"""What is sold and to whom: billing customers, features, plans and addons with their prices and entitlements, and what
changes a bill (coupons, tax rates). Decimals are kept as text: they are given exactly and given back as they came."""

from typing import Any

import sqlalchemy as sa

from app.kernel.db import Json, UtcDateTime, metadata

PUBLISHED = "published"
DELETED = "deleted"


def _thing(name: str, *more: sa.Column[Any] | sa.Index) -> sa.Table:
    """What everything here has besides its own: who made it when, free text for the integrator, whether it lives."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.String, primary_key=True),
        *more,
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("updated_by", sa.String, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )


def _live(name: str, column: str) -> sa.Index:
    """Unique among what lives; what was deleted gives its name free."""
    alive = sa.text(f"status = '{PUBLISHED}'")
    return sa.Index(name, column, unique=True, sqlite_where=alive, postgresql_where=alive)


def _text(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.String, nullable=False, **more)


def _maybe(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.String, nullable=True, **more)


#: A billing customer is a workspace: made for one when it is first billed, or makes one that nobody is a member of.
customer = _thing(
    "billing_customer",
    sa.Column("workspace_id", sa.String, sa.ForeignKey("workspace.id"), nullable=False, unique=True),
    _text("external_id"),
    _text("name"),
    _text("email"),
    _maybe("contact"),
    _maybe("address_line1"),
    _maybe("address_line2"),
    _maybe("address_city"),
    _maybe("address_state"),
    _maybe("address_postal_code"),
    _maybe("address_country"),
    _maybe("billing_currency"),
    _text("timezone"),
    _text("tax_treatment"),
    sa.Column("contact_persons", Json, nullable=False),
    _live("billing_customer_external", "external_id"),
    sa.Index("billing_customer_by_email", "email"),
)

#: Keys of `/billing/v1`, issued by operators; only the hash is kept.
key = sa.Table(
    "billing_key",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    _text("name"),
    _text("secret_hash", unique=True),
    _text("hint"),
    sa.Column("scopes", Json, nullable=False),  # ["*:write"], ["customers:read", …]
    _text("created_by"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime, nullable=True),
    sa.Column("expires_at", UtcDateTime, nullable=True),
    sa.Column("revoked_at", UtcDateTime, nullable=True),
)

feature = _thing(
    "billing_feature",
    _text("name"),
    _maybe("lookup_key"),
    _maybe("description"),
    _text("type"),  # metered, boolean, static, config
    _maybe("meter_id", index=True),
    _maybe("unit_singular"),
    _maybe("unit_plural"),
    sa.Column("reporting_unit", Json, nullable=True),
    sa.Column("alert_settings", Json, nullable=True),
    _maybe("group_id"),
    _live("billing_feature_lookup", "lookup_key"),
)

plan = _thing(
    "billing_plan",
    _text("name"),
    _maybe("lookup_key"),
    _maybe("description"),
    sa.Column("display_order", sa.Integer, nullable=True),
    _live("billing_plan_lookup", "lookup_key"),
)

addon = _thing(
    "billing_addon",
    _text("name"),
    _text("lookup_key"),
    _maybe("description"),
    _live("billing_addon_lookup", "lookup_key"),
)

price_unit = _thing(
    "billing_price_unit",
    _text("code"),
    _text("name"),
    _text("symbol"),
    _text("base_currency"),
    _text("conversion_rate"),  # so much of the base currency for one unit
    _live("billing_price_unit_code", "code"),
)

#: A price is never changed in what it costs: it ends, and its successor (`parent_price_id`) begins at that moment.
price = _thing(
    "billing_price",
    _text("entity_type"),
    _text("entity_id"),
    _text("type"),  # USAGE, FIXED
    _maybe("meter_id", index=True),
    _maybe("display_name"),
    _maybe("description"),
    _maybe("lookup_key"),
    _maybe("group_id"),
    _text("currency"),
    _text("billing_model"),
    _text("billing_cadence"),
    _text("billing_period"),
    sa.Column("billing_period_count", sa.Integer, nullable=False),
    _text("invoice_cadence"),
    _text("price_unit_type"),  # FIAT, CUSTOM
    _maybe("amount"),
    sa.Column("tiers", Json, nullable=True),
    _maybe("tier_mode"),
    sa.Column("transform_quantity", Json, nullable=True),
    _maybe("price_unit_id"),
    _maybe("price_unit"),
    _maybe("conversion_rate"),  # of the price unit, as it was when this price was made
    _maybe("price_unit_amount"),
    sa.Column("price_unit_tiers", Json, nullable=True),
    sa.Column("filter_values", Json, nullable=False),
    _maybe("bucket_size"),
    sa.Column("min_quantity", sa.Integer, nullable=True),
    sa.Column("trial_period_days", sa.Integer, nullable=False),
    sa.Column("start_date", UtcDateTime, nullable=False),
    sa.Column("end_date", UtcDateTime, nullable=True),
    _maybe("parent_price_id", index=True),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Index("billing_price_by_entity", "entity_type", "entity_id"),
    sa.Index("billing_price_by_lookup", "lookup_key"),
)

entitlement = _thing(
    "billing_entitlement",
    _text("entity_type"),
    _text("entity_id"),
    _text("feature_id", index=True),
    _text("feature_type"),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("usage_limit", sa.BigInteger, nullable=True),  # None: without limit
    _maybe("usage_reset_period"),
    sa.Column("is_soft_limit", sa.Boolean, nullable=False),
    _maybe("static_value"),
    sa.Column("config_value", Json, nullable=True),
    _maybe("aggregation_mode"),
    sa.Column("grant", Json, nullable=True),  # what grants measure, how much and for how long
    _maybe("parent_entitlement_id"),
    sa.Column("start_date", UtcDateTime, nullable=True),
    sa.Column("end_date", UtcDateTime, nullable=True),
    sa.Index("billing_entitlement_by_entity", "entity_type", "entity_id"),
)

group = _thing(
    "billing_group",
    _text("name"),
    _text("lookup_key"),
    _text("entity_type"),  # price, feature
    _live("billing_group_lookup", "lookup_key"),
)

coupon = _thing(
    "billing_coupon",
    _text("name"),
    _maybe("coupon_code"),
    _text("type"),  # fixed, percentage
    _text("cadence"),  # once, repeated, forever
    _maybe("amount_off"),
    _maybe("percentage_off"),
    _maybe("currency"),
    sa.Column("duration_in_periods", sa.Integer, nullable=True),
    sa.Column("max_redemptions", sa.Integer, nullable=True),
    sa.Column("total_redemptions", sa.Integer, nullable=False),
    sa.Column("redeem_after", UtcDateTime, nullable=True),
    sa.Column("redeem_before", UtcDateTime, nullable=True),
    sa.Column("rules", Json, nullable=True),
    _live("billing_coupon_code", "coupon_code"),
)

tax_rate = _thing(
    "billing_tax_rate",
    _text("code"),
    _text("name"),
    _maybe("description"),
    _text("percentage_value"),
    _text("scope"),
    _text("tax_rate_status"),
    _live("billing_tax_rate_code", "code"),
)

#: Where a tax rate applies: to a customer, a subscription, an invoice, or (tenant) everywhere.
tax_association = _thing(
    "billing_tax_association",
    sa.Column("tax_rate_id", sa.String, sa.ForeignKey("billing_tax_rate.id"), nullable=False, index=True),
    _text("entity_type"),
    _text("entity_id"),
    _maybe("currency"),
    _maybe("tax_behavior"),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("auto_apply", sa.Boolean, nullable=False),
    sa.Column("start_date", UtcDateTime, nullable=True),
    sa.Column("end_date", UtcDateTime, nullable=True),
    sa.Index("billing_tax_association_by_entity", "entity_type", "entity_id"),
)

cost_sheet = _thing(
    "billing_cost_sheet",
    _text("name"),
    _maybe("lookup_key"),
    _maybe("description"),
    _live("billing_cost_sheet_lookup", "lookup_key"),
)
