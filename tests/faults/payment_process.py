"""A process that takes money until it is done or is killed at a named point: it buys, applies what came in, or
approves a transfer. Forked from a server that has everything imported already."""

import asyncio
import importlib
import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

from app import services as building
from app.kernel import faults
from app.payments.orders import Choice
from app.services import Services
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
        else:
            raise ValueError(step)
    finally:
        if cashier.cards is not None:
            await cashier.cards.door.close()


def main(home: str, url: str, stripe_url: str, step: str, given: str, fault: str) -> None:
    os.environ["FAREBOX_FAULT"] = fault
    importlib.reload(faults)
    services = building.build(settings_for(Path(home), url, stripe_url), carry=False)
    services.start()
    try:
        asyncio.run(work(services, step, json.loads(given)))
    finally:
        services.stop()


def run(home: Path, url: str, stripe_: SandboxStripe, step: str, given: dict[str, Any], fault: str = "") -> int:
    """One process over one step: its exit code, minus the signal that ended it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=main, args=(str(home), url, stripe_.url, step, json.dumps(given), fault))
    process.start()
    process.join(60)
    code = process.exitcode
    process.close()
    assert code in {0, -signal.SIGKILL}, code
    return int(code)
