"""`/download/…`: what our own pages offer as a file, for the person who is signed in."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from app.accounts.identity import Who
from app.api.auth import Auth
from app.billing.usage_report import BY, BY_OPERATOR, FIRST_METER, Ask, any_names_of
from app.billing.usage_report import csv_text as csv_text_of_usage
from app.generation import requests
from app.generation.account_statement import AccountStatements, period_of
from app.generation.requests import moment_of
from app.generation.statement import ALL, Show, csv_text
from app.generation.views import Filter
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotAllowed
from app.kernel.ids import is_id

#: Spreadsheets take a file without it for another encoding.
BYTE_ORDER_MARK = "\ufeff"


def router(auth: Auth, db: Database, statements: AccountStatements, now: Clock) -> APIRouter:
    """The downloads; each is within the workspace of the session, whatever is asked."""
    api = APIRouter(prefix="/download", include_in_schema=False)
    Session = Annotated[Who, Depends(auth.require_session)]
    Operator = Annotated[Who, Depends(auth.require_operator)]

    @api.get("/statement.csv")
    async def statement(who: Session, show: str = ALL, month: str | None = None) -> StreamingResponse:
        wanted = Show(show, month)
        name = "-".join(word for word in ("statement", month, None if show == ALL else show) if word)
        return await csv_file(csv_text(db, _workspace(who), wanted), name, marked=True)

    @api.get("/account.csv")
    async def account(
        who: Session,
        since: Annotated[str | None, Query(alias="from")] = None,
        until: Annotated[str | None, Query(alias="to")] = None,
        month: str | None = None,
    ) -> StreamingResponse:
        period = period_of(now(), since=since, until=until, month=month)
        name = f"account-{period.since:%Y-%m-%d}-{period.until:%Y-%m-%d}"
        return await csv_file(statements.csv(_workspace(who), period), name, marked=True)

    @api.get("/usage.csv")
    async def usage(
        who: Session, month: str = "", meter: str = FIRST_METER, by: str = "model", model: str = ""
    ) -> StreamingResponse:
        own = await asyncio.to_thread(_names, db, _workspace(who))
        wanted = Ask(month, meter[:120], by if by in BY else "model", own, model[:120])
        return await csv_file(csv_text_of_usage(db, wanted), f"usage-{wanted.span().start:%Y-%m}", marked=True)

    @api.get("/all-usage.csv")
    async def all_usage(
        _who: Operator,
        month: str = "",
        meter: str = FIRST_METER,
        by: str = "model",
        model: str = "",
        customer: str = "",
    ) -> StreamingResponse:
        names = await asyncio.to_thread(_names, db, customer[:255]) if customer else None
        wanted = Ask(month, meter[:120], by if by in BY_OPERATOR else "model", names, model[:120])
        return await csv_file(csv_text_of_usage(db, wanted), f"usage-{wanted.span().start:%Y-%m}", marked=True)

    @api.get("/requests.csv")
    async def request_log(
        who: Session, status: str = "", model: str = "", key: str = "", search: str = "", since: str = ""
    ) -> StreamingResponse:
        wanted = Filter(
            workspace_id=_workspace(who),
            status=status[:20] or None,
            model=model[:120] or None,
            api_key_id=key if is_id(key, "key") else None,
            origin="playground" if key == "playground" else None,
            search=search[:200] or None,
            since=moment_of(since, "since") if since else None,
        )
        return await csv_file(requests.csv_text(db, wanted), "requests", marked=True)

    return api


async def csv_file(parts: Iterator[str], name: str, *, marked: bool = False) -> StreamingResponse:
    """A CSV file, sent as it is made; `marked` for people, whose spreadsheets want the byte order mark."""
    first = await asyncio.to_thread(next, parts)  # what can go wrong goes wrong before the answer begins
    return StreamingResponse(
        _continued(BYTE_ORDER_MARK + first if marked else first, parts),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _names(db: Database, name: str) -> set[str]:
    with db.read() as connection:
        return any_names_of(connection, name)


def _workspace(who: Who) -> str:
    if who.workspace_id is None:
        raise NotAllowed("Choose a workspace first.", code="no_workspace")
    return who.workspace_id


def _continued(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
