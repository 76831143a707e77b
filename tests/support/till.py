"""A shop that takes money, without a browser: the services over a database, a seller, packages, terms, a customer with
a billing profile, and the sandbox's Stripe spoken to by the real client. Events are handed in by the test, signed, at
the HTTP door; nothing is applied before the test says so."""

import asyncio
import itertools
import json
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx
import stripe
from fastapi import FastAPI
from sqlalchemy import func, insert, select, text

from app import services as building
from app.accounts.tables import Member, User, Workspace
from app.api import errors, payments
from app.api.assemble import build_api
from app.api.express import Express
from app.invoicing.audit import run_audit as audit_invoices
from app.invoicing.seed import BUYER, SELLER
from app.kernel import clock
from app.kernel.db import metadata
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.ledger.audit import run_audit
from app.ledger.wallet import open_wallet
from app.payments.audit import run_audit as audit_returns
from app.payments.cashier import Cashier
from app.payments.lifecycle import State
from app.payments.orders import Choice
from app.payments.packages import Content, Kind, Package
from app.payments.views import OrderView
from app.services import Services
from app.settings import Settings
from tests.support.seeded import SECRET_KEY
from tests.support.stripe_sandbox import SECRET_KEY as STRIPE_KEY
from tests.support.stripe_sandbox import WEBHOOK_SECRET, SandboxStripe

USER, WORKSPACE, MEMBER = (metadata.tables[str(one.__tablename__)] for one in (User, Workspace, Member))
PUBLIC_URL = "http://localhost:9"
RETRY_SECONDS = 0.05  # before Stripe's library asks again; in a shop it waits half a second and longer
VISA, DECLINED = "4242424242424242", "4000000000000002"
SEPA, SEPA_FAILS = "DE89370400440532013000", "DE62370400440532013001"
STARTER = Content(
    "Starter",
    "To begin with",
    Money.from_exact(10_000),
    Money.from_exact(500),
    {"EUR": Fiat(1_000, "EUR"), "USD": Fiat(1_100, "USD"), "JPY": Fiat(1_500, "JPY")},
    365,
    90,
)

T = TypeVar("T")


def settings_for(home: Path, database_url: str, stripe_url: str | None) -> Settings:
    """Demo settings with the sandbox's Stripe in them, or without any."""
    settings = Settings(
        demo=True,
        host="127.0.0.1",
        port=9,
        public_url=PUBLIC_URL,
        database_url=database_url,
        home=home,
        secret_key=SECRET_KEY,
        credit_value_micros=1_000,
        sandbox_url=None,
    )
    if stripe_url is None:
        return settings
    return replace(
        settings,
        stripe_secret_key=STRIPE_KEY,
        stripe_webhook_secrets=(WEBHOOK_SECRET,),
        stripe_api_base=stripe_url,
    )


class Clock:
    """The present moment, which a test may put forward or back."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> Any:
        return clock.now() + self.ahead


@dataclass
class Till:
    """What a test talks to."""

    services: Services
    stripe: SandboxStripe | None
    time: Clock
    workspace_id: str = ""
    user_id: str = ""
    package: Package = field(init=False)
    _keys: Iterator[int] = field(default_factory=itertools.count)
    _runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    @property
    def cashier(self) -> Cashier:
        return self.services.cashier

    @cached_property
    def api(self) -> FastAPI:
        """Built once: that costs more than a hundred requests."""
        return build_api(self.services)

    @cached_property
    def door(self) -> FastAPI:
        """Where webhooks come in, as in the whole API; building all of that takes longer than most tests."""
        door = FastAPI(openapi_url=None)
        top_up_url = f"{PUBLIC_URL}/top-up"
        door.add_middleware(Express, route=payments.hook(self.services), top_up_url=top_up_url)
        errors.install(door, top_up_url=top_up_url)
        return door

    @cached_property
    def client(self) -> stripe.StripeClient:
        """Stripe's own library, for what a test does there by itself."""
        return self.stripe.client()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Everything of a test on one event loop, as in a server."""
        return self._runner.run(work)

    def close(self) -> None:
        if self.cashier.cards is not None:
            self.run(self.cashier.cards.door.close())
        if "client" in self.__dict__:
            self.client._requestor._client.close()
            self.run(self.client._requestor._client.close_async())
        self._runner.close()

    # --- people

    def customer(self, *, name: str = "Halfmoon", profile: bool = True) -> tuple[str, str]:
        """A person with a workspace and a billing profile: (workspace_id, user_id)."""
        now, workspace_id, user_id = clock.now(), new_id("ws"), new_id("usr")
        with self.services.db.write() as connection:
            person = {"id": user_id, "email": f"{user_id.lower()}@example.com", "name": name, "password_hash": "x"}
            connection.execute(insert(USER).values(is_operator=False, created_at=now, **person))
            connection.execute(insert(WORKSPACE).values(id=workspace_id, name=name, created_at=now))
            member = {"workspace_id": workspace_id, "user_id": user_id, "role": "owner", "created_at": now}
            connection.execute(insert(MEMBER).values(member))
            open_wallet(connection, workspace_id)
        if profile:
            self.services.invoicing.profiles.save(workspace_id, BUYER, actor=user_id, ip_country="DE")
        return workspace_id, user_id

    def operator(self) -> str:
        now, user_id = clock.now(), new_id("usr")
        person = {"id": user_id, "email": f"{user_id.lower()}@example.com", "name": "Op", "password_hash": "x"}
        with self.services.db.write() as connection:
            connection.execute(insert(USER).values(is_operator=True, created_at=now, **person))
        return user_id

    # --- buying

    def choice(self, **changes: Any) -> Choice:
        terms = self.cashier.terms.current()
        wanted = Choice(
            self.workspace_id,
            self.package.version_id,
            "EUR",
            terms.id if terms else None,
            self.user_id,
            f"key-{next(self._keys)}",
        )
        return replace(wanted, **changes)

    def buy(self, **changes: Any) -> OrderView:
        """An order with its page open."""
        return self.run(self.cashier.buy(self.choice(**changes)))

    def session_of(self, order: OrderView) -> str:
        """The provider's id of the order's newest page."""
        return str(
            self.scalar(
                "SELECT session_id FROM checkout_session WHERE order_id = :id ORDER BY attempt DESC LIMIT 1",
                id=order.id,
            )
        )

    def pay(self, order: OrderView, **how: Any) -> str:
        """Pay on the order's page, with a good card unless told otherwise; the PaymentIntent's id."""
        paid = self.stripe.pay(self.session_of(order), **(how or {"card": VISA}))
        return str(paid["payment_intent"])

    # --- events

    def events(self, *types: str) -> list[dict[str, Any]]:
        """What Stripe would send about this customer, the oldest first."""
        found = self.client.v1.events.list({"limit": 100})
        customer = self.scalar(
            "SELECT customer_id FROM payment_customer WHERE workspace_id = :id", id=self.workspace_id
        )
        mine = [event.to_dict() for event in found.auto_paging_iter()]
        mine = [event for event in mine if event["data"]["object"].get("customer") == customer]
        return [event for event in reversed(mine) if not types or event["type"] in types]

    def signed(self, body: str, at: float | None = None, secret: str | None = None) -> str:
        return stripe.WebhookSignature.generate_signature_header(
            body,
            self.stripe.webhook_secret if secret is None else secret,
            int(self.time().timestamp() if at is None else at),
        )

    async def post(
        self, client: httpx.AsyncClient, event: dict[str, Any] | str | bytes, header: str | None = None
    ) -> httpx.Response:
        """One webhook at the HTTP door; signed well unless a header is given."""
        body = event if isinstance(event, str | bytes) else json.dumps(event)
        signature = self.signed(body if isinstance(body, str) else "") if header is None else header
        headers = {"stripe-signature": signature} if signature else {}
        return await client.post("/hooks/payments/stripe", content=body, headers=headers)

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.api), base_url=PUBLIC_URL)

    def deliver(self, events: Sequence[dict[str, Any] | str | bytes], header: str | None = None) -> list[int]:
        """Hand events in, all at once; the status of each answer."""

        async def all_of_them() -> list[int]:
            webhooks = httpx.AsyncClient(transport=httpx.ASGITransport(self.door), base_url=PUBLIC_URL)
            async with webhooks as client:
                answers = await asyncio.gather(*(self.post(client, event, header) for event in events))
            return [answer.status_code for answer in answers]

        return self.run(all_of_them())

    def apply(self) -> None:
        self.run(self.cashier.apply_due())

    def settle(self, order: OrderView) -> OrderView:
        """Deliver everything there is and apply it; the order as it stands then."""
        assert set(self.deliver(self.events())) <= {200}
        self.apply()
        return self.order(order)

    # --- looking

    def order(self, order: OrderView | str) -> OrderView:
        return self.cashier.order(order if isinstance(order, str) else order.id)

    def state(self, order: OrderView) -> State:
        return self.order(order).state

    @property
    def credits(self) -> int:
        """Whole credits in the balance."""
        return int(self.services.ledger.balance(self.workspace_id).balance.amount)

    def scalar(self, sql: str, **values: Any) -> Any:
        with self.services.db.read() as connection:
            return connection.execute(text(sql), values).scalar()

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.services.db.read() as connection:
            return list(connection.execute(text(sql), values))

    def count(self, table: str, where: str = "1 = 1") -> int:
        with self.services.db.read() as connection:
            return int(
                connection.execute(select(func.count()).select_from(text(table)).where(text(where))).scalar_one()
            )

    def mails(self) -> list[str]:
        """The templates of the mails promised so far, in order."""
        with self.services.db.read() as connection:
            rows = connection.execute(text("SELECT payload FROM outbox WHERE topic = 'mail' ORDER BY id")).scalars()
            return [(json.loads(row) if isinstance(row, str) else row)["template"] for row in rows]

    def cases(self) -> list[str]:
        """Why money waits for an operator."""
        return [str(case.reason) for case in self.cashier.unmatched.open_cases()]

    def assert_books_balance(self) -> None:
        assert run_audit(self.services.db) == []
        assert audit_invoices(self.services.db) == []
        assert audit_returns(self.services.db, self.time()) == []


@contextmanager
def till(home: Path, database_url: str, stripe_: SandboxStripe | None, *, fresh: bool = True) -> Iterator[Till]:
    """Build and start; `fresh` furnishes an empty database."""
    home.mkdir(parents=True, exist_ok=True)
    now = Clock()
    services = building.build(settings_for(home, database_url, stripe_.url if stripe_ else None), carry=False, now=now)
    services.start()
    made = Till(services, stripe_, now)
    patience, stripe.HTTPClient.INITIAL_DELAY = stripe.HTTPClient.INITIAL_DELAY, RETRY_SECONDS
    try:
        if fresh:
            furnish(made)
        yield made
    finally:
        stripe.HTTPClient.INITIAL_DELAY = patience
        made.close()
        services.stop()


def dinars(made: Till, minor: int) -> str:
    """The starter package for so many thousandths of a dinar, before tax; its version."""
    content = replace(STARTER, prices={"BHD": Fiat(minor, "BHD")})
    return made.cashier.packages.publish(content, kind=Kind.INDIVIDUAL, actor="test").version_id


def furnish(made: Till) -> None:
    """A seller, terms, a package, and a customer."""
    made.services.invoicing.sellers.save(SELLER, author="test")
    made.cashier.terms.publish(terms="Terms.", refund_policy="Refunds.", invoice_wording="Prepaid.", actor="test")
    made.package = made.cashier.packages.publish(STARTER, kind=Kind.INDIVIDUAL, actor="test")
    made.workspace_id, made.user_id = made.customer()
