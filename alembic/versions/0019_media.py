"""What the media routes remember: which results their customers have removed

Revision ID: 0019_media
Revises: 0018_files
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import UtcDateTime

revision = "0019_media"
down_revision = "0018_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("generation", sa.Column("deleted_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("generation", "deleted_at")
