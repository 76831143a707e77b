"""Stored files: for how long, and how much of them; keys that manage webhooks

Revision ID: 0018_files
Revises: 0017_wallets
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import UtcDateTime

revision = "0018_files"
down_revision = "0017_wallets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_key", sa.Column("manages_webhooks", sa.Boolean(), nullable=True))
    op.add_column("stored_file", sa.Column("expired_at", UtcDateTime(), nullable=True))
    op.add_column("stored_file", sa.Column("expired_why", sa.String(), nullable=True))
    kept = sa.text("expired_at IS NULL")
    op.create_index("stored_file_kept", "stored_file", ["created_at"], sqlite_where=kept, postgresql_where=kept)
    uploads = sa.text("expired_at IS NULL AND generation_id IS NULL")
    op.create_index(
        "stored_file_uploads",
        "stored_file",
        ["workspace_id", "id"],
        sqlite_where=uploads,
        postgresql_where=uploads,
    )
    op.create_table(
        "file_policy",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=True),
        sa.Column("upload_quota_mb", sa.Integer(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("workspace_id"),
    )


def downgrade() -> None:
    op.drop_table("file_policy")
    op.drop_index("stored_file_uploads", table_name="stored_file")
    op.drop_index("stored_file_kept", table_name="stored_file")
    op.drop_column("stored_file", "expired_why")
    op.drop_column("stored_file", "expired_at")
    op.drop_column("api_key", "manages_webhooks")
