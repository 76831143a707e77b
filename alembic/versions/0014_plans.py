"""Billing customers, plans, prices, entitlements, coupons, taxes

Revision ID: 0014_plans
Revises: 0013_metering
"""

from datetime import UTC, datetime

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = "0014_plans"
down_revision = "0013_metering"
branch_labels = None
depends_on = None


#: Meters that integrators know by name: id, name, event name, fields, whether an event without any of them counts one.
METERS = (
    ("meter_img_count", "image_count", "image_generated", ["image_count"], True),
    ("meter_gpt_image_input_tokens", "input_tokens", "", ["input_tokens"], False),
    ("meter_gpt_image_output_tokens", "output_tokens", "", ["output_tokens"], False),
    ("meter_video_seconds", "video_seconds", "video_generated", ["video_seconds", "duration_seconds"], False),
    ("meter_seedance_tokens", "video_tokens", "video_generated", ["video_tokens", "completion_tokens"], False),
    ("meter_world_count", "world_count", "world_generated", ["world_count"], True),
    ("meter_video_jobs", "video_jobs", "video_generated", ["video_jobs", "job_count"], True),
    ("meter_request_count", "request_count", "", ["request_count"], True),
    ("meter_output_count", "output_count", "", ["output_count", "image_count", "video_count", "world_count"], True),
)


def upgrade() -> None:
    op.create_table(
        "billing_customer",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("address_line1", sa.String(), nullable=True),
        sa.Column("address_line2", sa.String(), nullable=True),
        sa.Column("address_city", sa.String(), nullable=True),
        sa.Column("address_state", sa.String(), nullable=True),
        sa.Column("address_postal_code", sa.String(), nullable=True),
        sa.Column("address_country", sa.String(), nullable=True),
        sa.Column("billing_currency", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("tax_treatment", sa.String(), nullable=False),
        sa.Column("contact_persons", Json, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id"),
    )
    op.create_index("billing_customer_by_email", "billing_customer", ["email"], unique=False)
    op.create_index(
        "billing_customer_external",
        "billing_customer",
        ["external_id"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "billing_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("secret_hash"),
    )
    op.create_table(
        "billing_feature",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lookup_key", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("meter_id", sa.String(), nullable=True),
        sa.Column("unit_singular", sa.String(), nullable=True),
        sa.Column("unit_plural", sa.String(), nullable=True),
        sa.Column("reporting_unit", Json, nullable=True),
        sa.Column("alert_settings", Json, nullable=True),
        sa.Column("group_id", sa.String(), nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "billing_feature_lookup",
        "billing_feature",
        ["lookup_key"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_index(op.f("ix_billing_feature_meter_id"), "billing_feature", ["meter_id"], unique=False)
    op.create_table(
        "billing_plan",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lookup_key", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("display_order", sa.Integer(), nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "billing_plan_lookup",
        "billing_plan",
        ["lookup_key"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "billing_addon",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lookup_key", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "billing_addon_lookup",
        "billing_addon",
        ["lookup_key"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "billing_price_unit",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("base_currency", sa.String(), nullable=False),
        sa.Column("conversion_rate", sa.String(), nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "billing_price_unit_code",
        "billing_price_unit",
        ["code"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "billing_price",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("entity_type", sa.String(), nullable=False),
        sa.Column("entity_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("meter_id", sa.String(), nullable=True),
        sa.Column("display_name", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("lookup_key", sa.String(), nullable=True),
        sa.Column("group_id", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("billing_model", sa.String(), nullable=False),
        sa.Column("billing_cadence", sa.String(), nullable=False),
        sa.Column("billing_period", sa.String(), nullable=False),
        sa.Column("billing_period_count", sa.Integer(), nullable=False),
        sa.Column("invoice_cadence", sa.String(), nullable=False),
        sa.Column("price_unit_type", sa.String(), nullable=False),
        sa.Column("amount", sa.String(), nullable=True),
        sa.Column("tiers", Json, nullable=True),
        sa.Column("tier_mode", sa.String(), nullable=True),
        sa.Column("transform_quantity", Json, nullable=True),
        sa.Column("price_unit_id", sa.String(), nullable=True),
        sa.Column("price_unit", sa.String(), nullable=True),
        sa.Column("conversion_rate", sa.String(), nullable=True),
        sa.Column("price_unit_amount", sa.String(), nullable=True),
        sa.Column("price_unit_tiers", Json, nullable=True),
        sa.Column("filter_values", Json, nullable=False),
        sa.Column("bucket_size", sa.String(), nullable=True),
        sa.Column("min_quantity", sa.Integer(), nullable=True),
        sa.Column("trial_period_days", sa.Integer(), nullable=False),
        sa.Column("start_date", UtcDateTime(), nullable=False),
        sa.Column("end_date", UtcDateTime(), nullable=True),
        sa.Column("parent_price_id", sa.String(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("billing_price_by_entity", "billing_price", ["entity_type", "entity_id"], unique=False)
    op.create_index("billing_price_by_lookup", "billing_price", ["lookup_key"], unique=False)
    op.create_index(op.f("ix_billing_price_meter_id"), "billing_price", ["meter_id"], unique=False)
    op.create_index(op.f("ix_billing_price_parent_price_id"), "billing_price", ["parent_price_id"], unique=False)
    op.create_table(
        "billing_entitlement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("entity_type", sa.String(), nullable=False),
        sa.Column("entity_id", sa.String(), nullable=False),
        sa.Column("feature_id", sa.String(), nullable=False),
        sa.Column("feature_type", sa.String(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("usage_limit", sa.BigInteger(), nullable=True),
        sa.Column("usage_reset_period", sa.String(), nullable=True),
        sa.Column("is_soft_limit", sa.Boolean(), nullable=False),
        sa.Column("static_value", sa.String(), nullable=True),
        sa.Column("config_value", Json, nullable=True),
        sa.Column("aggregation_mode", sa.String(), nullable=True),
        sa.Column("grant", Json, nullable=True),
        sa.Column("parent_entitlement_id", sa.String(), nullable=True),
        sa.Column("start_date", UtcDateTime(), nullable=True),
        sa.Column("end_date", UtcDateTime(), nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("billing_entitlement_by_entity", "billing_entitlement", ["entity_type", "entity_id"], unique=False)
    op.create_index(op.f("ix_billing_entitlement_feature_id"), "billing_entitlement", ["feature_id"], unique=False)
    op.create_table(
        "billing_group",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lookup_key", sa.String(), nullable=False),
        sa.Column("entity_type", sa.String(), nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "billing_group_lookup",
        "billing_group",
        ["lookup_key"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "billing_coupon",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("coupon_code", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("cadence", sa.String(), nullable=False),
        sa.Column("amount_off", sa.String(), nullable=True),
        sa.Column("percentage_off", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("duration_in_periods", sa.Integer(), nullable=True),
        sa.Column("max_redemptions", sa.Integer(), nullable=True),
        sa.Column("total_redemptions", sa.Integer(), nullable=False),
        sa.Column("redeem_after", UtcDateTime(), nullable=True),
        sa.Column("redeem_before", UtcDateTime(), nullable=True),
        sa.Column("rules", Json, nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "billing_coupon_code",
        "billing_coupon",
        ["coupon_code"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "billing_tax_rate",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("percentage_value", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("tax_rate_status", sa.String(), nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "billing_tax_rate_code",
        "billing_tax_rate",
        ["code"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "billing_tax_association",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tax_rate_id", sa.String(), nullable=False),
        sa.Column("entity_type", sa.String(), nullable=False),
        sa.Column("entity_id", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("tax_behavior", sa.String(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("auto_apply", sa.Boolean(), nullable=False),
        sa.Column("start_date", UtcDateTime(), nullable=True),
        sa.Column("end_date", UtcDateTime(), nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tax_rate_id"],
            ["billing_tax_rate.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "billing_tax_association_by_entity", "billing_tax_association", ["entity_type", "entity_id"], unique=False
    )
    op.create_index(
        op.f("ix_billing_tax_association_tax_rate_id"), "billing_tax_association", ["tax_rate_id"], unique=False
    )
    op.create_table(
        "billing_cost_sheet",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lookup_key", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "billing_cost_sheet_lookup",
        "billing_cost_sheet",
        ["lookup_key"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    _seed_meters()


def _seed_meters() -> None:
    meter = sa.table(
        "meter",
        *(sa.column(name) for name in ("id", "name", "event_name", "aggregation", "expression", "multiplier")),
        *(sa.column(name) for name in ("bucket_size", "group_by", "reset_usage", "counts_one", "enabled")),
        sa.column("fields", Json),
        sa.column("filters", Json),
        sa.column("created_at", UtcDateTime()),
        sa.column("updated_at", UtcDateTime()),
    )
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    same = {"aggregation": "SUM", "expression": None, "multiplier": "1", "bucket_size": None, "group_by": None}
    same |= {"filters": {}, "reset_usage": "BILLING_PERIOD", "enabled": True, "created_at": begun, "updated_at": begun}
    op.bulk_insert(
        meter,
        [
            {"id": id_, "name": name, "event_name": event, "fields": fields, "counts_one": one, **same}
            for id_, name, event, fields, one in METERS
        ],
    )


def downgrade() -> None:
    op.execute("DELETE FROM meter WHERE id IN (" + ", ".join(f"'{id_}'" for id_, *_ in METERS) + ")")
    for table in (
        "billing_cost_sheet",
        "billing_tax_association",
        "billing_tax_rate",
        "billing_coupon",
        "billing_group",
        "billing_entitlement",
        "billing_price",
        "billing_price_unit",
        "billing_addon",
        "billing_plan",
        "billing_feature",
        "billing_key",
        "billing_customer",
    ):
        op.drop_table(table)
