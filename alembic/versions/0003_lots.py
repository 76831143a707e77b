"""Lots with expiry, credits set aside, debt, reasons of a freeze

Revision ID: 0003_lots
Revises: 0002_outbox
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import UtcDateTime

revision = "0003_lots"
down_revision = "0002_outbox"
branch_labels = None
depends_on = None

OPEN = {"sqlite_where": sa.text("open"), "postgresql_where": sa.text("open")}
UNDECIDED = {"sqlite_where": sa.text("state = 0"), "postgresql_where": sa.text("state = 0")}
IN_FORCE = {"sqlite_where": sa.text("lifted_at IS NULL"), "postgresql_where": sa.text("lifted_at IS NULL")}


def upgrade() -> None:
    # In words: alembic would leave the CHECK of an added column away on SQLite.
    op.execute(
        "ALTER TABLE wallet ADD COLUMN debt BIGINT DEFAULT 0 NOT NULL "
        "CONSTRAINT wallet_debt_not_negative CHECK (debt >= 0)"
    )
    op.add_column("lot", sa.Column("cost_basis_unit", sa.String(), nullable=True))
    op.create_index("lot_open_by_end", "lot", ["expires_at"], unique=False, **OPEN)
    op.create_table(
        "set_aside",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("wallet_id", sa.BigInteger(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("shortfall", sa.BigInteger(), nullable=False),
        sa.Column("journal_id", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("close_journal_id", sa.String(), nullable=True),
        sa.CheckConstraint("amount >= 0 AND amount <= asked AND shortfall >= 0", name="set_aside_within_asked"),
        sa.ForeignKeyConstraint(["wallet_id"], ["wallet.id"]),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"]),
        sa.ForeignKeyConstraint(["journal_id"], ["journal.id"]),
        sa.ForeignKeyConstraint(["close_journal_id"], ["journal.id"]),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_index("set_aside_by_lot", "set_aside", ["lot_id"], unique=False)
    op.create_index("set_aside_open", "set_aside", ["wallet_id"], unique=False, **UNDECIDED)
    op.create_table(
        "wallet_freeze",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("wallet_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["wallet_id"], ["wallet.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("wallet_freeze_once", "wallet_freeze", ["wallet_id", "reason", "ref"], unique=True, **IN_FORCE)
    # A wallet frozen before reasons were kept stays frozen, by the operator's hand.
    op.execute(
        "INSERT INTO wallet_freeze (id, wallet_id, reason, ref, actor, created_at) "
        "SELECT 'frz_' || CAST(id AS VARCHAR), id, 'operator', 'before reasons were kept', 'system', "
        "CURRENT_TIMESTAMP FROM wallet WHERE frozen"
    )


def downgrade() -> None:
    op.drop_table("wallet_freeze")
    op.drop_table("set_aside")
    op.drop_index("lot_open_by_end", table_name="lot", **OPEN)
    op.drop_column("lot", "cost_basis_unit")
    op.drop_column("wallet", "debt")
