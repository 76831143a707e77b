"""Packages, orders, payments, webhooks

Revision ID: 0005_payments
Revises: 0004_invoicing
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import BigKey, Json, UtcDateTime

revision = "0005_payments"
down_revision = "0004_invoicing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('credit_package',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('sort', sa.Integer(), nullable=False),
    sa.Column('live_version_id', sa.String(), nullable=True),
    sa.Column('archived_at', UtcDateTime(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('payment_policy',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('value', Json, nullable=True),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('changed_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('redemption_code',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('hint', sa.String(), nullable=False),
    sa.Column('label', sa.String(), nullable=False),
    sa.Column('credits_micros', sa.BigInteger(), nullable=False),
    sa.Column('credits_expire_days', sa.Integer(), nullable=True),
    sa.Column('most_claims', sa.Integer(), nullable=False),
    sa.Column('claims', sa.Integer(), nullable=False),
    sa.Column('valid_until', UtcDateTime(), nullable=True),
    sa.Column('disabled_at', UtcDateTime(), nullable=True),
    sa.Column('created_by', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.CheckConstraint('claims >= 0 AND claims <= most_claims AND credits_micros > 0', name='code_within_claims'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('digest')
    )
    op.create_table('terms_version',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('terms', sa.Text(), nullable=False),
    sa.Column('refund_policy', sa.Text(), nullable=False),
    sa.Column('invoice_wording', sa.Text(), nullable=False),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('published_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('number')
    )
    op.create_table('unmatched_payment',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('external_id', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('detail', Json, nullable=False),
    sa.Column('currency', sa.String(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=True),
    sa.Column('workspace_id', sa.String(), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('resolution', sa.String(), nullable=True),
    sa.Column('resolved_by', sa.String(), nullable=True),
    sa.Column('resolved_at', UtcDateTime(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('provider', 'external_id', 'reason')
    )
    op.create_index('unmatched_by_state', 'unmatched_payment', ['state', 'created_at'], unique=False)
    op.create_table('webhook_event',
    sa.Column('id', BigKey, nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('event_id', sa.String(), nullable=False),
    sa.Column('type', sa.String(), nullable=False),
    sa.Column('api_version', sa.String(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('object_id', sa.String(), nullable=False),
    sa.Column('body_sha256', sa.String(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_at', UtcDateTime(), nullable=True),
    sa.Column('order_id', sa.String(), nullable=True),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('received_at', UtcDateTime(), nullable=False),
    sa.Column('done_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('provider', 'event_id')
    )
    op.create_index('webhook_event_by_received', 'webhook_event', ['received_at'], unique=False)
    op.create_index('webhook_event_due', 'webhook_event', ['next_at', 'id'], unique=False, sqlite_where=sa.text('next_at IS NOT NULL'), postgresql_where=sa.text('next_at IS NOT NULL'))
    op.create_table('credit_package_version',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('package_id', sa.String(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('summary', sa.String(), nullable=False),
    sa.Column('credits_micros', sa.BigInteger(), nullable=False),
    sa.Column('bonus_micros', sa.BigInteger(), nullable=False),
    sa.Column('prices', Json, nullable=False),
    sa.Column('expires_days', sa.Integer(), nullable=True),
    sa.Column('bonus_expires_days', sa.Integer(), nullable=True),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('published_at', UtcDateTime(), nullable=False),
    sa.CheckConstraint('credits_micros >= 0 AND bonus_micros >= 0', name='package_not_negative'),
    sa.ForeignKeyConstraint(['package_id'], ['credit_package.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('package_id', 'number')
    )
    op.create_table('payment_customer',
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('customer_id', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('provider', 'workspace_id', 'livemode'),
    sa.UniqueConstraint('provider', 'customer_id')
    )
    op.create_table('redemption_claim',
    sa.Column('code_id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('claimed_by', sa.String(), nullable=False),
    sa.Column('journal_id', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['code_id'], ['redemption_code.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('code_id', 'workspace_id')
    )
    op.create_table('payment_order',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('package_version_id', sa.String(), nullable=True),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('credits_micros', sa.BigInteger(), nullable=False),
    sa.Column('bonus_micros', sa.BigInteger(), nullable=False),
    sa.Column('expires_days', sa.Integer(), nullable=True),
    sa.Column('bonus_expires_days', sa.Integer(), nullable=True),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('net_minor', sa.BigInteger(), nullable=False),
    sa.Column('tax_minor', sa.BigInteger(), nullable=False),
    sa.Column('gross_minor', sa.BigInteger(), nullable=False),
    sa.Column('tax_snapshot', Json, nullable=False),
    sa.Column('tax_hash', sa.String(), nullable=False),
    sa.Column('terms_version_id', sa.String(), nullable=True),
    sa.Column('accepted_by', sa.String(), nullable=True),
    sa.Column('accepted_at', UtcDateTime(), nullable=True),
    sa.Column('customer_id', sa.String(), nullable=True),
    sa.Column('reference', sa.String(), nullable=False),
    sa.Column('idempotency_key', sa.String(), nullable=False),
    sa.Column('created_by', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=True),
    sa.Column('look_at', UtcDateTime(), nullable=True),
    sa.Column('paid_at', UtcDateTime(), nullable=True),
    sa.Column('payment_id', sa.String(), nullable=True),
    sa.Column('journal_id', sa.String(), nullable=True),
    sa.Column('lot_id', sa.String(), nullable=True),
    sa.Column('bonus_lot_id', sa.String(), nullable=True),
    sa.Column('invoice_id', sa.String(), nullable=True),
    sa.Column('invoice_number', sa.String(), nullable=True),
    sa.Column('failure_code', sa.String(), nullable=True),
    sa.Column('failure_message', sa.String(), nullable=True),
    sa.CheckConstraint('credits_micros > 0 AND bonus_micros >= 0', name='order_buys_credits'),
    sa.CheckConstraint('net_minor > 0 AND tax_minor >= 0 AND gross_minor = net_minor + tax_minor', name='order_adds_up'),
    sa.ForeignKeyConstraint(['package_version_id'], ['credit_package_version.id'], ),
    sa.ForeignKeyConstraint(['terms_version_id'], ['terms_version.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('reference'),
    sa.UniqueConstraint('workspace_id', 'idempotency_key')
    )
    op.create_index('order_by_state', 'payment_order', ['state', 'created_at'], unique=False)
    op.create_index('order_by_workspace', 'payment_order', ['workspace_id', 'created_at'], unique=False)
    op.create_index('order_open_once', 'payment_order', ['workspace_id', 'package_version_id', 'currency'], unique=True, sqlite_where=sa.text("state IN ('draft', 'pending') AND kind = 'package' AND provider <> 'manual'"), postgresql_where=sa.text("state IN ('draft', 'pending') AND kind = 'package' AND provider <> 'manual'"))
    op.create_index('order_to_look_at', 'payment_order', ['look_at'], unique=False, sqlite_where=sa.text('look_at IS NOT NULL'), postgresql_where=sa.text('look_at IS NOT NULL'))
    op.create_table('checkout_session',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('save_card', sa.Boolean(), nullable=False),
    sa.Column('session_id', sa.String(), nullable=True),
    sa.Column('url', sa.String(), nullable=True),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('order_id', 'attempt'),
    sa.UniqueConstraint('provider', 'session_id')
    )
    op.create_table('enquiry',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=True),
    sa.Column('package_id', sa.String(), nullable=True),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('email', sa.String(), nullable=False),
    sa.Column('company', sa.String(), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=True),
    sa.Column('handled_by', sa.String(), nullable=True),
    sa.Column('handled_at', UtcDateTime(), nullable=True),
    sa.Column('created_by', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.ForeignKeyConstraint(['package_id'], ['credit_package.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('enquiry_by_state', 'enquiry', ['state', 'created_at'], unique=False)
    op.create_table('manual_approval',
    sa.Column('order_id', sa.String(), nullable=False),
    sa.Column('approved_by', sa.String(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.PrimaryKeyConstraint('order_id', 'approved_by')
    )
    op.create_table('manual_receipt',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('bank_reference', sa.String(), nullable=False),
    sa.Column('value_date', sa.String(), nullable=False),
    sa.Column('recorded_by', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.CheckConstraint('amount_minor <> 0', name='receipt_not_zero'),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('bank_reference')
    )
    op.create_index('manual_receipt_by_order', 'manual_receipt', ['order_id'], unique=False)
    op.create_table('order_event',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('detail', Json, nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('order_event_by_order', 'order_event', ['order_id', 'id'], unique=False)
    op.create_table('order_proof',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('uploaded_by', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('order_proof_by_order', 'order_proof', ['order_id'], unique=False)
    op.create_table('payment',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('external_id', sa.String(), nullable=False),
    sa.Column('charge_id', sa.String(), nullable=True),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('method', sa.String(), nullable=False),
    sa.Column('card', sa.String(), nullable=True),
    sa.Column('card_country', sa.String(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['payment_order.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('provider', 'external_id')
    )
    op.create_index('payment_by_charge', 'payment', ['charge_id'], unique=False)
    op.create_index('payment_by_order', 'payment', ['order_id'], unique=False)



def downgrade() -> None:
    op.drop_table("payment")
    op.drop_table("order_proof")
    op.drop_table("order_event")
    op.drop_table("manual_receipt")
    op.drop_table("manual_approval")
    op.drop_table("enquiry")
    op.drop_table("checkout_session")
    op.drop_table("payment_order")
    op.drop_table("redemption_claim")
    op.drop_table("payment_customer")
    op.drop_table("credit_package_version")
    op.drop_table("webhook_event")
    op.drop_table("unmatched_payment")
    op.drop_table("terms_version")
    op.drop_table("redemption_code")
    op.drop_table("payment_policy")
    op.drop_table("credit_package")

