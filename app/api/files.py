"""`/files/{id}`: a stored file for those who may see it, whole or in ranges so that a video can be wound."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse

from app.api.auth import Auth, Caller
from app.files.store import Files
from app.files.tables import StoredFile
from app.kernel.errors import NotFound

#: Only pictures, videos and sounds are kept, none of which a browser runs; this holds even if one were.
SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The content behind an id never changes; another session must not be shown this one's copy.
    "Cache-Control": "private, max-age=86400, immutable",
    "Vary": "Cookie, Authorization, X-Api-Key",
}


def router(auth: Auth, files: Files) -> APIRouter:
    """The file route: with a session or a key of the owning workspace, or as an operator."""
    api = APIRouter(tags=["Files"])

    @api.head("/files/{file_id}", include_in_schema=False)
    @api.get("/files/{file_id}", summary="A stored file, or its preview", response_class=FileResponse)
    async def show(
        file_id: str,
        request: Request,
        caller: Annotated[Caller, Depends(auth.either)],
        thumb: bool = False,
        download: bool = False,
    ) -> Response:
        row = await asyncio.to_thread(files.find, file_id)
        if row.workspace_id != caller.workspace_id and not caller.is_operator:
            raise NotFound(f"There is no file {file_id}.", code="file_not_found")
        if thumb:
            path = await asyncio.to_thread(files.preview, file_id)
            return file_answer(request, row, path, preview=True)
        _row, path = await asyncio.to_thread(files.open, file_id)
        return file_answer(request, row, path, download=download)

    @api.delete("/files/{file_id}", summary="Delete a file's content; what it was stays known")
    async def remove(file_id: str, caller: Annotated[Caller, Depends(auth.either)]) -> dict[str, Any]:
        workspace_id = caller.workspace()
        row = await asyncio.to_thread(files.find, file_id)
        if row.workspace_id != workspace_id:
            raise NotFound(f"There is no file {file_id}.", code="file_not_found")
        await asyncio.to_thread(files.expire, file_id)
        return {"id": row.id, "object": "file", "deleted": True, "sha256": row.sha256}

    return api


def file_answer(
    request: Request, row: StoredFile, path: Path, *, preview: bool = False, download: bool = False
) -> Response:
    """The bytes at `path` with everything a browser must be told about them. Who may have them is settled before."""
    etag = f'"{row.sha256}{"-preview" if preview else ""}"'
    headers = {**SAFETY, "ETag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(
        path,
        media_type="image/webp" if preview else row.mime,
        filename=f"{row.id}{path.suffix}",
        content_disposition_type="attachment" if download else "inline",
        headers=headers,
    )
