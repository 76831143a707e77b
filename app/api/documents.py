"""`/download/invoices…`: invoices as files, for the person who is signed in.

A customer has those of the workspace, an operator all. Another workspace's document is answered like one that never
was.
"""

import asyncio
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from app.accounts.identity import Who
from app.api.auth import Auth
from app.api.downloads import BYTE_ORDER_MARK
from app.invoicing.choices import narrowed
from app.invoicing.html import PAGE_POLICY
from app.invoicing.reads import Opened
from app.invoicing.service import Invoicing
from app.kernel.errors import NotAllowed

#: A document is somebody's: no cache keeps it, no other site shows it, and it never runs in a browser.
SAFETY = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOTHING_RUNS = "default-src 'none'; sandbox"


def router(auth: Auth, invoicing: Invoicing) -> APIRouter:
    """The routes of the documents."""
    api = APIRouter(prefix="/download", include_in_schema=False)
    Person = Annotated[Who, Depends(auth.require_session)]

    def opened(invoice_id: str, who: Who) -> Opened:
        return invoicing.invoices.open(invoice_id, None if who.is_operator else _own(who))

    @api.get("/invoices.csv")
    async def listed(who: Person, kind: str = "", year: str = "", search: str = "") -> StreamingResponse:
        parts = invoicing.invoices.csv(narrowed(_own(who), kind=kind, year=year, search=search))
        first = await asyncio.to_thread(next, parts)  # what can go wrong goes wrong before the answer begins
        name = "-".join(word for word in ("invoices", year, kind) if word)
        return StreamingResponse(
            _with_mark(first, parts), media_type="text/csv; charset=utf-8", headers=_as_file(f"{name}.csv")
        )

    @api.get("/all-invoices.csv")
    async def everybodys(who: Person, kind: str = "", year: str = "", search: str = "") -> StreamingResponse:
        """For the operator: the documents of every workspace."""
        if not who.is_operator:
            raise NotAllowed("Only an operator may do this.", code="operators_only")
        parts = invoicing.invoices.csv(narrowed(None, kind=kind, year=year, search=search))
        first = await asyncio.to_thread(next, parts)
        name = "-".join(word for word in ("all-invoices", year, kind) if word)
        return StreamingResponse(
            _with_mark(first, parts), media_type="text/csv; charset=utf-8", headers=_as_file(f"{name}.csv")
        )

    def file(invoice_id: str, format_: str, who: Who) -> Response:
        made = invoicing.invoices.file(invoice_id, format_, None if who.is_operator else _own(who))
        headers = {**_as_file(made.name), "Content-Security-Policy": NOTHING_RUNS}
        return Response(made.content, media_type=made.mime, headers=headers)

    @api.get("/invoices/{invoice_id}.pdf")
    async def pdf(invoice_id: str, who: Person) -> Response:
        return await asyncio.to_thread(file, invoice_id, "pdf", who)

    @api.get("/invoices/{invoice_id}.html")
    async def page(invoice_id: str, who: Person) -> Response:
        """To read, with whatever helps one read, and to print."""
        found = await asyncio.to_thread(opened, invoice_id, who)
        content = await asyncio.to_thread(invoicing.invoices.html, found, whole=True)
        return HTMLResponse(content, headers={**SAFETY, "Content-Security-Policy": PAGE_POLICY})

    @api.get("/invoices/{invoice_id}/{format_}")
    async def electronic(invoice_id: str, format_: str, who: Person) -> Response:
        """`facturx`, `cii` or `ubl`, where the optional library is installed."""
        return await asyncio.to_thread(file, invoice_id, format_, who)

    return api


def _own(who: Who) -> str:
    if who.workspace_id is None:
        raise NotAllowed("Choose a workspace first.", code="no_workspace")
    return who.workspace_id


def _as_file(name: str) -> dict[str, str]:
    return {**SAFETY, "Content-Disposition": f'attachment; filename="{name}"'}


def _with_mark(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield BYTE_ORDER_MARK + first
    yield from rest
