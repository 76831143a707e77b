"""`POST /uploads`: an image, video or sound to be used as an input. Measured by its content, never by its name."""

import asyncio
import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile

from app.api.auth import Auth, Caller
from app.api.forms import uploaded_file
from app.files.store import MB, UPLOAD_LIMIT_BYTES, Files
from app.files.tables import StoredFile

FIELD = "file"
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

    return api


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
