"""Stored inputs and outputs; the bytes live under the files directory, never in a public folder."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, text
from sqlmodel import Field, SQLModel

from app.kernel.db import UtcDateTime, metadata

KEPT = text("expired_at IS NULL")
KEPT_UPLOADS = text("expired_at IS NULL AND generation_id IS NULL")


class StoredFile(SQLModel, table=True):
    __tablename__ = "stored_file"
    __table_args__ = (
        Index("stored_file_by_generation", "generation_id", "position", unique=True),
        Index("stored_file_kept", "created_at", sqlite_where=KEPT, postgresql_where=KEPT),
        Index("stored_file_uploads", "workspace_id", "id", sqlite_where=KEPT_UPLOADS, postgresql_where=KEPT_UPLOADS),
    )

    id: str = Field(primary_key=True)  # file_…
    workspace_id: str = Field(foreign_key="workspace.id", index=True)
    generation_id: str | None = None  # an output of this generation; None for an upload
    position: int | None = None
    kind: str  # image | video | audio | text | other
    mime: str
    size_bytes: int = Field(sa_type=BigInteger)
    width: int | None = None
    height: int | None = None
    duration_micros: int | None = Field(default=None, sa_type=BigInteger)  # millionths of a second
    sha256: str
    path: str  # relative to the files directory, or its key in the bucket
    created_at: datetime = Field(sa_type=UtcDateTime)
    expired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # its bytes are gone; the hash stays
    expired_why: str | None = None  # age | deleted


#: What a workspace has of its own; empty columns follow the installation.
file_policy = Table(
    "file_policy",
    metadata,
    Column("workspace_id", String, ForeignKey("workspace.id"), primary_key=True),
    Column("keep_days", Integer),
    Column("upload_quota_mb", Integer),
    Column("updated_at", UtcDateTime, nullable=False),
)
