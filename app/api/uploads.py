"""`POST /uploads`: an image, video or sound to be used as an input. Measured by its content, never by its name."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.api.auth import Auth, Caller
from app.files.store import MB, UPLOAD_LIMIT_BYTES, Files, TooLarge
from app.files.tables import StoredFile
from app.kernel.errors import InvalidInput

FIELD = "file"
ENVELOPE_BYTES = 64 * 1024  # boundaries and part headers around the file itself
MOST_FIELDS = 8
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
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise InvalidInput(f"Send multipart/form-data with the file in a field named “{FIELD}”.")
    most = max(UPLOAD_LIMIT_BYTES.values()) + ENVELOPE_BYTES
    if request.headers.get("content-length", "0").isdigit() and int(request.headers.get("content-length", "0")) > most:
        raise _too_large(most)
    parser = MultiPartParser(request.headers, _capped(request, most), max_files=1, max_fields=MOST_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidInput(f"The form cannot be read: {error.message}") from None
    try:
        given = form.get(FIELD)
        if not isinstance(given, UploadFile):
            raise InvalidInput(f"The file is missing: put it in a field named “{FIELD}”.", param=FIELD)
        return await asyncio.to_thread(_write, given, files)
    finally:
        await form.close()


async def _capped(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """The body as it arrives, broken off when it grows too large: nobody has to be believed about its length."""
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > most:
            raise _too_large(most)
        yield chunk


def _write(given: UploadFile, files: Files) -> Path:
    path = files.incoming()
    with path.open("wb") as target:
        shutil.copyfileobj(given.file, target, MB)
    return path


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The upload is larger than {most // MB} MB.", param=FIELD)
