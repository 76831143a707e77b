"""Stored inputs and outputs; the bytes live under the files directory, never in a public folder."""

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from app.kernel.db import UtcDateTime


class StoredFile(SQLModel, table=True):
    __tablename__ = "stored_file"
    __table_args__ = (Index("stored_file_by_generation", "generation_id", "position", unique=True),)

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
    path: str  # relative to the files directory
    created_at: datetime = Field(sa_type=UtcDateTime)
