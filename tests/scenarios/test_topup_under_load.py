"""Fifty generations at once cross the threshold of an automatic top-up, and it fires once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.generation.start import Ask, start
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.payments.lifecycle import State
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till
from tests.support.topups import charges, due, hear, on, topups, use

GENERATIONS = 50


@pytest.fixture
def till(tmp_path: Path, seeded_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    with open_till(tmp_path / "home", seeded_url, stripe_) as opened:
        yield opened


def test_case_22_fifty_generations_and_one_top_up(till: Till) -> None:
    on(till, threshold=Money.from_exact(4_000))
    use(till, till.credits - 4_005)
    with till.services.db.write() as connection:  # this is about money, not about how many jobs run at once
        connection.exec_driver_sql("UPDATE model SET concurrent_jobs = NULL, requests_per_minute = NULL")
    desk = till.services.desk

    async def generation(number: int) -> None:
        prompt = {"prompt": f"a lighthouse, number {number}"}
        ask = Ask(till.workspace_id, "nano-banana", prompt, origin="api", request_id=new_id("req"))
        await start(desk, ask)
        await till.cashier.top_up_due()

    async def all_of_them() -> None:
        await asyncio.gather(*(generation(number) for number in range(GENERATIONS)))

    till.run(all_of_them())
    assert till.count("generation") == GENERATIONS
    due(till)
    hear(till)
    assert [order.state for order in topups(till)] == [State.PAID]
    assert len(charges(till)) == 1
    till.assert_books_balance()
