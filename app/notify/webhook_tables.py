"""Where customers want to be told, what was to be told to each, and every attempt at it."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text

from app.kernel.db import Json, UtcDateTime, metadata

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    Column("id", String, primary_key=True),  # whe_…
    Column("workspace_id", String, ForeignKey("workspace.id")),  # None: of the house itself, for its billing
    #: endpoint: everything of its types goes to its url | request: only signs what requests name an address for
    Column("kind", String, nullable=False),
    Column("url", String, nullable=False),
    Column("description", String, nullable=False),
    Column("types", Json, nullable=False),  # names of events; empty: all of them
    Column("secret", String, nullable=False),  # sealed
    Column("previous_secret", String),  # sealed; signs as well until previous_until
    Column("previous_until", UtcDateTime),
    Column("state", String, nullable=False),  # enabled | disabled | deleted
    Column("disabled_reason", String),  # owner | failing | gone
    Column("disabled_at", UtcDateTime),
    Column("failing_since", UtcDateTime),  # the first failure after which nothing has got through
    Column("last_success_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("webhook_endpoint_by_workspace", "workspace_id", "id"),
    Index(
        "webhook_endpoint_of_requests",
        "workspace_id",
        unique=True,
        sqlite_where=text("kind = 'request'"),
        postgresql_where=text("kind = 'request'"),
    ),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("id", String, primary_key=True),  # whd_…
    Column("workspace_id", String, ForeignKey("workspace.id")),  # None: of the house itself, for its billing
    Column("endpoint_id", String, ForeignKey("webhook_endpoint.id"), nullable=False),
    Column("message_id", String, nullable=False),  # webhook-id: the same at every attempt and for every endpoint
    Column("type", String, nullable=False),
    Column("url", String, nullable=False),
    Column("body", Text, nullable=False),  # the very bytes that are signed
    Column("replay", Integer, nullable=False),  # 0 the first time, then 1, 2, … as somebody asked for it again
    Column("is_test", Boolean, nullable=False),
    Column("state", String, nullable=False),  # waiting | delivered | failed | dropped
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),  # while being worked on: when another may take it
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("status", Integer),  # of the last answer
    Column("error", String),
    UniqueConstraint("endpoint_id", "message_id", "url", "replay"),
    Index("webhook_delivery_by_workspace", "workspace_id", "id"),
    Index("webhook_delivery_by_endpoint", "endpoint_id", "id"),
    Index(
        "webhook_delivery_waiting",
        "next_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)

webhook_attempt = Table(
    "webhook_attempt",
    metadata,
    Column("delivery_id", String, ForeignKey("webhook_delivery.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1
    Column("started_at", UtcDateTime, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("address", String),  # which of the host's addresses was asked
    Column("request_headers", Json, nullable=False),
    Column("status", Integer),
    Column("response_headers", Json, nullable=False),
    Column("response_body", Text),  # its beginning
    Column("error", String),
)
