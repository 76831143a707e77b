"""What the media routes remember

Revision ID: 0019_media
Revises: 0018_files
"""

revision = "0019_media"
down_revision = "0018_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
