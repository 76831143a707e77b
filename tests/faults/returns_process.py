"""A process that refunds an order or follows a dispute, until it is done or killed at a named point."""

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path

import httpx

from app.kernel.fiat import Fiat
from app.payments.refunds import RefundChoice
from tests.support.forking import die_at, forking, seen_off
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till


def main(home: str, url: str, stripe_url: str, what: str, about: str, fault: str) -> None:
    die_at(fault)
    with httpx.Client(trust_env=False) as http, opened(home, url, SandboxStripe(stripe_url, http)) as till:
        if what in ("refund", "refund whole"):
            amount = Fiat(595, "EUR") if what == "refund" else None
            choice = RefundChoice(about, "usr_operator", "killed", amount)
            till.run(till.cashier.refund(choice))
        elif what == "topup":
            till.run(till.cashier.top_up_due())
        else:
            till.run(till.cashier.apply_due())
        asyncio.set_event_loop(None)


def opened(home: str, url: str, stripe: SandboxStripe) -> AbstractContextManager[Till]:
    return open_till(Path(home), url, stripe, fresh=False)


def run(home: Path, url: str, stripe: SandboxStripe, what: str, about: str, fault: str = "") -> int:
    """One process: its exit code, minus the signal that ended it."""
    process = forking().Process(target=main, args=(str(home), url, stripe.url, what, about, fault))
    process.start()
    return seen_off(process)
