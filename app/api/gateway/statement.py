"""`/v1/statement`: every movement of the workspace's credits in a period, as JSON pages or as one CSV file."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from app.accounts.keys import KeyHolder
from app.api.downloads import csv_file
from app.api.gateway import present
from app.api.gateway.common import Gateway
from app.generation.account_statement import AccountStatements, Movement, Period, StatementPage, period_of
from app.kernel.clock import Clock
from app.kernel.errors import InvalidInput

FORMATS = ("json", "csv")
PAGE, MAX_PAGE = 100, 1_000


def router(gateway: Gateway, statements: AccountStatements, now: Clock) -> APIRouter:
    """The route needs an API key and tells about that key's workspace only."""
    api = APIRouter(prefix="/v1", tags=["Farebox"])
    Key = Annotated[KeyHolder, Depends(gateway.authenticate)]

    @api.get("/statement", summary="Every movement of your credits in a period")
    async def statement(
        request: Request,
        key: Key,
        since: Annotated[str | None, Query(alias="from", description="First day or moment, in UTC")] = None,
        until: Annotated[str | None, Query(alias="to", description="The day or moment it ends before")] = None,
        month: Annotated[str | None, Query(description="Instead of both: 2026-11")] = None,
        after: Annotated[str | None, Query(description="The last_id of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = PAGE,
        form: Annotated[str | None, Query(alias="format", description="json or csv")] = None,
    ) -> Response:
        period = period_of(now(), since=since, until=until, month=month)
        if _wanted(form, request) == "csv":
            return await csv_file(statements.csv(key.workspace_id, period), _name(period))
        page = await asyncio.to_thread(statements.page, key.workspace_id, period, after=after, limit=limit)
        return JSONResponse(_presented(page), headers={"Cache-Control": "no-store"})

    return api


def _wanted(form: str | None, request: Request) -> str:
    if form is None:
        return "csv" if request.headers.get("accept", "").startswith("text/csv") else "json"
    if form not in FORMATS:
        raise InvalidInput(f"format is one of {', '.join(FORMATS)}.", param="format")
    return form


def _name(period: Period) -> str:
    return f"statement-{period.since:%Y-%m-%d}-{period.until:%Y-%m-%d}"


def _presented(page: StatementPage) -> dict[str, Any]:
    return {
        "object": "statement",
        "from": page.period.since.isoformat(),
        "to": page.period.until.isoformat(),
        "unit": page.opening.unit,
        "opening_balance": present.number(page.opening.amount),
        "closing_balance": present.number(page.closing.amount),
        "data": [_line(movement) for movement in page.movements],
        "has_more": page.more,
        "last_id": page.movements[-1].entry_id if page.movements else None,
    }


def _line(movement: Movement) -> dict[str, Any]:
    bought = movement.purchase
    return {
        "posted_at": movement.posted_at.isoformat(),
        "entry_id": movement.entry_id,
        "kind": movement.kind,
        "request_id": movement.request_id,
        "model": movement.model,
        "quantity": None if movement.quantity is None else present.number(movement.quantity),
        "unit": movement.unit,
        "credits_delta": present.number(movement.delta.amount),
        "balance_after": present.number(movement.balance_after.amount),
        "money_amount": present.number(bought.amount.amount) if bought.amount else None,
        "currency": bought.amount.currency if bought.amount else None,
        "order_id": bought.order_id,
        "invoice_no": bought.invoice_no,
        "description": movement.description,
    }
