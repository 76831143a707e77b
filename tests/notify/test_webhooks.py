"""Webhooks: an event lives and dies with its fact, is delivered at least once under one id, and can be replayed."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from standardwebhooks import Webhook, WebhookVerificationError

from app.accounts.tables import Workspace
from app.jobs.courier import Courier
from app.kernel import events, outbox
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput, LimitReached, NotFound
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.kernel.secrets import Vault, new_vault_key
from app.kernel.tables import outbox as promises
from app.notify import webhook_endpoints, webhook_sender
from app.notify.webhook_tables import webhook_attempt, webhook_delivery, webhook_endpoint
from app.notify.webhook_wire import Answer, Wire, signed
from app.notify.webhooks import Webhooks

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://hooks.example.com/farebox"
OK, BROKEN = 200, 500


@dataclass
class Receiver(Wire):
    """Instead of the network: keeps what was sent, and answers what `says` says."""

    says: Callable[[str], int | str] = lambda _url: OK
    sent: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def post(self, url: str, body: str, message_id: str, secrets: Any, now: datetime) -> Answer:
        headers = signed(body, message_id, secrets, now)
        self.sent.append({"url": url, "body": json.loads(body), "raw": body, "id": message_id, "headers": headers})
        said = self.says(url)
        return Answer(3, headers, said) if isinstance(said, int) else Answer(3, headers, error=said)


@dataclass
class Shop:
    """One workspace with webhooks, and a clock that is moved by hand."""

    db: Database
    hooks: Webhooks
    receiver: Receiver
    listeners: events.Listeners
    clock: list[datetime]
    id: str = "ws_1"

    def now(self) -> datetime:
        return self.clock[0]

    def later(self, **much: float) -> None:
        self.clock[0] += timedelta(**much)

    def tell(self, type_: str = events.BALANCE_LOW, key: str = "k", **data: Any) -> bool:
        with self.db.write() as connection:
            return events.tell(connection, self.id, type_, data, key=key)

    def spread(self) -> None:
        asyncio.run(Courier(self.db, {events.TOPIC: self.hooks.spread}, lambda: NOON + timedelta(days=900)).run())

    def send(self) -> int:
        return asyncio.run(self.hooks.send())

    def deliver(self) -> int:
        self.spread()
        return self.send()

    def deliveries(self) -> list[Any]:
        return self.hooks.deliveries(self.id)

    def mails(self) -> list[str]:
        with self.db.read() as connection:
            rows = connection.execute(select(promises.c.payload).where(promises.c.topic == outbox.MAIL))
            return [payload["template"] for payload in rows.scalars()]


@pytest.fixture
def shop(database: Database) -> Shop:
    with database.write() as connection:
        for name in ("ws_1", "ws_2"):
            row = {"id": name, "name": name, "created_at": NOON}
            table = metadata.tables[str(Workspace.__tablename__)]
            connection.execute(insert(table).values({k: v for k, v in row.items() if k in table.c}))
    clock, receiver = [NOON], Receiver()
    listeners = events.Listeners(database)
    hooks = Webhooks(database, Vault([new_vault_key()]), listeners, lambda: clock[0], receiver)
    return Shop(database, hooks, receiver, listeners, clock)


# --- facts


def test_an_event_lives_and_dies_with_its_transaction(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)

    def tell_and_fail() -> None:
        with shop.db.write() as connection:
            events.tell(connection, shop.id, events.BALANCE_LOW, {}, key="undone")
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError):
        tell_and_fail()
    assert shop.tell(key="done") is True
    assert shop.tell(key="done") is False
    assert shop.deliver() == 1


@pytest.mark.one_engine
def test_where_nobody_listens_nothing_is_written(shop: Shop) -> None:
    assert shop.tell() is False
    endpoint, _ = shop.hooks.endpoints.create(shop.id, URL)
    shop.hooks.endpoints.disable(shop.id, endpoint.id)
    assert shop.tell(key="2") is False
    shop.hooks.endpoints.enable(shop.id, endpoint.id)
    assert shop.tell(key="3") is True
    shop.hooks.endpoints.delete(shop.id, endpoint.id)
    assert shop.tell(key="4") is False
    assert shop.deliver() == 0


@pytest.mark.one_engine
def test_who_listens_is_known_at_once_where_it_changed(shop: Shop) -> None:
    asyncio.run(shop.listeners.fresh())
    assert not shop.listeners.has(shop.id)
    shop.hooks.endpoints.create(shop.id, URL)
    asyncio.run(shop.listeners.fresh())
    assert shop.listeners.has(shop.id)


# --- what is sent


@pytest.mark.one_engine
def test_it_says_what_happened_in_plain_json(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    shop.tell(events.TOPUP_SUCCEEDED, credits=Money(1_500_000), amount=Fiat(1999, "EUR"), at=NOON, on=NOON.date())
    shop.deliver()
    (sent,) = shop.receiver.sent
    assert sent["body"]["type"] == "topup.succeeded"
    assert sent["body"]["data"] == {
        "credits": 1.5,
        "amount": {"amount": "19.99", "currency": "EUR", "minor": 1999},
        "at": "2026-11-21T12:00:00Z",
        "on": "2026-11-21",
    }


def test_each_endpoint_gets_the_events_it_chose_and_only_its_own_workspace_s(shop: Shop) -> None:
    every, money = f"{URL}/every", f"{URL}/money"
    shop.hooks.endpoints.create(shop.id, every)
    shop.hooks.endpoints.create(shop.id, money, types=[events.TOPUP_SUCCEEDED, events.INVOICE_ISSUED])
    shop.hooks.endpoints.create("ws_2", f"{URL}/strangers")
    shop.tell(events.BALANCE_LOW, "1")
    shop.tell(events.TOPUP_SUCCEEDED, "2")
    shop.deliver()
    got = sorted((sent["url"], sent["body"]["type"]) for sent in shop.receiver.sent)
    assert got == [(every, "balance.low"), (every, "topup.succeeded"), (money, "topup.succeeded")]


def test_spreading_twice_delivers_once(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    shop.tell()
    with shop.db.write() as connection:
        (message,) = outbox.claim(connection, [events.TOPIC], NOON + timedelta(days=900), hide=timedelta(minutes=1))
    for _ in range(2):
        asyncio.run(shop.hooks.spread(message))
    assert shop.send() == 1


@pytest.mark.one_engine
def test_after_a_rotation_both_secrets_verify_for_a_day_and_then_the_new_one_alone(shop: Shop) -> None:
    endpoint, old = shop.hooks.endpoints.create(shop.id, URL)
    new = shop.hooks.endpoints.rotate(shop.id, endpoint.id)
    assert old != new
    shop.clock[0] = datetime.now(UTC)  # the library looks at the real time
    with shop.db.write() as connection:
        until = shop.now() + webhook_endpoints.OVERLAP
        connection.execute(update(webhook_endpoint).values(previous_until=until))
    shop.tell()
    shop.deliver()
    (first,) = shop.receiver.sent
    assert Webhook(old).verify(first["raw"], first["headers"]) == Webhook(new).verify(first["raw"], first["headers"])
    with shop.db.write() as connection:
        connection.execute(update(webhook_endpoint).values(previous_until=shop.now()))
    shop.tell(key="2")
    shop.deliver()
    second = shop.receiver.sent[-1]
    Webhook(new).verify(second["raw"], second["headers"])
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(second["raw"], second["headers"])


@pytest.mark.one_engine
def test_a_secret_is_kept_sealed(shop: Shop) -> None:
    _, secret = shop.hooks.endpoints.create(shop.id, URL)
    with shop.db.read() as connection:
        (row,) = connection.execute(select(webhook_endpoint)).all()
    assert secret.startswith("whsec_")
    assert secret not in str(row)


# --- when it fails


def test_it_is_tried_again_at_growing_intervals_under_the_same_id_and_then_given_up(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    shop.receiver.says = lambda _: "There was no connection."
    shop.tell()
    assert shop.deliver() == 1
    for wait in webhook_sender.BACKOFF[:3]:
        shop.later(seconds=wait.total_seconds() - 1)
        assert shop.send() == 0
        shop.later(seconds=1)
        assert shop.send() == 1
    assert len({sent["id"] for sent in shop.receiver.sent}) == 1
    with shop.db.write() as connection:
        connection.execute(update(webhook_delivery).values(attempts=len(webhook_sender.BACKOFF), next_at=shop.now()))
    assert shop.send() == 1
    (delivery,) = shop.deliveries()
    assert (delivery.state, delivery.error) == ("failed", "There was no connection.")


@pytest.mark.one_engine
def test_a_success_ends_it(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    answers = [BROKEN, 302, 204]
    shop.receiver.says = lambda _: answers.pop(0)
    shop.tell()
    shop.deliver()
    shop.later(seconds=5)
    shop.send()
    shop.later(seconds=15)
    shop.send()
    shop.later(days=1)
    assert shop.send() == 0
    (delivery,) = shop.deliveries()
    opened = shop.hooks.open(shop.id, delivery.id)
    assert (delivery.state, delivery.status, delivery.error) == ("delivered", 204, None)
    assert [attempt.status for attempt in opened.attempts] == [500, 302, 204]
    (endpoint,) = shop.hooks.endpoints.all(shop.id)
    assert (endpoint.failing_since, endpoint.last_success_at is not None) == (None, True)


@pytest.mark.one_engine
def test_an_endpoint_that_takes_nothing_for_days_is_turned_off_and_its_owners_are_told(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    shop.receiver.says = lambda _: BROKEN
    shop.tell(key="1")
    shop.deliver()
    shop.later(days=2)
    shop.send()
    assert shop.hooks.endpoints.all(shop.id)[0].is_enabled
    shop.tell(key="2")
    shop.later(days=1)
    shop.deliver()
    (endpoint,) = shop.hooks.endpoints.all(shop.id)
    assert (endpoint.state, endpoint.disabled_reason) == ("disabled", "failing")
    assert shop.mails() == ["webhook_disabled"]
    assert {delivery.state for delivery in shop.deliveries()} == {"dropped"}
    assert shop.tell(key="3") is False


@pytest.mark.one_engine
def test_one_that_says_it_is_gone_is_turned_off_at_once(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    shop.receiver.says = lambda _: 410
    shop.tell()
    shop.deliver()
    assert shop.hooks.endpoints.all(shop.id)[0].disabled_reason == "gone"
    assert shop.mails() == ["webhook_disabled"]


def test_one_that_was_killed_in_the_middle_is_taken_up_again_under_the_same_id(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    shop.tell()
    shop.spread()
    with shop.db.write() as connection:  # claimed, and then nothing
        connection.execute(update(webhook_delivery).values(attempts=1, next_at=shop.now() + webhook_sender.HIDE))
    assert shop.send() == 0
    shop.later(seconds=webhook_sender.HIDE.total_seconds())
    assert shop.send() == 1
    assert [(row.state, row.attempts) for row in shop.deliveries()] == [("delivered", 2)]


@pytest.mark.one_engine
def test_a_slow_endpoint_has_a_few_at_once_and_the_others_go_on(shop: Shop) -> None:
    slow, quick = f"{URL}/slow", f"{URL}/quick"
    for url in (slow, quick):
        shop.hooks.endpoints.create(shop.id, url)
    for number in range(10):
        shop.tell(key=str(number))
    shop.spread()
    at_once, most = 0, 0
    released = asyncio.Event()

    async def post(url: str, body: str, message_id: str, secrets: Any, now: datetime) -> Answer:
        nonlocal at_once, most
        headers = signed(body, message_id, secrets, now)
        if url == slow:
            at_once += 1
            most = max(most, at_once)
            await released.wait()
            at_once -= 1
        else:
            shop.receiver.sent.append({})
            if len(shop.receiver.sent) == 10:
                released.set()
        return Answer(1, headers, OK)

    shop.receiver.post = post  # type: ignore[method-assign]
    assert asyncio.run(asyncio.wait_for(shop.hooks.send(), 30)) == 20
    assert most == webhook_sender.AT_ONCE_EACH


# --- asking for it


@pytest.mark.one_engine
def test_a_replay_sends_the_same_message_again(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    shop.tell()
    shop.deliver()
    (first,) = shop.deliveries()
    again = shop.hooks.replay(shop.id, first.id)
    assert again != first.id
    assert shop.send() == 1
    one, two = shop.receiver.sent
    assert (one["id"], one["raw"]) == (two["id"], two["raw"])
    for _ in range(19):
        shop.hooks.replay(shop.id, first.id)
    with pytest.raises(LimitReached):
        shop.hooks.replay(shop.id, first.id)


@pytest.mark.one_engine
def test_a_test_goes_to_that_endpoint_alone_is_tried_once_and_blames_nobody(shop: Shop) -> None:
    endpoint, _ = shop.hooks.endpoints.create(shop.id, URL, types=[events.BALANCE_LOW])
    shop.hooks.endpoints.create(shop.id, f"{URL}/other")
    shop.receiver.says = lambda _: BROKEN
    shop.hooks.test(shop.id, endpoint.id)
    assert shop.send() == 1
    (sent,) = shop.receiver.sent
    assert (sent["url"], sent["body"]["type"]) == (URL, "webhook.test")
    assert shop.deliveries()[0].state == "failed"
    assert shop.hooks.endpoints.find(shop.id, endpoint.id).failing_since is None


@pytest.mark.one_engine
def test_nobody_sees_or_touches_what_another_workspace_has(shop: Shop) -> None:
    endpoint, _ = shop.hooks.endpoints.create("ws_2", URL)
    delivery = shop.hooks.test("ws_2", endpoint.id)
    ours = shop.hooks.endpoints
    for act in (
        lambda: ours.find(shop.id, endpoint.id),
        lambda: ours.change(shop.id, endpoint.id, url=URL),
        lambda: ours.rotate(shop.id, endpoint.id),
        lambda: ours.enable(shop.id, endpoint.id),
        lambda: ours.disable(shop.id, endpoint.id),
        lambda: ours.delete(shop.id, endpoint.id),
        lambda: shop.hooks.test(shop.id, endpoint.id),
        lambda: shop.hooks.open(shop.id, delivery),
        lambda: shop.hooks.replay(shop.id, delivery),
    ):
        with pytest.raises(NotFound):
            act()
    assert shop.deliveries() == []


@pytest.mark.one_engine
@pytest.mark.parametrize("url", ["http://example.com/", "https://10.0.0.1/", "https://localhost/", "nonsense"])
def test_an_address_that_leads_inside_is_refused(shop: Shop, url: str) -> None:
    with pytest.raises(InvalidInput):
        shop.hooks.endpoints.create(shop.id, url)
    endpoint, _ = shop.hooks.endpoints.create(shop.id, URL)
    with pytest.raises(InvalidInput):
        shop.hooks.endpoints.change(shop.id, endpoint.id, url=url)


@pytest.mark.one_engine
def test_an_unknown_event_is_refused_and_all_of_them_are_none_chosen(shop: Shop) -> None:
    with pytest.raises(InvalidInput, match=r"generation\.eaten"):
        shop.hooks.endpoints.create(shop.id, URL, types=["generation.eaten"])
    endpoint, _ = shop.hooks.endpoints.create(shop.id, URL, types=events.TYPES)
    assert endpoint.types == ()


@pytest.mark.one_engine
def test_there_is_an_end_to_endpoints(shop: Shop) -> None:
    for number in range(webhook_endpoints.MOST_ENDPOINTS):
        shop.hooks.endpoints.create(shop.id, f"{URL}/{number}")
    with pytest.raises(LimitReached):
        shop.hooks.endpoints.create(shop.id, URL)


def test_what_is_old_is_forgotten(shop: Shop) -> None:
    endpoint, _ = shop.hooks.endpoints.create(shop.id, URL)
    shop.tell()
    shop.deliver()
    shop.hooks.endpoints.delete(shop.id, endpoint.id)
    shop.later(days=29)
    assert asyncio.run(shop.hooks.forget()) == 0
    shop.later(days=2)
    assert asyncio.run(shop.hooks.forget()) == 1
    with shop.db.read() as connection:
        for table in (webhook_attempt, webhook_delivery, webhook_endpoint):
            assert connection.execute(select(table)).all() == []


# --- the house's own


@pytest.mark.one_engine
def test_what_is_announced_reaches_the_house_signed_and_nobody_else(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    _, secret = shop.hooks.endpoints.create(None, f"{URL}/house", types=["wallet.created"])
    with shop.db.write() as connection:
        for type_ in ("wallet.created", "wallet.updated"):
            events.announce(connection, type_, {"wallet": {"id": "wallet_1"}}, key=type_)
    courier = Courier(shop.db, {events.BILLING: shop.hooks.spread_billing}, lambda: NOON + timedelta(days=900))
    asyncio.run(courier.run())
    assert shop.send() == 1
    [sent] = shop.receiver.sent
    assert (sent["url"], sent["body"]["event_type"]) == (f"{URL}/house", "wallet.created")
    assert sent["body"]["wallet"] == {"id": "wallet_1"}
    checked = Webhook(secret)
    with pytest.raises(WebhookVerificationError):
        checked.verify(sent["raw"].replace("wallet_1", "wallet_2"), sent["headers"])


@pytest.mark.one_engine
def test_nothing_is_announced_where_the_house_has_no_endpoint(shop: Shop) -> None:
    shop.hooks.endpoints.create(shop.id, URL)
    with shop.db.write() as connection:
        assert events.announce(connection, "wallet.created", {}, key="k") is False


@pytest.mark.one_engine
def test_an_endpoint_of_the_house_that_fails_for_days_is_turned_off_and_the_operators_told(shop: Shop) -> None:
    shop.hooks.endpoints.create(None, URL)
    shop.receiver.says = lambda _url: 410
    with shop.db.write() as connection:
        events.announce(connection, "wallet.created", {}, key="k")
    courier = Courier(shop.db, {events.BILLING: shop.hooks.spread_billing}, lambda: NOON + timedelta(days=900))
    asyncio.run(courier.run())
    shop.send()
    assert shop.mails() == ["webhook_disabled"]
    assert shop.hooks.endpoints.all(None)[0].disabled_reason == "gone"
