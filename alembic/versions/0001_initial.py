"""Initial tables

Revision ID: 0001_initial
Revises: 
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = '0001_initial'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('audit_event',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('actor_id', sa.String(), nullable=True),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('detail', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_audit_event_actor_id'), 'audit_event', ['actor_id'], unique=False)
    op.create_index(op.f('ix_audit_event_created_at'), 'audit_event', ['created_at'], unique=False)
    op.create_index(op.f('ix_audit_event_subject'), 'audit_event', ['subject'], unique=False)
    op.create_table('model',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('alias', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('description', sa.String(), nullable=False),
    sa.Column('modality', sa.String(), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('live_version_id', sa.String(), nullable=True),
    sa.Column('draft', Json, nullable=True),
    sa.Column('requests_per_minute', sa.Integer(), nullable=True),
    sa.Column('concurrent_jobs', sa.Integer(), nullable=True),
    sa.Column('credits_per_day_micros', sa.BigInteger(), nullable=True),
    sa.Column('sort', sa.Integer(), nullable=False),
    sa.Column('example', Json, nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('alias')
    )
    op.create_table('provider',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('base_url', sa.String(), nullable=False),
    sa.Column('api_key_sealed', sa.String(), nullable=True),
    sa.Column('callback_secret_sealed', sa.String(), nullable=True),
    sa.Column('settings', Json, nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('is_sandbox', sa.Boolean(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('user_account',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('email', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('password_hash', sa.String(), nullable=False),
    sa.Column('is_operator', sa.Boolean(), nullable=False),
    sa.Column('disabled_at', UtcDateTime(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('email')
    )
    op.create_table('workspace',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('suspended_at', UtcDateTime(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('api_key',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('secret_hash', sa.String(), nullable=False),
    sa.Column('hint', sa.String(), nullable=False),
    sa.Column('created_by', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('last_used_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['created_by'], ['user_account.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('secret_hash')
    )
    op.create_index(op.f('ix_api_key_workspace_id'), 'api_key', ['workspace_id'], unique=False)
    op.create_table('member',
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('user_id', sa.String(), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('workspace_id', 'user_id')
    )
    op.create_index(op.f('ix_member_user_id'), 'member', ['user_id'], unique=False)
    op.create_table('model_version',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('model_id', sa.String(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('param_schema', Json, nullable=False),
    sa.Column('credit_cost_micros', sa.BigInteger(), nullable=True),
    sa.Column('pricing_rule', Json, nullable=True),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('diff', Json, nullable=False),
    sa.Column('sign_off', Json, nullable=True),
    sa.Column('restores_number', sa.Integer(), nullable=True),
    sa.Column('published_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['model_id'], ['model.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('model_id', 'number')
    )
    op.create_index(op.f('ix_model_version_model_id'), 'model_version', ['model_id'], unique=False)
    op.create_table('route',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('model_id', sa.String(), nullable=False),
    sa.Column('provider_id', sa.String(), nullable=False),
    sa.Column('upstream_model', sa.String(), nullable=False),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('mapping', Json, nullable=False),
    sa.Column('settings', Json, nullable=False),
    sa.ForeignKeyConstraint(['model_id'], ['model.id'], ),
    sa.ForeignKeyConstraint(['provider_id'], ['provider.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_route_model_id'), 'route', ['model_id'], unique=False)
    op.create_table('sign_in',
    sa.Column('token_hash', sa.String(), nullable=False),
    sa.Column('user_id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('token_hash')
    )
    op.create_index(op.f('ix_sign_in_expires_at'), 'sign_in', ['expires_at'], unique=False)
    op.create_index(op.f('ix_sign_in_user_id'), 'sign_in', ['user_id'], unique=False)
    op.create_table('stored_file',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('generation_id', sa.String(), nullable=True),
    sa.Column('position', sa.Integer(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('mime', sa.String(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('width', sa.Integer(), nullable=True),
    sa.Column('height', sa.Integer(), nullable=True),
    sa.Column('duration_micros', sa.BigInteger(), nullable=True),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('path', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_stored_file_workspace_id'), 'stored_file', ['workspace_id'], unique=False)
    op.create_index('stored_file_by_generation', 'stored_file', ['generation_id', 'position'], unique=True)
    op.create_table('wallet',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('balance', sa.BigInteger(), nullable=False),
    sa.Column('held', sa.BigInteger(), nullable=False),
    sa.Column('owed', sa.BigInteger(), nullable=False),
    sa.Column('credit_limit', sa.BigInteger(), nullable=False),
    sa.Column('frozen', sa.Boolean(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('balance >= 0 AND held >= 0 AND owed >= 0 AND credit_limit >= 0', name='wallet_not_negative'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('workspace_id', 'unit'),
    postgresql_with={'fillfactor': '50'}
    )
    op.create_table('cost_profile',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('route_id', sa.String(), nullable=False),
    sa.Column('rule', Json, nullable=False),
    sa.Column('effective_from', UtcDateTime(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('observed_at', UtcDateTime(), nullable=True),
    sa.Column('verified', sa.Boolean(), nullable=False),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['route_id'], ['route.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('cost_profile_by_route', 'cost_profile', ['route_id', 'effective_from'], unique=False)
    op.create_table('generation',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('request_id', sa.String(), nullable=False),
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('user_id', sa.String(), nullable=True),
    sa.Column('api_key_id', sa.String(), nullable=True),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('model_id', sa.String(), nullable=False),
    sa.Column('version_id', sa.String(), nullable=False),
    sa.Column('modality', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('params', Json, nullable=False),
    sa.Column('estimate', Json, nullable=False),
    sa.Column('final', Json, nullable=True),
    sa.Column('hold_micros', sa.BigInteger(), nullable=False),
    sa.Column('charged_micros', sa.BigInteger(), nullable=True),
    sa.Column('cost_micros', sa.BigInteger(), nullable=True),
    sa.Column('percent', sa.Integer(), nullable=True),
    sa.Column('queue_position', sa.Integer(), nullable=True),
    sa.Column('cancel_requested_at', UtcDateTime(), nullable=True),
    sa.Column('error_code', sa.String(), nullable=True),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('next_check_at', UtcDateTime(), nullable=True),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['model_id'], ['model.id'], ),
    sa.ForeignKeyConstraint(['version_id'], ['model_version.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('generation_by_model', 'generation', ['model_id', 'created_at'], unique=False)
    op.create_index('generation_by_workspace', 'generation', ['workspace_id', 'created_at'], unique=False)
    op.create_index('generation_open', 'generation', ['next_check_at'], unique=False, sqlite_where=sa.text('finished_at IS NULL'), postgresql_where=sa.text('finished_at IS NULL'))
    op.create_index(op.f('ix_generation_api_key_id'), 'generation', ['api_key_id'], unique=False)
    op.create_index(op.f('ix_generation_request_id'), 'generation', ['request_id'], unique=False)
    op.create_table('journal',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('ref', sa.String(), nullable=False),
    sa.Column('wallet_id', sa.BigInteger(), nullable=True),
    sa.Column('generation_id', sa.String(), nullable=True),
    sa.Column('reverses_id', sa.String(), nullable=True),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('memo', Json, nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['reverses_id'], ['journal.id'], ),
    sa.ForeignKeyConstraint(['wallet_id'], ['wallet.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('kind', 'ref')
    )
    op.create_index('journal_by_generation', 'journal', ['generation_id'], unique=False)
    op.create_index('journal_by_wallet', 'journal', ['wallet_id', 'created_at'], unique=False)
    op.create_index('journal_reversed_once', 'journal', ['reverses_id'], unique=True, sqlite_where=sa.text('reverses_id IS NOT NULL'), postgresql_where=sa.text('reverses_id IS NOT NULL'))
    op.create_table('attempt',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('generation_id', sa.String(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('route_id', sa.String(), nullable=False),
    sa.Column('provider_id', sa.String(), nullable=False),
    sa.Column('upstream_model', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('sent_at', UtcDateTime(), nullable=True),
    sa.Column('upstream_id', sa.String(), nullable=True),
    sa.Column('status_url', sa.String(), nullable=True),
    sa.Column('response_url', sa.String(), nullable=True),
    sa.Column('cancel_url', sa.String(), nullable=True),
    sa.Column('expected_cost_micros', sa.BigInteger(), nullable=True),
    sa.Column('cost_micros', sa.BigInteger(), nullable=True),
    sa.Column('usage', Json, nullable=True),
    sa.Column('resolved', Json, nullable=True),
    sa.Column('billable_units', sa.String(), nullable=True),
    sa.Column('error_code', sa.String(), nullable=True),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['generation_id'], ['generation.id'], ),
    sa.ForeignKeyConstraint(['provider_id'], ['provider.id'], ),
    sa.ForeignKeyConstraint(['route_id'], ['route.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('generation_id', 'number'),
    sa.UniqueConstraint('provider_id', 'upstream_id')
    )
    op.create_index(op.f('ix_attempt_upstream_id'), 'attempt', ['upstream_id'], unique=False)
    op.create_table('entry',
    sa.Column('journal_id', sa.String(), nullable=False),
    sa.Column('position', sa.SmallInteger(), nullable=False),
    sa.Column('account', sa.String(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('balance_after', sa.BigInteger(), nullable=True),
    sa.Column('wallet_version', sa.BigInteger(), nullable=True),
    sa.CheckConstraint('amount <> 0', name='entry_not_zero'),
    sa.ForeignKeyConstraint(['journal_id'], ['journal.id'], ),
    sa.PrimaryKeyConstraint('journal_id', 'position')
    )
    op.create_index('entry_by_account', 'entry', ['account', 'journal_id'], unique=False)
    op.create_index('entry_wallet_version', 'entry', ['account', 'wallet_version'], unique=True, sqlite_where=sa.text('wallet_version IS NOT NULL'), postgresql_where=sa.text('wallet_version IS NOT NULL'))
    op.create_table('generation_event',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('generation_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('detail', Json, nullable=False),
    sa.Column('operator_only', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['generation_id'], ['generation.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('generation_event_by_generation', 'generation_event', ['generation_id', 'id'], unique=False)
    op.create_table('hold',
    sa.Column('generation_id', sa.String(), nullable=False),
    sa.Column('wallet_id', sa.BigInteger(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('captured', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.SmallInteger(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('deadline_at', UtcDateTime(), nullable=False),
    sa.Column('closed_at', UtcDateTime(), nullable=True),
    sa.Column('close_journal_id', sa.String(), nullable=True),
    sa.CheckConstraint('amount >= 0 AND captured >= 0', name='hold_not_negative'),
    sa.ForeignKeyConstraint(['close_journal_id'], ['journal.id'], ),
    sa.ForeignKeyConstraint(['wallet_id'], ['wallet.id'], ),
    sa.PrimaryKeyConstraint('generation_id')
    )
    op.create_index('hold_by_wallet', 'hold', ['wallet_id', 'created_at'], unique=False)
    op.create_index('hold_open_by_deadline', 'hold', ['deadline_at'], unique=False, sqlite_where=sa.text('state = 0'), postgresql_where=sa.text('state = 0'))
    op.create_table('idempotency_key',
    sa.Column('workspace_id', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('request_hash', sa.String(), nullable=False),
    sa.Column('generation_id', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['generation_id'], ['generation.id'], ),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ),
    sa.PrimaryKeyConstraint('workspace_id', 'key')
    )
    op.create_index(op.f('ix_idempotency_key_created_at'), 'idempotency_key', ['created_at'], unique=False)
    op.create_table('lot',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('wallet_id', sa.BigInteger(), nullable=False),
    sa.Column('journal_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('label', sa.String(), nullable=False),
    sa.Column('granted', sa.BigInteger(), nullable=False),
    sa.Column('remaining', sa.BigInteger(), nullable=False),
    sa.Column('open', sa.Boolean(), nullable=False),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=True),
    sa.Column('cost_basis_micros', sa.BigInteger(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.CheckConstraint('remaining >= 0 AND remaining <= granted', name='lot_within_grant'),
    sa.ForeignKeyConstraint(['journal_id'], ['journal.id'], ),
    sa.ForeignKeyConstraint(['wallet_id'], ['wallet.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('journal_id'),
    postgresql_with={'fillfactor': '50'}
    )
    op.create_index('lot_open_by_wallet', 'lot', ['wallet_id', 'priority', 'expires_at', 'id'], unique=False, sqlite_where=sa.text('open'), postgresql_where=sa.text('open'))
    op.create_table('lot_use',
    sa.Column('journal_id', sa.String(), nullable=False),
    sa.Column('position', sa.SmallInteger(), nullable=False),
    sa.Column('lot_id', sa.String(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('amount <> 0', name='lot_use_not_zero'),
    sa.ForeignKeyConstraint(['journal_id'], ['journal.id'], ),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], ),
    sa.PrimaryKeyConstraint('journal_id', 'position')
    )
    op.create_index('lot_use_by_lot', 'lot_use', ['lot_id'], unique=False)


def downgrade() -> None:
    op.drop_index('lot_use_by_lot', table_name='lot_use')
    op.drop_table('lot_use')
    op.drop_index('lot_open_by_wallet', table_name='lot', sqlite_where=sa.text('open'), postgresql_where=sa.text('open'))
    op.drop_table('lot')
    op.drop_index(op.f('ix_idempotency_key_created_at'), table_name='idempotency_key')
    op.drop_table('idempotency_key')
    op.drop_index('hold_open_by_deadline', table_name='hold', sqlite_where=sa.text('state = 0'), postgresql_where=sa.text('state = 0'))
    op.drop_index('hold_by_wallet', table_name='hold')
    op.drop_table('hold')
    op.drop_index('generation_event_by_generation', table_name='generation_event')
    op.drop_table('generation_event')
    op.drop_index('entry_wallet_version', table_name='entry', sqlite_where=sa.text('wallet_version IS NOT NULL'), postgresql_where=sa.text('wallet_version IS NOT NULL'))
    op.drop_index('entry_by_account', table_name='entry')
    op.drop_table('entry')
    op.drop_index(op.f('ix_attempt_upstream_id'), table_name='attempt')
    op.drop_table('attempt')
    op.drop_index('journal_reversed_once', table_name='journal', sqlite_where=sa.text('reverses_id IS NOT NULL'), postgresql_where=sa.text('reverses_id IS NOT NULL'))
    op.drop_index('journal_by_wallet', table_name='journal')
    op.drop_index('journal_by_generation', table_name='journal')
    op.drop_table('journal')
    op.drop_index(op.f('ix_generation_request_id'), table_name='generation')
    op.drop_index(op.f('ix_generation_api_key_id'), table_name='generation')
    op.drop_index('generation_open', table_name='generation', sqlite_where=sa.text('finished_at IS NULL'), postgresql_where=sa.text('finished_at IS NULL'))
    op.drop_index('generation_by_workspace', table_name='generation')
    op.drop_index('generation_by_model', table_name='generation')
    op.drop_table('generation')
    op.drop_index('cost_profile_by_route', table_name='cost_profile')
    op.drop_table('cost_profile')
    op.drop_table('wallet')
    op.drop_index('stored_file_by_generation', table_name='stored_file')
    op.drop_index(op.f('ix_stored_file_workspace_id'), table_name='stored_file')
    op.drop_table('stored_file')
    op.drop_index(op.f('ix_sign_in_user_id'), table_name='sign_in')
    op.drop_index(op.f('ix_sign_in_expires_at'), table_name='sign_in')
    op.drop_table('sign_in')
    op.drop_index(op.f('ix_route_model_id'), table_name='route')
    op.drop_table('route')
    op.drop_index(op.f('ix_model_version_model_id'), table_name='model_version')
    op.drop_table('model_version')
    op.drop_index(op.f('ix_member_user_id'), table_name='member')
    op.drop_table('member')
    op.drop_index(op.f('ix_api_key_workspace_id'), table_name='api_key')
    op.drop_table('api_key')
    op.drop_table('workspace')
    op.drop_table('user_account')
    op.drop_table('provider')
    op.drop_table('model')
    op.drop_index(op.f('ix_audit_event_subject'), table_name='audit_event')
    op.drop_index(op.f('ix_audit_event_created_at'), table_name='audit_event')
    op.drop_index(op.f('ix_audit_event_actor_id'), table_name='audit_event')
    op.drop_table('audit_event')
