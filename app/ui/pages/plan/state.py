"""What the plan page shows: the workspace's subscriptions, what they allow and what is used, and its invoices."""

import asyncio
from typing import Any, ClassVar, NamedTuple

import reflex as rx
from sqlalchemy import Row

from app import services
from app.billing import credit_grants, drafts, drilling, invoices, listing, postpaid
from app.billing.drafts import Built
from app.billing.lifecycle import State
from app.billing.listing import Listed, Wanted
from app.billing.plan_terms import terms_of
from app.kernel.errors import FareboxError
from app.ledger import reads
from app.ledger.reads import Balance
from app.plans import catalog, features
from app.plans.allowed import Terms
from app.services import Services
from app.ui import wiring
from app.ui.guard import PageState, workspace_id
from app.ui.pages.billed.rows import InvoiceRow, invoice_row
from app.ui.pages.plan.rows import (
    NO_ACCOUNT,
    Account,
    AllowRow,
    PlanRow,
    QuotaRow,
    account_of,
    allow_rows,
    given_rows,
    included_rows,
    left_words,
    plan_row,
    quota_row,
)
from app.ui.roles import Role

MOST_SUBSCRIPTIONS = 20
MOST_INVOICES = 50
SHOWN = (State.ACTIVE, State.TRIALING, State.PAUSED, State.INCOMPLETE)


class Read(NamedTuple):
    subscriptions: list[tuple[Listed, Built | None]]
    terms: Terms | None
    promises: list[dict[str, Any]]
    features: dict[str, dict[str, Any]]
    grants: list[dict[str, Any]]
    invoices: list[Row[Any]]
    account: Row[Any] | None
    balance: Balance


class PlanState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    error: str = ""
    plans: list[PlanRow] = []
    allows: list[AllowRow] = []
    included: list[AllowRow] = []
    quotas: list[QuotaRow] = []
    account: Account = NO_ACCOUNT
    invoices: list[InvoiceRow] = []
    left: str = ""

    @rx.event
    async def load(self):
        """A visit."""
        wiring.follow(self, workspace_id(), PlanState.refresh)
        await self._show()

    @rx.event
    async def refresh(self):
        """Pushed when something of the workspace changed."""
        if self.ready:
            await self._show()

    async def _show(self) -> None:
        house = services.current()
        try:
            found = await asyncio.to_thread(_read, house, workspace_id())
        except FareboxError as refused:
            self.error, self.ready = refused.message, True
            return
        at, titles = house.desk.clock(), {offer.alias: offer.title for offer in house.offers.list()}
        self.error = ""
        self.plans = [plan_row(listed, built, at) for listed, built in found.subscriptions]
        self.allows = allow_rows(found.terms, titles)
        self.quotas = [quota_row(quota) for quota in found.terms.quotas] if found.terms else []
        self.included = [*given_rows(found.grants, at), *included_rows(found.promises, found.features)]
        self.account = account_of(found.account, found.balance)
        self.invoices = [invoice_row(row, at) for row in found.invoices]
        self.left = left_words([left for row in found.invoices if (left := _left(row))])
        self.ready = True


def _left(row: Row[Any]) -> Any:
    is_settled = row.payment_state in (invoices.SUCCEEDED, invoices.OVERPAID)
    return None if is_settled or row.computed.get(postpaid.WRITTEN_OFF) else invoices.remaining(row)


def _read(house: Services, workspace: str) -> Read:
    now = house.desk.clock()
    with house.db.read() as connection:
        found = listing.page(connection, Wanted(workspace_id=workspace, limit=MOST_SUBSCRIPTIONS))
        shown = [(one, _preview(connection, one, now)) for one in found if one.row.state in SHOWN]
        promises = catalog.entitlements_of(connection, "PLAN", [one.row.plan_id for one, _ in shown]) if shown else []
        given = {
            one["id"]: dict(one) for shown_one, _ in shown for one in credit_grants.grants_of(connection, shown_one.row)
        }
        known = features.shelf.of(connection, "id", [one["feature_id"] for one in promises])
        return Read(
            shown,
            terms_of(connection, workspace, now),
            [dict(one) for one in promises],
            {row["id"]: dict(row) for row in known},
            list(given.values()),
            drilling.of_workspace(connection, workspace, MOST_INVOICES, with_drafts=False),
            postpaid.find(connection, workspace),
            reads.balance(connection, workspace),
        )


def _preview(connection: Any, one: Listed, now: Any) -> Built | None:
    """The invoice as it would be now; nothing where there is none to come."""
    if one.row.state not in (State.ACTIVE, State.TRIALING, State.PAUSED):
        return None
    try:
        return drafts.preview(connection, one.row.id, now=now)[1]
    except FareboxError:
        return None  # the page is about more than this; the operator's page says what is wrong
