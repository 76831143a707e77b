"""One month of customers on plans, on trial, prepaid and postpaid: every total is confirmed by a recomputation that
shares no code with the product, every line leads to what was sent, the audits are clean."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.billing import invoices, postpaid
from app.billing.audit import run_audit
from app.billing.postpaid import Agreed
from app.billing.service import BillingCloser
from app.invoicing.audit import run_audit as invoicing_audit
from app.kernel.db import Database
from app.kernel.money import Money
from app.ledger.audit import run_audit as ledger_audit
from app.ledger.operations import HoldOp, SettleOp
from app.ledger.wallet import Ledger
from app.plans import customers
from tests.billing.world import World, at

CENT = Decimal("0.01")
BASE = {"type": "FIXED", "amount": "19.99", "display_name": "Base"}
PLAIN = {"amount": "0.013", "display_name": "Images"}
VEO = {"amount": "0.05", "display_name": "Veo", "filter_values": {"model": ["veo"]}}
SECONDS = {
    "display_name": "Seconds", "meter_id": "meter_seconds", "billing_model": "TIERED", "tier_mode": "SLAB",
    "tiers": [
        {"up_to": 100, "unit_amount": "0.07"}, {"up_to": 500, "unit_amount": "0.05", "flat_amount": "1"},
        {"up_to": None, "unit_amount": "0.031"},
    ],
}  # fmt: skip
INCLUDED = 40
MODELS = ("gpt", "veo", "flux")


@dataclass(frozen=True)
class Sent:
    customer: str
    name: str
    when: datetime
    properties: dict[str, Any]


def recomputed(sent: list[Sent], customer: str, *, base: bool) -> Decimal:
    """The bill of April, in the plainest way."""
    images: Counter[str] = Counter()
    seconds = 0
    for each in sent:
        if each.customer != customer or each.when.month != 4 or "settled_by" in each.properties:
            continue
        if each.name == "image.generated":
            images["veo" if each.properties["model"] == "veo" else "other"] += each.properties.get("image_count", 1)
        else:
            seconds += each.properties.get("video_seconds", each.properties.get("duration_seconds", 0))
    free = INCLUDED
    total = Decimal("19.99") if base else Decimal(0)
    for kind, price in (("other", "0.013"), ("veo", "0.05")):
        paid = max(images[kind] - free, 0)
        free = max(free - images[kind], 0)
        total += (paid * Decimal(price)).quantize(CENT, ROUND_HALF_UP)
    amount = min(seconds, 100) * Decimal("0.07")
    if seconds > 100:
        amount += (min(seconds, 500) - 100) * Decimal("0.05") + 1
    if seconds > 500:
        amount += (seconds - 500) * Decimal("0.031")
    return total + amount.quantize(CENT, ROUND_HALF_UP)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def ledger(world: World) -> Iterator[Ledger]:
    opened = Ledger(world.db, world.clock)
    opened.start()
    yield opened
    opened.stop()


@pytest.mark.anyio
async def test_a_month(world: World, ledger: Ledger) -> None:
    plan = world.plan("pro", BASE, PLAIN, VEO, SECONDS)
    world.entitle(plan, "images", INCLUDED)
    names = ("plan", "credits", "trial", "prepaid", "postpaid")
    ids = {name: world.customer(name) for name in names}
    subscribed = {
        "plan": world.subscribe(ids["plan"], plan),
        "credits": world.subscribe(ids["credits"], plan),
        "trial": world.subscribe(ids["trial"], plan, trial_period_days=30),
        "prepaid": world.subscribe(ids["prepaid"], plan),
    }
    wallet = world.wallet(ids["credits"], 3)
    with world.db.write() as connection:
        owing = customers.by_external_id(connection, "postpaid").workspace_id
        terms = Agreed("USD", Decimal("0.02"), 14)
        postpaid.switch_on(connection, owing, Money.from_exact(10_000), terms, actor="operator", now=world.now)
    sent = _send(world, ("plan", "credits", "trial", "prepaid"))
    used = _use(world, ledger, owing)
    closer = BillingCloser(world.db, world.clock, ledger)
    for moment in ("2026-05-01T00:10", "2026-05-01T02:30", "2026-05-01T05:00"):
        world.now = at(moment)
        await closer.run()
    found = {name: world.invoices(made) for name, made in subscribed.items()}
    for name in ("plan", "credits", "prepaid"):
        first, april = found[name]
        assert (first.total, april.state) == (1999, "FINALIZED")
        assert Decimal(april.subtotal).scaleb(-2) == recomputed(sent, name, base=True), name
    assert (found["credits"][1].credits, world.credits(wallet)) == (300, 0)
    assert [row.total for row in found["trial"]] == [1999], "the trial itself costs nothing"
    assert recomputed(sent, "prepaid", base=True) == Decimal("19.99"), "its usage was paid from the balance"
    _leads_to_events(world, found["plan"][1], sent)
    with world.db.read() as connection:
        query = select(invoices.INVOICE).where(invoices.INVOICE.c.workspace_id == owing)
        (month,) = connection.execute(query).all()
    assert Decimal(month.total).scaleb(-2) == (used * Decimal("0.02")).quantize(CENT, ROUND_HALF_UP)
    assert run_audit(world.db, world.now) == []
    assert invoicing_audit(world.db) == []
    assert {breach.name for breach in ledger_audit(world.db)} <= {"holds_have_generations"}


def _send(world: World, names: tuple[str, ...]) -> list[Sent]:
    """A few hundred events over six weeks, the same ones every time; the prepaid customer's were settled before."""
    dice, sent = Random(20260401), list[Sent]()
    for number in range(240):
        customer = names[number % len(names)]
        when = at("2026-04-01") + timedelta(minutes=dice.randrange(0, 42 * 24 * 60))
        if dice.random() < 0.6:
            properties: dict[str, Any] = {"model": dice.choice(MODELS)}
            if dice.random() < 0.8:
                properties["image_count"] = dice.randrange(1, 9)
            name = "image.generated"
        else:
            properties = {dice.choice(("video_seconds", "duration_seconds")): dice.randrange(2, 31)}
            name = "video.generated"
        if customer == "prepaid":
            properties["settled_by"] = "ledger"
        sent.append(Sent(customer, name, when, properties))
        world.event(customer, name, when.replace(tzinfo=None).isoformat(), **properties)
    return sent


def _use(world: World, ledger: Ledger, workspace_id: str) -> int:
    """Generations on the limit; how many credits they came to."""
    used = 0
    for number, credits_ in enumerate((120, 7, 333)):
        world.now = at(f"2026-04-{number + 5:02d}")
        amount = Money.from_exact(credits_)
        ledger.perform(HoldOp(workspace_id, f"gen_{number}", amount, world.now + timedelta(hours=1)))
        ledger.perform(SettleOp(f"gen_{number}", amount))
        used += credits_
    return used


def _leads_to_events(world: World, invoice: Any, sent: list[Sent]) -> None:
    """The kinds of events that a line names are those that were sent."""
    there = Counter(
        (each.name, each.properties.get("model", ""))
        for each in sent
        if each.customer == "plan" and each.when.month == 4
    )
    said: Counter[tuple[str, str]] = Counter()
    for line in world.lines(invoice):
        assert sum(kind["events"] for kind in line.drill) == line.events
        for kind in line.drill:
            said[kind["event_name"], kind["properties"].get("model", "")] += kind["events"]
    assert said == there
