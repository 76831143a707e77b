"""`/files/{id}/link/…`: one stored file by a signed link that ends by itself."""

import asyncio

from fastapi import APIRouter, Request, Response

from app.api.files import file_answer
from app.generation.desk import Desk
from app.kernel.errors import NotFound


def router(desk: Desk) -> APIRouter:
    """The link route; the signature stands in for a session or key."""
    api = APIRouter(include_in_schema=False)

    @api.get("/files/{file_id}/link/{until}/{signature}")
    async def linked(file_id: str, until: str, signature: str, request: Request) -> Response:
        if not desk.is_file_link(file_id, until, signature):
            raise NotFound("This link has ended or is not ours. Ask for the generation again for a fresh one.")
        return file_answer(request, *await asyncio.to_thread(desk.files.open, file_id))

    return api
