"""`/download/…`: what our own pages offer as a file, for the person who is signed in."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from app.accounts.identity import Who
from app.api.auth import Auth
from app.generation.statement import ALL, Show, csv_text
from app.kernel.db import Database
from app.kernel.errors import NotAllowed

#: Spreadsheets take a file without it for another encoding.
BYTE_ORDER_MARK = "\ufeff"


def router(auth: Auth, db: Database) -> APIRouter:
    """The downloads; each is within the workspace of the session, whatever is asked."""
    api = APIRouter(prefix="/download", include_in_schema=False)

    @api.get("/statement.csv")
    async def statement(
        who: Annotated[Who, Depends(auth.require_session)], show: str = ALL, month: str | None = None
    ) -> StreamingResponse:
        if who.workspace_id is None:
            raise NotAllowed("Choose a workspace first.", code="no_workspace")
        wanted = Show(show, month)
        parts = csv_text(db, who.workspace_id, wanted)
        first = await asyncio.to_thread(next, parts)  # what can go wrong goes wrong before the answer begins
        name = "-".join(word for word in ("statement", month, None if show == ALL else show) if word)
        return StreamingResponse(
            _with_mark(first, parts),
            media_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{name}.csv"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )

    return api


def _with_mark(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield BYTE_ORDER_MARK + first
    yield from rest
