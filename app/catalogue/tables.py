"""What we sell and who serves it. Published versions and cost profiles are never edited, only followed by newer."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel, UniqueConstraint

from app.kernel.db import Json, UtcDateTime


class ProviderRow(SQLModel, table=True):
    __tablename__ = "provider"

    id: str = Field(primary_key=True)  # "fal", "replicate", "kie"
    kind: str  # which adapter
    name: str
    base_url: str
    api_key_sealed: str | None = None
    callback_secret_sealed: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    enabled: bool = True
    is_sandbox: bool = False
    updated_at: datetime = Field(sa_type=UtcDateTime)


class Model(SQLModel, table=True):
    id: str = Field(primary_key=True)  # mdl_…
    alias: str = Field(unique=True)
    title: str
    description: str = ""
    modality: str  # one of operations.MODALITIES
    operation: str = ""  # what it does, where the modality leaves a choice; empty for the usual one
    enabled: bool = False
    live_version_id: str | None = None
    draft: dict[str, Any] | None = Field(default=None, sa_type=Json)  # what catalogue/drafts.py keeps
    requests_per_minute: int | None = None
    concurrent_jobs: int | None = None
    credits_per_day_micros: int | None = Field(default=None, sa_type=BigInteger)
    tokens_per_minute: int | None = None
    credits_per_month_micros: int | None = Field(default=None, sa_type=BigInteger)
    sort: int = 0
    routing_policy: str = "priority"  # what route_policy.PolicyKind lists
    min_margin_bp: int | None = None  # basis points of the price below which a route is not used
    example: dict[str, Any] | None = Field(default=None, sa_type=Json)  # input to try the model with
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class ModelVersion(SQLModel, table=True):
    """One published price and parameter set; immutable."""

    __tablename__ = "model_version"
    __table_args__ = (UniqueConstraint("model_id", "number"),)

    id: str = Field(primary_key=True)  # ver_…
    model_id: str = Field(foreign_key="model.id", index=True)
    number: int
    param_schema: dict[str, Any] = Field(sa_type=Json)
    credit_cost_micros: int | None = Field(default=None, sa_type=BigInteger)
    pricing_rule: dict[str, Any] | None = Field(default=None, sa_type=Json)
    author: str
    note: str
    diff: list[Any] = Field(default_factory=list, sa_type=Json)
    sign_off: dict[str, Any] | None = Field(default=None, sa_type=Json)  # {by, at, combinations}
    restores_number: int | None = None
    published_at: datetime = Field(sa_type=UtcDateTime)


class Route(SQLModel, table=True):
    id: str = Field(primary_key=True)  # rte_…
    model_id: str = Field(foreign_key="model.id", index=True)
    provider_id: str = Field(foreign_key="provider.id")
    upstream_model: str
    priority: int = 0
    weight: int = 100  # share of the requests among routes of equal rank; 0 only steps in for others
    enabled: bool = True
    mapping: dict[str, Any] = Field(default_factory=dict, sa_type=Json)  # {our parameter: upstream parameter | null}
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=Json)  # e.g. {"billable_units": "second"}


class CostProfile(SQLModel, table=True):
    """What a route costs us from a date on: the pricing rule's grammar, in USD. Append-only."""

    __tablename__ = "cost_profile"
    __table_args__ = (Index("cost_profile_by_route", "route_id", "effective_from"),)

    id: str = Field(primary_key=True)  # cst_…
    route_id: str = Field(foreign_key="route.id")
    rule: dict[str, Any] = Field(sa_type=Json)
    effective_from: datetime = Field(sa_type=UtcDateTime)
    source: str  # a URL or a sentence
    observed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    verified: bool = False
    author: str
    created_at: datetime = Field(sa_type=UtcDateTime)
