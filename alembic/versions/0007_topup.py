"""Automatic top-ups, refunds, disputes

Revision ID: 0007_topup
Revises: 0006_notify
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = "0007_topup"
down_revision = "0006_notify"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('gone_customer',
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('customer_id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('provider', 'customer_id')
    )
    op.create_index('gone_customer_by_workspace', 'gone_customer', ['workspace_id'], unique=False)
    op.create_table('payment_consent',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('ref', sa.String(), nullable=False),
    sa.Column('given_by', sa.String(), nullable=False),
    sa.Column('ip', sa.String(), nullable=False),
    sa.Column('wording', sa.String(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('detail', Json, nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('kind', 'ref')
    )
    op.create_index('payment_consent_by_workspace', 'payment_consent', ['workspace_id', 'created_at'], unique=False)
    op.create_table('saved_card',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('customer_id', sa.String(), nullable=False),
    sa.Column('method_id', sa.String(), nullable=False),
    sa.Column('brand', sa.String(), nullable=False),
    sa.Column('last4', sa.String(), nullable=False),
    sa.Column('exp_month', sa.Integer(), nullable=False),
    sa.Column('exp_year', sa.Integer(), nullable=False),
    sa.Column('country', sa.String(), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('to_detach', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('provider', 'method_id')
    )
    op.create_index('saved_card_by_workspace', 'saved_card', ['workspace_id', 'created_at'], unique=False)
    op.create_index('saved_card_to_detach', 'saved_card', ['id'], unique=False, sqlite_where=sa.text('to_detach'), postgresql_where=sa.text('to_detach'))
    op.create_table('auto_topup',
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('threshold_micros', sa.BigInteger(), nullable=False),
    sa.Column('mode', sa.String(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('refill_micros', sa.BigInteger(), nullable=True),
    sa.Column('charge_cap_minor', sa.BigInteger(), nullable=True),
    sa.Column('month_cap_minor', sa.BigInteger(), nullable=False),
    sa.Column('most_per_day', sa.Integer(), nullable=False),
    sa.Column('package_id', sa.String(), nullable=False),
    sa.Column('card_id', sa.String(), nullable=False),
    sa.Column('terms_version_id', sa.String(), nullable=True),
    sa.Column('consent_id', sa.String(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('not_before', UtcDateTime(), nullable=True),
    sa.Column('changed_by', sa.String(), nullable=False),
    sa.Column('changed_at', UtcDateTime(), nullable=False),
    sa.CheckConstraint('(amount_minor IS NULL) <> (refill_micros IS NULL)', name='topup_one_way'),
    sa.CheckConstraint('threshold_micros > 0 AND month_cap_minor > 0 AND most_per_day > 0', name='topup_has_limits'),
    sa.ForeignKeyConstraint(['card_id'], ['saved_card.id'], ),
    sa.ForeignKeyConstraint(['consent_id'], ['payment_consent.id'], ),
    sa.ForeignKeyConstraint(['package_id'], ['credit_package.id'], ),
    sa.ForeignKeyConstraint(['terms_version_id'], ['terms_version.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('workspace_id')
    )
    op.create_index('auto_topup_on', 'auto_topup', ['workspace_id'], unique=False, sqlite_where=sa.text("state = 'on'"), postgresql_where=sa.text("state = 'on'"))
    op.create_table('off_session_charge',
    sa.Column('order_id', sa.String(), nullable=False),
    sa.Column('card_id', sa.String(), nullable=False),
    sa.Column('method_id', sa.String(), nullable=False),
    sa.Column('customer_id', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('payment_id', sa.String(), nullable=True),
    sa.Column('code', sa.String(), nullable=True),
    sa.Column('looks', sa.Integer(), nullable=False),
    sa.Column('asked_at', UtcDateTime(), nullable=False),
    sa.Column('look_at', UtcDateTime(), nullable=True),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['card_id'], ['saved_card.id'], ),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.PrimaryKeyConstraint('order_id')
    )
    op.create_index('off_session_to_look_at', 'off_session_charge', ['look_at'], unique=False, sqlite_where=sa.text('look_at IS NOT NULL'), postgresql_where=sa.text('look_at IS NOT NULL'))
    op.create_table('dispute',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=False),
    sa.Column('payment_id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('external_id', sa.String(), nullable=False),
    sa.Column('charge_id', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('booked_minor', sa.BigInteger(), nullable=False),
    sa.Column('credits_micros', sa.BigInteger(), nullable=False),
    sa.Column('shortfall_micros', sa.BigInteger(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('credit_note_id', sa.String(), nullable=True),
    sa.Column('credit_note_number', sa.String(), nullable=True),
    sa.Column('restored_journal_id', sa.String(), nullable=True),
    sa.Column('due_by', UtcDateTime(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('closed_at', UtcDateTime(), nullable=True),
    sa.CheckConstraint('amount_minor > 0 AND credits_micros >= 0 AND shortfall_micros >= 0', name='dispute_not_negative'),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('provider', 'external_id')
    )
    op.create_index('dispute_by_order', 'dispute', ['order_id'], unique=False)
    op.create_index('dispute_by_state', 'dispute', ['state', 'created_at'], unique=False)
    op.create_table('refund',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=False),
    sa.Column('payment_id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('external_id', sa.String(), nullable=True),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('credits_micros', sa.BigInteger(), nullable=False),
    sa.Column('bonus_micros', sa.BigInteger(), nullable=False),
    sa.Column('shortfall_micros', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('failure_code', sa.String(), nullable=True),
    sa.Column('credit_note_id', sa.String(), nullable=True),
    sa.Column('credit_note_number', sa.String(), nullable=True),
    sa.Column('restored_journal_id', sa.String(), nullable=True),
    sa.Column('idempotency_key', sa.String(), nullable=True),
    sa.Column('created_by', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('look_at', UtcDateTime(), nullable=True),
    sa.Column('looks', sa.Integer(), nullable=False),
    sa.Column('done_at', UtcDateTime(), nullable=True),
    sa.CheckConstraint('amount_minor > 0 AND credits_micros >= 0 AND shortfall_micros >= 0', name='refund_not_negative'),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('order_id', 'idempotency_key'),
    sa.UniqueConstraint('provider', 'external_id')
    )
    op.create_index('refund_by_order', 'refund', ['order_id'], unique=False)
    op.create_index('refund_by_workspace', 'refund', ['workspace_id', 'created_at'], unique=False)
    op.create_index('refund_to_look_at', 'refund', ['look_at'], unique=False, sqlite_where=sa.text('look_at IS NOT NULL'), postgresql_where=sa.text('look_at IS NOT NULL'))
    op.create_index('order_topup_once', 'payment_order', ['workspace_id'], unique=True, sqlite_where=sa.text("kind = 'auto_topup' AND state IN ('draft', 'pending', 'processing', 'unknown')"), postgresql_where=sa.text("kind = 'auto_topup' AND state IN ('draft', 'pending', 'processing', 'unknown')"))


def downgrade() -> None:
    op.drop_index("order_topup_once", table_name="payment_order")
    op.drop_table("refund")
    op.drop_table("dispute")
    op.drop_table("off_session_charge")
    op.drop_table("auto_topup")
    op.drop_table("saved_card")
    op.drop_table("payment_consent")
    op.drop_table("gone_customer")
