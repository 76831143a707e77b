"""`/files/{id}/link/…`: one stored file by a signed link that ends by itself."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import FileResponse

from app.generation.desk import Desk
from app.kernel.errors import NotFound


def router(desk: Desk) -> APIRouter:
    """The link route; the signature stands in for a session or key."""
    api = APIRouter(include_in_schema=False)

    @api.get("/files/{file_id}/link/{until}/{signature}")
    async def linked(file_id: str, until: str, signature: str) -> FileResponse:
        if not desk.is_file_link(file_id, until, signature):
            raise NotFound("This link has ended or is not ours. Ask for the generation again for a fresh one.")
        row, path = await asyncio.to_thread(desk.files.open, file_id)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
        return FileResponse(path, media_type=row.mime, headers=headers)

    return api
