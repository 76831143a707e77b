"""All documents, filtered and paged."""

import asyncio
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, TypedDict
from urllib.parse import urlencode

import reflex as rx
from sqlalchemy import Row

from app import services
from app.billing.drilling import by_documents
from app.invoicing.choices import LONGEST_SEARCH, Choices, choices, narrowed
from app.invoicing.document import Kind
from app.invoicing.reads import Seen, Sum, page, sums
from app.kernel.text import t
from app.services import Services
from app.ui import present
from app.ui.guard import PageState
from app.ui.pages.invoices.rows import (
    ALL,
    Option,
    Segment,
    Stands,
    kind_segments,
    signed,
    standing,
    sum_words,
    year_options,
)
from app.ui.paging import Paged
from app.ui.roles import Role

PAGE = 25


class Found(NamedTuple):
    seen: list[Seen]
    sums: list[Sum]
    test_sums: list[Sum]
    choices: Choices
    billed: dict[str, Row[Any]]


class DocumentRow(TypedDict):
    id: str
    number: str
    day: str
    whole_time: str
    kind: str
    state: str
    tone: str
    about: str
    buyer: str
    customer: str
    country: str
    scheme: str
    net: str
    tax: str
    total: str
    test: bool
    order_href: str
    html: str
    pdf: str


class AllInvoicesState(Paged, PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    rows: list[DocumentRow] = []
    has_any: bool = False
    filtered: bool = False
    kind: str = ALL
    year: str = ALL
    search: str = ""
    kinds: list[Segment] = []
    years: list[Option] = []
    summed: str = ""
    csv: str = ""

    @rx.event
    async def load(self):
        """A visit: the filters as they were left, the newest documents."""
        await self._from_the_start()

    @rx.event
    async def choose_kind(self, kind: str):
        """Invoices, credit notes, or all."""
        if kind in (ALL, *Kind):
            self.kind = kind
            await self._from_the_start()

    @rx.event
    async def choose_year(self, year: str):
        """One year, or every year."""
        if any(option["value"] == year for option in self.years):
            self.year = year
            await self._from_the_start()

    @rx.event
    async def look_for(self, text: str):
        """Part of a number, a buyer's name, or an order's id."""
        self.search = str(text)[:LONGEST_SEARCH].replace("\0", "")
        await self._from_the_start()

    @rx.event
    async def clear(self):
        """All filters off."""
        self.kind = self.year = ALL
        self.search = ""
        await self._from_the_start()

    async def _show(self) -> None:
        chosen = {"kind": self.kind, "year": self.year, "search": self.search.strip()}
        asked = {name: value for name, value in chosen.items() if value not in (ALL, "")}
        start = self._after()
        found = await asyncio.to_thread(find, services.current(), asked, start)
        at, billed = services.current().desk.clock(), found.billed
        self.rows = [document_row(seen, standing(seen, billed.get(seen.id), at)) for seen in found.seen[:PAGE]]
        self.kinds, self.years = kind_segments(found.choices), year_options(found.choices)
        self.has_any, self.filtered = bool(found.choices.years), bool(asked)
        self.has_next, self.has_previous = len(found.seen) > PAGE, bool(self._starts)
        self.shown = t("invoices.range", **self._range(PAGE)) if self.rows else ""
        live, test = sum_words(found.sums), sum_words(found.test_sums)
        both = (live, t("admin_invoices.of_test", sum=test) if test else "")
        self.summed = f" {present.DOT} ".join(each for each in both if each)
        self.csv = "/download/all-invoices.csv" + (f"?{urlencode(asked)}" if asked else "")
        self.ready = True


def document_row(seen: Seen, stands: Stands) -> DocumentRow:
    """One document and how it stands; what a credit note gives back has a minus."""
    is_note = seen.kind is Kind.CREDIT_NOTE
    return {
        "id": seen.id,
        "number": seen.number,
        "day": present.day(seen.issued_on),
        "whole_time": present.full_moment(seen.issued_at),
        "kind": t(f"invoices.kind.{seen.kind}"),
        "state": stands[0],
        "tone": stands[1],
        "about": t("invoices.corrects", number=seen.refers_to_number) if seen.refers_to_number else "",
        "buyer": seen.buyer,
        "customer": f"/admin/customers/{seen.workspace_id}",
        "country": seen.country,
        "scheme": t(f"admin_invoices.scheme.{seen.scheme}"),
        "net": signed(seen.net, is_note=is_note),
        "tax": signed(seen.tax, is_note=is_note),
        "total": signed(seen.gross, is_note=is_note),
        "test": seen.is_test,
        "order_href": f"/admin/orders/{seen.order_id}" if seen.order_id else "",
        "html": f"/download/invoices/{seen.id}.html",
        "pdf": f"/download/invoices/{seen.id}.pdf",
    }


def find(parts: Services, asked: dict[str, str], before: str | None) -> Found:
    """A page of everybody's documents, one more than fits, with what the filter amounts to: real money and test money
    are never added up."""
    wanted = narrowed(None, **asked, before=before, limit=PAGE + 1)
    with parts.db.read() as connection:
        live, test = (sums(connection, replace(wanted, is_test=is_test)) for is_test in (False, True))
        seen = page(connection, wanted)
        return Found(seen, live, test, choices(connection), by_documents(connection, [one.id for one in seen]))
