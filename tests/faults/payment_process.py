"""A process that takes money until it is done or is killed at a named point: it buys, applies what came in, or
approves a transfer. Forked from a server that has everything imported already."""

import asyncio
import json
from pathlib import Path
from typing import Any

from app import services as building
from app.payments.orders import Choice
from app.services import Services
from tests.support.forking import die_at, forking, seen_off
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import settings_for


async def work(services: Services, step: str, given: dict[str, Any]) -> None:
    cashier = services.cashier
    try:
        if step == "buy":
            await cashier.buy(Choice(**given))
        elif step == "apply":
            await cashier.apply_due()
        elif step == "approve":
            await cashier.manual.approve(given["order_id"], actor=given["actor"])
        elif step == "tell":
            await cashier.report_taxes()
        elif step == "collect":
            await services.collecting.run_due()
        elif step == "page":
            await services.collecting.page(given["invoice_id"], given["signature"])
        else:
            raise ValueError(step)
    finally:
        if cashier.cards is not None:
            await cashier.cards.door.close()


def main(home: str, url: str, stripe_url: str, step: str, given: str, fault: str) -> None:
    die_at(fault)
    services = building.build(settings_for(Path(home), url, stripe_url), carry=False)
    services.start()
    try:
        asyncio.run(work(services, step, json.loads(given)))
    finally:
        services.stop()


def run(home: Path, url: str, stripe_: SandboxStripe, step: str, given: dict[str, Any], fault: str = "") -> int:
    """One process over one step: its exit code, minus the signal that ended it."""
    process = forking().Process(target=main, args=(str(home), url, stripe_.url, step, json.dumps(given), fault))
    process.start()
    return seen_off(process)
