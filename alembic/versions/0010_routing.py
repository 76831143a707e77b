"""Routing: weights, policies, what providers a workspace may use, and how every route is

Revision ID: 0010_routing
Revises: 0009_gateway
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = "0010_routing"
down_revision = "0009_gateway"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("route", sa.Column("weight", sa.Integer(), nullable=False, server_default="100"))
    op.add_column("model", sa.Column("routing_policy", sa.String(), nullable=False, server_default="priority"))
    op.add_column("model", sa.Column("min_margin_bp", sa.Integer(), nullable=True))
    op.add_column("attempt", sa.Column("choice", Json, nullable=True))
    op.create_table(
        "provider_rule",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("allowed", Json, nullable=True),
        sa.Column("may_force", sa.Boolean(), nullable=False),
        sa.Column("quotas", Json, nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("workspace_id"),
    )
    op.create_table(
        "route_health",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("window_at", UtcDateTime(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.Column("retry_at", UtcDateTime(), nullable=True),
        sa.Column("probe_until", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("probed_at", UtcDateTime(), nullable=True),
        sa.Column("probe_said", sa.String(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )


def downgrade() -> None:
    op.drop_table("route_health")
    op.drop_table("provider_rule")
    op.drop_column("attempt", "choice")
    op.drop_column("model", "min_margin_bp")
    op.drop_column("model", "routing_policy")
    op.drop_column("route", "weight")
