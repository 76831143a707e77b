"""`python -m app reconcile`: one run, in words."""

import asyncio
from datetime import timedelta
from typing import Final

from app.kernel.errors import InvalidInput
from app.reconcile.runs import Depth, Run
from app.services import Services

MOST_DAYS: Final = 365


def reconcile(services: Services, *, quick: bool, days: int) -> int:
    """Run it and print what was found; 1 when differences remain."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(f"--days is a number from 1 to {MOST_DAYS}.")
    run = asyncio.run(_run(services, Depth.QUICK if quick else Depth.FULL, timedelta(days=days)))
    for difference in run.differences:
        print(difference)
    compared = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in run.compared.items())
    if services.cashier.cards is None:
        print("Stripe is not set up here: only our own books were compared.")
    print(f"Compared: {compared}.")
    print(f"Healed: {len(run.healed)}. Differences that remain: {len(run.open)}.")
    return 1 if run.open else 0


async def _run(services: Services, depth: Depth, back: timedelta) -> Run:
    try:
        return await services.reconcile.run(depth, actor="cli", back=back)
    finally:
        if services.cashier.cards is not None:
            await services.cashier.cards.door.close()
