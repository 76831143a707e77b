"""A customer's plan: what it allows, what is used of it, its invoices down to the events, and what stands on every
page."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.billing import closing, credit_grants, tables, turns
from app.kernel.given import Given
from app.kernel.money import Money
from app.metering.events import read_event
from app.notify.tables import balance_alert
from app.plans import customers, promises
from app.ui import present
from app.ui.banners import banners
from app.ui.pages.billed.state import BilledState
from app.ui.pages.invoices.document_state import DocumentState
from app.ui.pages.invoices.state import InvoicesState
from app.ui.pages.plan.state import PlanState
from tests.support.house import House
from tests.ui import agreed
from tests.ui.screens import Screen

pytestmark = pytest.mark.anyio


def used(home: House, images: int, **properties: str) -> None:
    """So many images were made outside."""
    now = home.services.desk.clock()
    with home.services.db.write() as connection:
        name = customers.of_workspace(connection, home.workspace_id, now=now).external_id
    for number in range(images):
        event_id = f"{home.workspace_id}-{len(properties)}-{number}"
        said = {"event_name": "image_generated", "external_customer_id": name, "event_id": event_id}
        given = {**said, "properties": {"image_count": 1, "model": "flux-schnell", "cost_usd": "0.003", **properties}}
        home.services.ingest.accept([read_event(given, now, event_id)])


async def test_without_a_plan_nothing_is_restricted(screen: Screen) -> None:
    page = await screen.open(PlanState, "/plan")
    assert (page.plans, page.invoices, page.account["limit"]) == ([], [], "")
    assert [row["what"] for row in page.allows] == ["Every model"]


async def test_what_a_plan_allows_and_what_is_used_of_it(screen: Screen, home: House) -> None:
    plan_id = agreed.plan(home, "Studio", "20")
    with home.services.db.write() as connection:
        who = {"actor": "test", "now": home.services.desk.clock()}
        promises.promise_model(connection, plan_id, "flux-schnell", **who)
        promises.promise_limit(connection, plan_id, "resolution", "1080p", "downgrade", **who)
        counted = {"usage_limit": "5", "usage_reset_period": "MONTHLY"}
        promises.promise_quota(connection, plan_id, "meter_img_count", counted, **who)
        grant = {"name": "Monthly", "scope": "PLAN", "plan_id": plan_id, "credits": "5000", "cadence": "RECURRING"}
        ends = {"period": "MONTHLY", "period_count": 1, "expiration_type": "BILLING_CYCLE"}
        credit_grants.create(connection, Given(grant | ends), **who)
    agreed.subscribe(home, plan_id)
    used(home, 4)
    page = await screen.open(PlanState, "/plan")
    (plan,) = page.plans
    assert (plan["head"]["state"], plan["head"]["price"]) == ("Active", "$20.00 monthly + usage")
    assert plan["total"] == "$20.00"  # the images are within the quota
    assert [(row["what"], row["detail"]) for row in page.included] == [
        ("5,000 credits", "each month, end with the period")
    ]
    assert [(row["what"], row["detail"]) for row in page.allows] == [
        ("1 model", "FLUX.1 schnell"),
        ("Resolution up to 1080p", "asked for more, it is made less and you are told"),
    ]
    (quota,) = page.quotas
    assert (quota["said"], quota["percent"], quota["tone"]) == ("4 of 5", "80", "thin")


async def test_an_unpaid_invoice_says_so_and_opens_down_to_its_events(screen: Screen, home: House) -> None:
    draft = agreed.subscribe(home, agreed.plan(home, "Billed", "20"))
    issued = agreed.issue(home, draft.id)
    page = await screen.open(PlanState, "/plan")
    assert [(row["number"], row["state"]) for row in page.invoices] == [(issued.number, "To be paid")]
    assert page.left == "$20.00"
    until = f"To pay by {present.date(issued.due_at)}"
    listed = await screen.open(InvoicesState, "/invoices")
    assert [(row["number"], row["state"]) for row in listed.rows] == [(issued.number, until)]
    document = await screen.open(DocumentState, f"/invoices/{issued.document_id}")
    assert (document.facts["state"], document.facts["billed"]) == (until, issued.id)

    used(home, 3)
    with home.services.db.write() as connection:
        _, ended, _ = closing.cancel_now(
            connection, draft.subscription_id, reason="", prorate=False, invoice=True, actor="test",
            now=home.services.desk.clock(),
        )  # fmt: skip
    assert ended is not None
    billed = await screen.tab.tree.get_state(BilledState)
    await screen.act(billed.open_invoice(ended.id))
    line = next(each for each in billed.lines if each["is_open"])
    assert (line["events"], line["amount"]) == ("3", "$0.15")
    await screen.act(billed.open_line(line["id"]))
    assert [(kind["name"], kind["events"]) for kind in billed.kinds] == [("image_generated", "3")]
    assert len(billed.events) == 3
    assert "cost_usd" not in billed.events[0]["detail"]  # what it cost us is nobody's business
    billed.close_line()
    await screen.act(billed.open_kind("7"))
    assert billed.events == []


def told(home: House) -> list[str]:
    available = home.services.ledger.balance(home.workspace_id).available
    return [one.name for one in banners(home.services, home.workspace_id, available)[1]]


async def test_what_stands_on_every_page(home: House) -> None:
    assert told(home) == []
    draft = agreed.subscribe(home, agreed.plan(home, "Told", "20"))
    issued, invoice = agreed.issue(home, draft.id), tables.billing_invoice
    now = home.services.desk.clock()
    with home.services.db.write() as connection:
        connection.execute(update(invoice).where(invoice.c.id == issued.id).values(due_at=now - timedelta(days=1)))
        turns.pause(connection, draft.subscription_id, reason="", meta={}, actor="test", now=now)
        home.services.desk.entitled.forget()
    home.services.notify.alerts.save(home.workspace_id, Money.from_exact(20_000))
    with home.services.db.write() as connection:
        mine = balance_alert.c.workspace_id == home.workspace_id
        connection.execute(update(balance_alert).where(mine).values(fired_at=now))
    assert told(home) == ["overdue", "paused", "low"]
    with home.services.db.write() as connection:
        connection.execute(update(invoice).where(invoice.c.id == issued.id).values(payment_state="FAILED"))
    assert told(home)[0] == "failed"
