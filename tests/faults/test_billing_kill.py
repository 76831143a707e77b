"""kill -9 while periods close and invoices are finalised, on both databases: nothing lost, nothing billed twice."""

import signal

import pytest

from app.billing.audit import run_audit
from app.invoicing.audit import run_audit as invoicing_audit
from app.kernel.db import Database
from tests.billing.world import World, at
from tests.faults.billing_process import run
from tests.support.effort import sweep

pytestmark = pytest.mark.faults

POINTS = (
    "period.after_invoice", "period.after_invoice:2", "period.after_close", "period.after_document",
    "period.after_document:2", "period.before_commit", "period.before_commit:3", "invoice.after_number:2",
    "invoice.before_commit",
)  # fmt: skip
MOMENTS = [at("2026-05-01T01:00"), at("2026-05-01T04:00"), at("2026-06-01T01:00"), at("2026-06-01T04:00")]


@pytest.mark.parametrize("fault", sweep(POINTS, "period.before_commit:3"))
def test_killed_and_begun_again(database: Database, database_url: str, fault: str) -> None:
    world = World(database)
    plan = world.plan(
        "pro", {"type": "FIXED", "amount": "20", "display_name": "Base"}, {"amount": "0.1", "display_name": "Images"}
    )
    made = [world.subscribe(world.customer(name), plan) for name in ("one", "two")]
    for name in ("one", "two"):
        world.event(name, "image.generated", "2026-04-10", image_count=10)
        world.event(name, "image.generated", "2026-05-10", image_count=20)

    assert run(database_url, MOMENTS, fault) == -signal.SIGKILL, "the point was never reached"
    assert run_audit(database, MOMENTS[-1]) == []
    assert run(database_url, MOMENTS) == 0
    assert run(database_url, MOMENTS) == 0

    for subscription in made:
        totals = sorted(row.total for row in world.invoices(subscription))
        assert totals == [2000, 2100, 2200]
    assert run_audit(database, MOMENTS[-1]) == []
    assert invoicing_audit(database) == []
