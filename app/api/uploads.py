"""`POST /uploads`: an image, video or sound to be used as an input. Measured by its content, never by its name."""

import asyncio
import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import UploadFile

from app.api.auth import Auth, Caller
from app.api.forms import uploaded_file
from app.files.keeping import MB
from app.files.store import UPLOAD_LIMIT_BYTES, Files
from app.files.tables import StoredFile
from app.kernel.errors import InvalidInput
from app.kernel.ids import is_id

FIELD = "file"
MOST_LISTED = 200
BODY_SCHEMA = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def router(auth: Auth, files: Files) -> APIRouter:
    """The upload route: with a session or a key."""
    api = APIRouter(tags=["Files"])

    @api.post("/uploads", status_code=201, summary="Upload an input", openapi_extra=BODY_SCHEMA)
    async def upload(request: Request, caller: Annotated[Caller, Depends(auth.either)]) -> dict[str, Any]:
        workspace_id = caller.workspace()
        path = await _receive(request, files)
        return describe(await asyncio.to_thread(files.keep_upload, path, workspace_id=workspace_id))

    @api.get("/uploads", summary="Your uploads that are still here, newest first")
    async def index(
        caller: Annotated[Caller, Depends(auth.either)],
        before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50,
    ) -> dict[str, Any]:
        if before is not None and not is_id(before, "file"):
            raise InvalidInput("before is a file's id: the last_id of the page before.", param="before")
        return await asyncio.to_thread(_listing, files, caller.workspace(), before, limit)

    return api


def _listing(files: Files, workspace_id: str, before: str | None, limit: int) -> dict[str, Any]:
    found = files.uploads(workspace_id, before=before, limit=limit)
    keeping = files.keepings.for_workspace(workspace_id)
    return {
        "object": "list",
        "data": [describe(row) for row in found],
        "has_more": len(found) == limit,
        "last_id": found[-1].id if found else None,
        "used_bytes": files.keepings.uploads_bytes(workspace_id),
        "quota_bytes": keeping.uploads_mb * MB,
        "kept_days": keeping.days,
    }


def describe(row: StoredFile) -> dict[str, Any]:
    """What the sender is told; `id` is what an input parameter takes."""
    return {
        "id": row.id,
        "url": f"/files/{row.id}",
        "kind": row.kind,
        "mime": row.mime,
        "width": row.width,
        "height": row.height,
        "bytes": row.size_bytes,
        "sha256": row.sha256,
        "created_at": int(row.created_at.timestamp()),
    }


async def _receive(request: Request, files: Files) -> Path:
    """The uploaded bytes on the files' own disk."""
    most = max(UPLOAD_LIMIT_BYTES.values())
    async with uploaded_file(request, FIELD, most) as given:
        return await asyncio.to_thread(_write, given, files)


def _write(given: UploadFile, files: Files) -> Path:
    path = files.incoming()
    with path.open("wb") as target:
        shutil.copyfileobj(given.file, target, MB)
    return path
