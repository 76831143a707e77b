"""Sellers, billing profiles, tax, invoices

Revision ID: 0004_invoicing
Revises: 0003_lots
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import BigKey, Json, UtcDateTime

revision = "0004_invoicing"
down_revision = "0003_lots"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('fx_rate',
    sa.Column('base', sa.String(), nullable=False),
    sa.Column('quote', sa.String(), nullable=False),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.Column('rate', sa.String(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('base', 'quote', 'on_day')
    )
    op.create_table('legal_entity',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('series_prefix', sa.String(), nullable=False),
    sa.Column('is_default', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('series_prefix')
    )
    op.create_index('legal_entity_one_default', 'legal_entity', ['is_default'], unique=True, sqlite_where=sa.text('is_default'), postgresql_where=sa.text('is_default'))
    op.create_table('tax_rate_override',
    sa.Column('id', BigKey, autoincrement=True, nullable=False),
    sa.Column('jurisdiction', sa.String(), nullable=False),
    sa.Column('type', sa.String(), nullable=False),
    sa.Column('rate', sa.String(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_by', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('tax_rate_override_by_place', 'tax_rate_override', ['jurisdiction', 'since'], unique=False)
    op.create_table('billing_profile',
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('country', sa.String(), nullable=False),
    sa.Column('tax_id', sa.String(), nullable=True),
    sa.Column('details', Json, nullable=False),
    sa.Column('evidence', Json, nullable=False),
    sa.Column('updated_by', sa.String(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('workspace_id')
    )
    op.create_table('invoice',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('entity_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('year', sa.Integer(), nullable=False),
    sa.Column('is_test', sa.Boolean(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('source_kind', sa.String(), nullable=False),
    sa.Column('source_id', sa.String(), nullable=False),
    sa.Column('order_id', sa.String(), nullable=True),
    sa.Column('refers_to', sa.String(), nullable=True),
    sa.Column('issued_at', UtcDateTime(), nullable=False),
    sa.Column('issued_on', sa.Date(), nullable=False),
    sa.Column('buyer', sa.String(), nullable=False),
    sa.Column('country', sa.String(), nullable=False),
    sa.Column('scheme', sa.String(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('net', sa.BigInteger(), nullable=False),
    sa.Column('tax', sa.BigInteger(), nullable=False),
    sa.Column('gross', sa.BigInteger(), nullable=False),
    sa.Column('document', Json, nullable=False),
    sa.Column('tax_snapshot', Json, nullable=False),
    sa.Column('hash', sa.String(), nullable=False),
    sa.CheckConstraint("(kind = 'credit_note') = (refers_to IS NOT NULL)", name='invoice_credit_note_refers'),
    sa.CheckConstraint('net + tax = gross', name='invoice_adds_up'),
    sa.CheckConstraint('net >= 0 AND tax >= 0', name='invoice_not_negative'),
    sa.ForeignKeyConstraint(['refers_to'], ['invoice.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('entity_id', 'kind', 'year', 'is_test', 'sequence', name='invoice_sequence'),
    sa.UniqueConstraint('number'),
    sa.UniqueConstraint('source_kind', 'source_id', name='invoice_once_per_source')
    )
    op.create_index('invoice_by_day', 'invoice', ['issued_on', 'id'], unique=False)
    op.create_index('invoice_by_order', 'invoice', ['order_id'], unique=False)
    op.create_index('invoice_by_referred', 'invoice', ['refers_to'], unique=False)
    op.create_index('invoice_by_workspace', 'invoice', ['workspace_id', 'id'], unique=False)
    op.create_table('invoice_series',
    sa.Column('entity_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('year', sa.Integer(), nullable=False),
    sa.Column('is_test', sa.Boolean(), nullable=False),
    sa.Column('prefix', sa.String(), nullable=False),
    sa.Column('next', sa.Integer(), nullable=False),
    sa.Column('last_issued_on', sa.Date(), nullable=False),
    sa.CheckConstraint('next >= 1', name='invoice_series_counts_from_one'),
    sa.ForeignKeyConstraint(['entity_id'], ['legal_entity.id'], ),
    sa.PrimaryKeyConstraint('entity_id', 'kind', 'year', 'is_test'),
    sa.UniqueConstraint('prefix')
    )
    op.create_table('legal_entity_version',
    sa.Column('entity_id', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('details', Json, nullable=False),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['entity_id'], ['legal_entity.id'], ),
    sa.PrimaryKeyConstraint('entity_id', 'version')
    )
    op.create_table('tax_id_check',
    sa.Column('id', BigKey, autoincrement=True, nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('tax_id', sa.String(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('result', sa.String(), nullable=False),
    sa.Column('request_id', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('checked_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('tax_id_check_latest', 'tax_id_check', ['workspace_id', 'tax_id', 'id'], unique=False)
    op.create_table('invoice_file',
    sa.Column('invoice_id', sa.String(), nullable=False),
    sa.Column('format', sa.String(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoice.id'], ),
    sa.PrimaryKeyConstraint('invoice_id', 'format'),
    )
    op.create_table('invoice_line',
    sa.Column('invoice_id', sa.String(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('description', sa.String(), nullable=False),
    sa.Column('detail', sa.String(), nullable=False),
    sa.Column('quantity', sa.String(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('unit_price', sa.String(), nullable=False),
    sa.Column('net', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoice.id'], ),
    sa.PrimaryKeyConstraint('invoice_id', 'position')
    )


def downgrade() -> None:
    op.drop_table('invoice_line')
    op.drop_table('invoice_file')
    op.drop_index('tax_id_check_latest', table_name='tax_id_check')
    op.drop_table('tax_id_check')
    op.drop_table('legal_entity_version')
    op.drop_table('invoice_series')
    op.drop_index('invoice_by_workspace', table_name='invoice')
    op.drop_index('invoice_by_referred', table_name='invoice')
    op.drop_index('invoice_by_order', table_name='invoice')
    op.drop_index('invoice_by_day', table_name='invoice')
    op.drop_table('invoice')
    op.drop_table('billing_profile')
    op.drop_index('tax_rate_override_by_place', table_name='tax_rate_override')
    op.drop_table('tax_rate_override')
    op.drop_index('legal_entity_one_default', table_name='legal_entity', sqlite_where=sa.text('is_default'), postgresql_where=sa.text('is_default'))
    op.drop_table('legal_entity')
    op.drop_table('fx_rate')
