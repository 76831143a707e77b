"""Generations, their attempts, what happened to them, and the keys that make a request safe to repeat."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel, UniqueConstraint

from app.kernel.db import Json, UtcDateTime


class Generation(SQLModel, table=True):
    __table_args__ = (
        Index("generation_by_workspace", "workspace_id", "created_at"),
        Index("generation_by_model", "model_id", "created_at"),
        Index("generation_of_workspace", "workspace_id", "id"),
        Index(
            "generation_running",
            "workspace_id",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(
            "generation_open",
            "next_check_at",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)  # gen_…
    request_id: str = Field(index=True)  # req_…
    workspace_id: str = Field(foreign_key="workspace.id")
    user_id: str | None = None
    api_key_id: str | None = Field(default=None, index=True)
    origin: str  # playground | api | videos | images
    model_id: str = Field(foreign_key="model.id")
    version_id: str = Field(foreign_key="model_version.id")
    modality: str
    state: str
    params: dict[str, Any] = Field(sa_type=Json)  # coerced, defaults filled
    estimate: dict[str, Any] = Field(sa_type=Json)  # the quote shown
    final: dict[str, Any] | None = Field(default=None, sa_type=Json)  # the quote charged
    hold_micros: int = Field(sa_type=BigInteger)
    charged_micros: int | None = Field(default=None, sa_type=BigInteger)
    cost_micros: int | None = Field(default=None, sa_type=BigInteger)  # micro-USD, operator surfaces only
    percent: int | None = None
    queue_position: int | None = None
    cancel_requested_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error_code: str | None = None
    error_message: str | None = None
    webhook_url: str | None = None  # told how it ended, besides the workspace's endpoints
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # its customer removed what it made
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    next_check_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Attempt(SQLModel, table=True):
    """One submission to one provider. It owns the upstream id."""

    __table_args__ = (
        UniqueConstraint("generation_id", "number"),
        UniqueConstraint("provider_id", "upstream_id"),
    )

    id: str = Field(primary_key=True)  # att_…
    generation_id: str = Field(foreign_key="generation.id")
    number: int
    route_id: str = Field(foreign_key="route.id")
    provider_id: str = Field(foreign_key="provider.id")
    upstream_model: str
    state: str  # intent | sending | accepted | refused | unknown | delivered | failed | canceled
    choice: dict[str, Any] | None = Field(default=None, sa_type=Json)  # why this route: what routing.py answered
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    upstream_id: str | None = Field(default=None, index=True)
    status_url: str | None = None
    response_url: str | None = None
    cancel_url: str | None = None
    expected_cost_micros: int | None = Field(default=None, sa_type=BigInteger)
    cost_micros: int | None = Field(default=None, sa_type=BigInteger)
    usage: dict[str, Any] | None = Field(default=None, sa_type=Json)
    resolved: dict[str, Any] | None = Field(default=None, sa_type=Json)
    billable_units: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class GenerationEvent(SQLModel, table=True):
    """The trace: what happened, when, in words a page can show. Append-only."""

    __tablename__ = "generation_event"
    __table_args__ = (Index("generation_event_by_generation", "generation_id", "id"),)

    id: str = Field(primary_key=True)  # evt_…
    generation_id: str = Field(foreign_key="generation.id")
    kind: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    operator_only: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)


class IdempotencyKey(SQLModel, table=True):
    __tablename__ = "idempotency_key"

    workspace_id: str = Field(primary_key=True, foreign_key="workspace.id")
    key: str = Field(primary_key=True)
    request_hash: str
    generation_id: str = Field(foreign_key="generation.id")
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Spend(SQLModel, table=True):
    """What finished generations were charged, by the day they finished: kept by a trigger in the very statement that
    finishes one (`guards.py`), so a budget needs no walk over them and cannot drift from them."""

    workspace_id: str = Field(primary_key=True, foreign_key="workspace.id")
    day: str = Field(primary_key=True)  # 2026-11-21, in UTC
    api_key_id: str = Field(primary_key=True)  # empty: the playground
    model_id: str = Field(primary_key=True)
    requests: int = Field(sa_type=BigInteger)
    charged_micros: int = Field(sa_type=BigInteger)


class UsageDue(SQLModel, table=True):
    """A settled generation whose usage event is not written yet: kept by a trigger (`guards.py`), like `Spend`."""

    __tablename__ = "usage_due"

    generation_id: str = Field(primary_key=True)


class RefusedRequest(SQLModel, table=True):
    """An API request that never became a generation. Like ones in one minute share a row and are counted in it."""

    __tablename__ = "refused_request"
    __table_args__ = (Index("refused_request_of_workspace", "workspace_id", "id"),)

    id: str = Field(primary_key=True)  # req_…
    workspace_id: str = Field(foreign_key="workspace.id")
    api_key_id: str | None = None
    path: str
    model: str | None = None  # as it was asked for
    status: int
    code: str
    message: str
    repeats: int = 1
    took_ms: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class RequestPayload(SQLModel, table=True):
    """What was asked and answered, where the key's policy keeps it; without secrets, and not for long."""

    __tablename__ = "request_payload"
    __table_args__ = (Index("request_payload_of_workspace", "workspace_id", "id"),)

    id: str = Field(primary_key=True)  # req_…
    workspace_id: str = Field(foreign_key="workspace.id")
    api_key_id: str
    path: str
    status: int
    request: str
    response: str
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class ProviderRule(SQLModel, table=True):
    """Which providers serve a workspace, and how much of each; a workspace without a row may use every one."""

    __tablename__ = "provider_rule"

    workspace_id: str = Field(primary_key=True, foreign_key="workspace.id")
    allowed: list[Any] | None = Field(default=None, sa_type=Json)  # provider ids; None is every one
    may_force: bool = True  # whether `provider/model` names one
    quotas: dict[str, Any] = Field(default_factory=dict, sa_type=Json)  # {provider id: micro-credits a month}
    updated_by: str
    updated_at: datetime = Field(sa_type=UtcDateTime)


class RouteHealth(SQLModel, table=True):
    """What all processes know of a route or a provider: its breaker, its last probe, how long it takes."""

    __tablename__ = "route_health"

    subject: str = Field(primary_key=True)  # rte_… or a provider's id
    state: str = "closed"  # closed | open; half-open is open with `retry_at` in the past
    good: int = 0  # outcomes in the present window
    bad: int = 0
    streak: int = 0  # failures in a row
    openings: int = 0  # in a row, without a success between them: each waits longer
    window_at: datetime = Field(sa_type=UtcDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    probe_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str = ""
    probed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    probe_said: str = ""
    milliseconds: int | None = None  # median from submission to delivery, lately
    updated_at: datetime = Field(sa_type=UtcDateTime)
