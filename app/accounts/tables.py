"""People, workspaces, sessions and API keys."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from app.kernel.db import Json, UtcDateTime


class User(SQLModel, table=True):
    __tablename__ = "user_account"

    id: str = Field(primary_key=True)  # usr_…
    email: str = Field(unique=True)  # lower case
    name: str
    password_hash: str
    is_operator: bool = False
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Workspace(SQLModel, table=True):
    id: str = Field(primary_key=True)  # ws_…
    name: str
    suspended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Member(SQLModel, table=True):
    workspace_id: str = Field(primary_key=True, foreign_key="workspace.id")
    user_id: str = Field(primary_key=True, foreign_key="user_account.id", index=True)
    role: str  # owner | member
    created_at: datetime = Field(sa_type=UtcDateTime)


class SignIn(SQLModel, table=True):
    """A session; only the hash of its token is stored."""

    __tablename__ = "sign_in"

    token_hash: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user_account.id", index=True)
    workspace_id: str | None = Field(default=None, foreign_key="workspace.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class ApiKey(SQLModel, table=True):
    __tablename__ = "api_key"

    id: str = Field(primary_key=True)  # key_…
    workspace_id: str = Field(foreign_key="workspace.id", index=True)
    name: str
    secret_hash: str = Field(unique=True)
    hint: str  # the last four characters, to tell keys apart
    created_by: str = Field(foreign_key="user_account.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    previous_hash: str | None = Field(default=None, index=True)  # the secret before a rotation, while it still works
    previous_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    keeps_payloads: bool | None = None  # what is asked and answered is kept for a while; None is no
    manages_webhooks: bool | None = None  # whether programs with it may add and change endpoints; None is no


class AllowanceRow(SQLModel, table=True):
    """What a key or a workspace may use; no row is no limit. Amounts in micro-credits, days and months in UTC."""

    __tablename__ = "allowance"

    subject: str = Field(primary_key=True)  # key_… or ws_…
    workspace_id: str = Field(foreign_key="workspace.id", index=True)
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_jobs: int | None = None
    credits_per_day_micros: int | None = Field(default=None, sa_type=BigInteger)
    credits_per_month_micros: int | None = Field(default=None, sa_type=BigInteger)
    allowed_models: list[str] | None = Field(default=None, sa_type=Json)  # model ids; None is every model
    alert_percent: int | None = None  # of a budget; at this much, and when it is used up, its owners get a mail
    updated_at: datetime = Field(sa_type=UtcDateTime)


class AuditEvent(SQLModel, table=True):
    """Who changed what: prices, keys, grants. Append-only."""

    __tablename__ = "audit_event"

    id: str = Field(primary_key=True)  # evt_…
    actor_id: str | None = Field(default=None, index=True)
    action: str
    subject: str = Field(index=True)
    detail: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
