"""Webhooks: how fast one is taken while many come at once, and that a storm of them credits every order once.

The server is the one an installation runs. What asks it is `bare_client.py`, which times each request by itself: wrk
adds what a slow answer kept from being asked meanwhile, and so cannot say how long the slowest of 50 waited.
"""

import asyncio
import json
import random
import statistics
import tempfile
import time
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import stripe
from sqlalchemy import func, select

from app.kernel.db import Database
from app.payments import tables
from app.payments.lifecycle import State
from app.payments.views import OrderView
from tests.bench.bare_client import send_all
from tests.bench.copying import copy_rows
from tests.bench.quiet import Rounds, left_alone
from tests.bench.row import Row, figure
from tests.bench.served import serving
from tests.support.postgres import running_postgres
from tests.support.schema import prepare
from tests.support.stripe_sandbox import WEBHOOK_SECRET, SandboxStripe, running_stripe
from tests.support.till import Till
from tests.support.till import till as open_till

CONCURRENT = 50
WARM, TAKEN = 2_000, 500
#: Short ones: the processor is taken several times a second in a bad minute, and not in between.
ROUNDS, MOST_ROUNDS = 20, 120
TARGET_MS = 50.0
ORDERS = 1_000
TIMES = 11
#: The emptiest question the same server answers: what the machine, the server and the client take by themselves.
EMPTY = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
PATIENCE_SECONDS = 600.0


def run() -> list[Row]:
    """Both measurements on SQLite and on PostgreSQL, with the same orders, which are made and paid once."""
    with tempfile.TemporaryDirectory() as name, running_postgres(durable=True) as server:
        folder = Path(name)
        server.prepare_template(prepare)
        sqlite_url = f"sqlite:///{_migrated(folder / 'farebox.sqlite')}"
        with server.fresh() as postgres_url, running_stripe(folder / "stripe", speed=50) as stripe_:
            with server.fresh() as empty_url, server.fresh() as other_url:
                taken = [
                    _taken("SQLite", f"sqlite:///{_migrated(folder / 'empty.sqlite')}", folder / "a", stripe_),
                    _taken("PostgreSQL", empty_url, folder / "b", stripe_),
                    _taken("PostgreSQL and a worker apart", other_url, folder / "c", stripe_, apart=True),
                ]
            with open_till(folder / "shop", sqlite_url, stripe_) as till:
                began = time.monotonic()
                bought = Bought(till.run(_paid_orders(till)), _events(till))
                print(f"  {ORDERS:,} orders paid in {time.monotonic() - began:.0f} s", flush=True)
            copy_rows(sqlite_url, postgres_url)
            return [
                *taken,
                *_measure("SQLite", sqlite_url, folder / "SQLite", stripe_, bought),
                *_measure("PostgreSQL", postgres_url, folder / "PostgreSQL", stripe_, bought),
            ]


class Bought(NamedTuple):
    """Orders that were paid, and what the provider has to say about it."""

    orders: list[OrderView]
    events: list[dict[str, object]]


def _measure(name: str, url: str, folder: Path, stripe_: SandboxStripe, bought: Bought) -> list[Row]:
    with open_till(folder, url, stripe_, fresh=False) as till, serving(till.services.settings, carry=True) as server:
        return _storm_rows(name, _storm(till, server.port, bought))


def _migrated(path: Path) -> Path:
    fresh = Database(f"sqlite:///{path}")
    prepare(fresh)
    fresh.dispose()
    return path


# --- taking


def _taken(name: str, url: str, folder: Path, stripe_: SandboxStripe, *, apart: bool = False) -> Row:
    """Of a shop without orders: a thousand open ones would be looked after meanwhile, and that is the other figure."""
    with (
        open_till(folder, url, stripe_) as till,
        serving(till.services.settings, carry=not apart, worker=apart) as server,
    ):
        sent = Sent(server.port)
        sent.webhooks(WARM)
        took = left_alone(partial(sent.webhooks, TAKEN), wanted=ROUNDS, most=MOST_ROUNDS)
        empty = left_alone(partial(sent.nothing, TAKEN), wanted=ROUNDS, most=MOST_ROUNDS)
        _assert_kept(till, sent.number)
    return _accept_row(name, took, empty)


class Sent:
    """Webhooks that were sent to a server, and answered."""

    def __init__(self, port: int) -> None:
        self.number = 0
        self._port = port

    def webhooks(self, number: int) -> list[float]:
        """Send so many more; the milliseconds each was waited for."""
        self.number += number
        return send_all(self._port, _requests(number), CONCURRENT)

    def nothing(self, number: int) -> list[float]:
        """Ask so many of the emptiest questions instead."""
        return send_all(self._port, [EMPTY] * number, CONCURRENT)


_numbers = count()  # no event is sent twice


def _requests(number: int) -> list[bytes]:
    return [_request(_ignored(each)) for each in islice(_numbers, number)]


def _assert_kept(till: Till, answered: int) -> None:
    """Nothing was answered that is not there."""
    with till.services.db.read() as connection:
        kept = connection.execute(select(func.count()).select_from(tables.webhook_event)).scalar_one()
    if kept != answered:
        raise RuntimeError(f"{answered} webhooks were answered, and {kept} are in the inbox")


def _ignored(number: int) -> str:
    """An event of which nothing comes: what is measured is the taking."""
    return json.dumps(
        {
            "id": f"evt_bench_{number}",
            "object": "event",
            "type": "customer.updated",
            "api_version": "2026-10-28.endive",
            "livemode": False,
            "created": 1,
            "data": {"object": {"id": "cus_bench", "object": "customer", "pad": "x" * 1_500}},
        }
    )


def _request(body: str) -> bytes:
    """The whole request as it goes over the wire, made beforehand: the client must not be what is measured."""
    signed = stripe.WebhookSignature.generate_signature_header(body, WEBHOOK_SECRET)
    head = (
        "POST /hooks/payments/stripe HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"stripe-signature: {signed}\r\ncontent-length: {len(body.encode())}\r\n\r\n"
    )
    return head.encode() + body.encode()


def _accept_row(name: str, took: Rounds[list[float]], empty: Rounds[list[float]]) -> Row:
    all_, nothing = _together(took), _together(empty)
    p99 = _p99(all_)
    said = [f"{_p99(nothing):.1f} ms for /healthz", f"median {statistics.median(all_):.1f} ms", took.said]
    return figure(
        f"webhook taken, p99 at {CONCURRENT} at once, {name}", p99, "ms", p99 / _p99(nothing),
        yardstick="; ".join(filter(None, said)), target=f"≤ {TARGET_MS:g} ms", ok=p99 <= TARGET_MS,
    )  # fmt: skip


def _together(rounds: Rounds[list[float]]) -> list[float]:
    return [each for round_ in rounds.found for each in round_]


# --- crediting


class Storm(NamedTuple):
    credited: int
    wrong: int  # balances that are not what was bought
    seconds: float  # from the first webhook to the last credit
    took: list[float]  # milliseconds each webhook was waited for


def _storm(till: Till, port: int, bought: Bought) -> Storm:
    storm = [_request(json.dumps(event)) for event in bought.events for _ in range(TIMES)]
    random.Random(11).shuffle(storm)
    began = time.monotonic()
    took = send_all(port, storm, CONCURRENT)
    while till.cashier.order_counts().get(State.PAID, 0) < ORDERS and time.monotonic() - began < PATIENCE_SECONDS:
        time.sleep(0.2)
    seconds = time.monotonic() - began
    time.sleep(3)  # whatever would be credited twice would be now
    credited = till.cashier.order_counts().get(State.PAID, 0)
    wrong = sum(
        till.services.ledger.balance(order.workspace_id).balance != order.credits + order.bonus
        for order in bought.orders
    )
    till.assert_books_balance()
    return Storm(credited, wrong, seconds, took)


async def _paid_orders(till: Till) -> list[OrderView]:
    """One order each of many customers, paid on the provider's page."""
    gate = asyncio.Semaphore(8)

    async def one(number: int) -> OrderView:
        async with gate:
            workspace_id, user_id = await asyncio.to_thread(till.customer, name=f"W{number}")
            choice = till.choice(workspace_id=workspace_id, actor=user_id)
            order = await till.cashier.buy(choice)
            await asyncio.to_thread(till.pay, order)
            return order

    return list(await asyncio.gather(*(one(number) for number in range(ORDERS))))


def _events(till: Till) -> list[dict[str, object]]:
    """One event an order: the page that was paid."""
    found = till.client.v1.events.list({"type": "checkout.session.completed", "limit": 100})
    return [event.to_dict() for event in found.auto_paging_iter()]


def _storm_rows(name: str, storm: Storm) -> list[Row]:
    return [
        figure(
            f"orders credited by {ORDERS:,} webhooks × {TIMES} in random order, {name}", storm.credited, "orders",
            yardstick=f"{storm.wrong} balances wrong; {ORDERS / storm.seconds:.0f} orders/s",
            target=f"exactly {ORDERS:,}", ok=storm.credited == ORDERS and not storm.wrong,
        ),
        figure(
            f"webhook taken meanwhile, p99, {name}", _p99(storm.took), "ms",
            yardstick=f"median {statistics.median(storm.took):.1f} ms",
        ),
    ]  # fmt: skip


def _p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]
