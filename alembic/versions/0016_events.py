"""Usage of our own generations

Revision ID: 0016_events
Revises: 0015_billing
"""

revision = "0016_events"
down_revision = "0015_billing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
