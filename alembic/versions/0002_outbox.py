"""The outbox

Revision ID: 0002_outbox
Revises: 0001_initial
"""

revision = "0002_outbox"
down_revision = "0001_initial"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
