"""The mirror to a remote Flexprice: what stands there, how far usage was told, amounts side by side, what it told us

Revision ID: 0020_mirror
Revises: 0019_media
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import UtcDateTime

revision = "0020_mirror"
down_revision = "0019_media"
branch_labels = None
depends_on = None


def text(name: str, *, key: bool = False, needed: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.String(), primary_key=key, nullable=not (needed or key))


def moment(name: str, *, needed: bool = False) -> sa.Column[object]:
    return sa.Column(name, UtcDateTime(), nullable=not needed)


def number(name: str, *, needed: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=not needed)


def upgrade() -> None:
    op.create_table(
        "mirror_remote",
        text("name", key=True),
        text("url"),
        sa.Column("failures", sa.Integer(), nullable=False),
        moment("retry_at"),
        text("error", needed=False),
        moment("failed_at"),
        moment("reached_at"),
        moment("begun_at", needed=True),
    )
    op.create_table(
        "mirror_item",
        text("kind", key=True),
        text("our_id", key=True),
        text("remote_id", needed=False),
        text("state"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        moment("next_at", needed=True),
        text("error", needed=False),
        moment("seen_at"),
        number("seen_version", needed=False),
        text("remote_state", needed=False),
        moment("created_at", needed=True),
        moment("sent_at"),
    )
    op.create_index("mirror_item_by_state", "mirror_item", ["state", "kind", "next_at"])
    op.create_index("mirror_item_by_remote", "mirror_item", ["kind", "remote_id"])
    op.create_table(
        "mirror_feed",
        text("name", key=True),
        text("state"),
        text("customer", needed=False),
        moment("since"),
        number("after"),
        number("upto", needed=False),
        number("sent"),
        number("refused"),
        moment("begun_at", needed=True),
        moment("done_at"),
        text("actor"),
    )
    op.create_table(
        "mirror_amount",
        text("kind", key=True),
        text("key", key=True),
        text("subscription_id", needed=False),
        text("customer_id", needed=False),
        moment("period_start"),
        moment("period_end"),
        text("currency"),
        text("ours", needed=False),
        text("theirs"),
        text("their_currency"),
        text("our_invoice", needed=False),
        text("their_invoice", needed=False),
        text("remote_state", needed=False),
        moment("checked_at", needed=True),
    )
    op.create_index("mirror_amount_by_subscription", "mirror_amount", ["subscription_id", "period_start"])
    op.create_index("mirror_amount_by_time", "mirror_amount", ["checked_at"])
    op.create_table(
        "mirror_hook",
        text("message_id", key=True),
        text("type"),
        text("body"),
        text("state"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        moment("next_at", needed=True),
        text("outcome", needed=False),
        moment("received_at", needed=True),
        moment("done_at"),
    )
    op.create_index("mirror_hook_by_state", "mirror_hook", ["state", "next_at"])


def downgrade() -> None:
    for table in ("mirror_hook", "mirror_amount", "mirror_feed", "mirror_item", "mirror_remote"):
        op.drop_table(table)
