"""Webhooks, whatever way they come: often, at once, in any order, forged, foreign, or after a crash."""

import asyncio
import json
import random
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text, update

from app.api.assemble import build_api
from app.kernel.errors import Broken
from app.payments import tables
from app.payments.fulfil import Done
from app.payments.lifecycle import State
from app.payments.stripe_client import StripeDoor
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import PUBLIC_URL, Till
from tests.support.till import till as open_till


def bought(till: Till) -> tuple[str, list[dict]]:
    """A paid order and what Stripe has to say about it."""
    order = till.buy()
    till.pay(order)
    return order.id, till.events()


@pytest.mark.parametrize("times", [2, 100])
def test_case_01_an_event_that_comes_again_credits_once(till: Till, times: int) -> None:
    order, events = bought(till)
    completed = [event for event in events if event["type"] == "checkout.session.completed"]
    assert till.deliver(completed * times) == [200] * times
    till.apply()
    till.apply()
    assert (till.order(order).state, till.credits) == (State.PAID, 10_500)
    assert till.deliver(completed) == [200]
    till.apply()
    assert till.credits == 10_500
    assert till.count("webhook_event") == 1
    till.assert_books_balance()


def test_case_02_twenty_deliveries_at_once_to_two_processes_credit_once(
    till: Till, tmp_path: Path, database_url: str, stripe_: SandboxStripe
) -> None:
    order, events = bought(till)
    with open_till(tmp_path / "second", database_url, stripe_, fresh=False) as second:

        async def storm() -> list[int]:
            doors = [httpx.ASGITransport(api) for api in (till.api, build_api(second.services))]
            clients = [httpx.AsyncClient(transport=door, base_url=PUBLIC_URL) for door in doors]
            posts = [till.post(clients[number % 2], event) for number in range(20) for event in events]
            turns = [each.cashier.apply_due() for each in (till, second) for _ in range(5)]
            answers = await asyncio.gather(*posts)
            await asyncio.gather(*turns)
            for client in clients:
                await client.aclose()
            await second.cashier.cards.door.close()
            return [answer.status_code for answer in answers]

        assert set(till.run(storm())) == {200}
        till.apply()
    assert (till.order(order).state, till.credits) == (State.PAID, 10_500)
    assert till.count("payment") == 1
    till.assert_books_balance()


def test_case_03_every_road_to_credits_at_once_credits_once(till: Till) -> None:
    order = till.buy()
    intent = till.pay(order)
    session, cards = till.session_of(order), till.cashier.cards
    till.deliver(till.events())
    till.cashier.returned(till.workspace_id, session)

    async def all_roads() -> list[Done]:
        looks = [cards.door.session(session), cards.door.intent(intent)] * 5
        proofs = await asyncio.gather(*looks)
        _, *outcomes = await asyncio.gather(
            till.cashier.apply_due(), *(cards.fulfilment.apply(proof) for proof in proofs)
        )
        return [outcome.done for outcome in outcomes]

    assert set(till.run(all_roads())) <= {Done.CREDITED, Done.ALREADY}
    assert (till.state(order), till.credits) == (State.PAID, 10_500)
    assert till.count("invoice") == 1
    assert till.mails().count("invoice") == 1
    till.assert_books_balance()


@pytest.mark.parametrize("secrets", [(), ("",), ("   ",)], ids=["none", "empty", "blank"])
def test_case_04_without_a_secret_nothing_is_taken(one_till: Till, secrets: tuple[str, ...]) -> None:
    till = one_till
    _, events = bought(till)
    keys = till.cashier.cards.door.keys
    object.__setattr__(keys, "webhook_secrets", tuple(secret for secret in secrets if secret.strip()))
    body = json.dumps(events[0])
    assert till.deliver([body], till.signed(body, secret=" ")) == [503]
    assert till.deliver([body], "t=1,v1=0") == [503]
    assert till.count("webhook_event") == 0
    assert till.cashier.takes_cards is False


@pytest.mark.one_engine
def test_case_05_an_order_to_be_paid_elsewhere_is_not_paid_by_stripe(till: Till) -> None:
    transfer = till.cashier.manual.request(till.choice())
    other = till.buy()
    marks = till.cashier.cards.door.marks(transfer.id, till.workspace_id)
    till.stripe.ctl(f"objects/{till.session_of(other)}", metadata=marks)
    intent = till.pay(other)
    till.stripe.ctl(f"objects/{intent}", metadata=marks)
    till.deliver(till.events())
    till.apply()
    assert (till.state(transfer), till.state(other), till.credits) == (State.PENDING, State.PENDING, 0)
    assert till.cases() == ["other_provider"]
    assert "payment_unmatched" in till.mails()


def forgeries(till: Till, body: str) -> dict[str, str]:
    """Headers that must not pass."""
    now = time.time()
    good = till.signed(body)
    stamp, _, mac = good.partition(",v1=")
    return {
        "no header": "",
        "no timestamp": f"v1={mac}",
        "wrong signature": f"{stamp},v1={'0' * 64}",
        "only v0": f"{stamp},v0={mac}",
        "signed with nothing": till.signed(body, secret=" "),
        "another secret": till.signed(body, secret="whsec_other"),
        "six minutes old": till.signed(body, at=now - 360),
        "from the future": till.signed(body, at=now + 360),
        "time zero": till.signed(body, at=0),
        "a fresh time on an old signature": f"t={int(now)},v1={till.signed(body, at=now - 360).partition(',v1=')[2]}",
        "two times": f"t={int(now)},{till.signed(body, at=now - 360)}",
        "two times, one of them behind a blank": f"v0=x, t={int(now)},{till.signed(body, at=now - 360)}",
        "two times, one of them signed": f"t=+{till.signed(body, at=now - 360)[2:]}, t={int(now)}",
        "two times, the old one first": f"{till.signed(body, at=now - 360)}, t={int(now)}",
        "nonsense": "t=x,v1=y",
    }


def test_case_06_what_is_not_signed_by_us_now_is_refused(one_till: Till) -> None:
    till = one_till
    _, events = bought(till)
    body = json.dumps(events[0])
    for name, header in forgeries(till, body).items():
        assert till.deliver([body], header) == [400], name
    assert till.count("webhook_event") == 0
    assert till.deliver([body], till.signed(body, at=time.time() - 240)) == [200]
    assert till.deliver([body], till.signed(body, at=time.time() + 240)) == [200]


def test_both_secrets_are_good_while_one_is_being_changed(one_till: Till) -> None:
    till = one_till
    _, events = bought(till)
    body, keys = json.dumps(events[0]), till.cashier.cards.door.keys
    object.__setattr__(keys, "webhook_secrets", ("whsec_new", till.stripe.webhook_secret))
    assert till.deliver([body], till.signed(body)) == [200]
    assert till.deliver([body], till.signed(body, secret="whsec_new")) == [200]
    rolled = f"{till.signed(body, secret='whsec_unknown')},v1={till.signed(body).partition(',v1=')[2]}"
    assert till.deliver([body], rolled) == [200]  # two signatures, as Stripe sends them during a change


ODD_BODIES = {
    "empty": "",
    "not JSON": "hello",
    "an array": "[]",
    "a number": "1e999",
    "deep": "[" * 100_000,
    "deep objects": '{"a":' * 40_000 + "1" + "}" * 40_000,
    "no object": '{"object": "event"}',
    "ids that are not text": '{"object":"event","id":1,"type":"x","livemode":false,"data":{"object":{"id":"y"}}}',
    "livemode that is text": '{"object":"event","id":"e","type":"x","livemode":"no","data":{"object":{"id":"y"}}}',
    "data that is a list": '{"object":"event","id":"e","type":"x","livemode":false,"data":[]}',
    "an id that is far too long": json.dumps(
        {"object": "event", "id": "e" * 10_000, "type": "x", "livemode": False, "data": {"object": {"id": "y"}}}
    ),
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_case_07_a_signed_body_that_is_no_event_is_refused(one_till: Till, body: str) -> None:
    assert one_till.deliver([body], one_till.signed(body)) == [400]
    assert one_till.count("webhook_event") == 0


def test_case_07_a_body_that_is_not_text_or_too_large_is_refused(one_till: Till) -> None:
    assert one_till.deliver([b"\xff\xfe{}"], one_till.signed("x")) == [400]
    assert one_till.deliver(["x" * 5_000_000], one_till.signed("x")) == [413]
    big = json.dumps({"object": "event", "pad": "x" * 300_000})
    assert one_till.deliver([big], one_till.signed(big)) == [413]


def test_somebody_who_keeps_guessing_is_shut_out_and_the_provider_is_not(one_till: Till) -> None:
    """Behind a proxy both have one address."""
    till = one_till
    answers = till.deliver(["{}"] * 70, "t=1,v1=0")
    assert (answers.count(400), answers.count(429)) == (60, 10)
    order = till.buy()
    till.pay(order)
    assert till.settle(order).state is State.PAID


def test_an_unknown_provider_is_not_found(one_till: Till) -> None:
    async def ask() -> int:
        async with one_till.browser() as client:
            return (await client.post("/hooks/payments/paypal", content=b"{}")).status_code

    assert one_till.run(ask()) == 404


@pytest.mark.one_engine
def test_case_12_an_event_of_the_other_mode_is_ignored_and_reported(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    live = [{**event, "id": f"{event['id']}live", "livemode": True} for event in till.events()]
    assert set(till.deliver(live)) == {200}
    till.apply()
    assert (till.state(order), till.credits) == (State.PENDING, 0)
    assert set(till.cases()) == {"other_mode"}
    assert "payment_unmatched" in till.mails()


@pytest.mark.one_engine
def test_case_12_a_payment_of_the_other_mode_does_not_touch_the_order(till: Till) -> None:
    order = till.buy()
    intent = till.pay(order)
    events = till.events()
    for wanted in (till.session_of(order), intent):
        till.stripe.ctl(f"objects/{wanted}", livemode=True)
    till.deliver(events)
    till.apply()
    assert (till.state(order), till.credits) == (State.PENDING, 0)
    assert till.cases() == ["other_mode"]


@pytest.mark.one_engine
def test_case_13_money_without_an_order_is_kept_for_an_operator(till: Till) -> None:
    order = till.buy()
    intent = till.pay(order)
    events = till.events()
    for wanted in (till.session_of(order), intent):
        till.stripe.ctl(f"objects/{wanted}", metadata={})
    till.deliver(events)
    till.apply()
    assert (till.state(order), till.credits) == (State.PENDING, 0)
    [case] = till.cashier.unmatched.open_cases()
    assert (str(case.reason), case.external_id, case.amount.minor) == ("no_order", intent, 1_190)
    till.cashier.unmatched.resolve(case.id, "Refunded in the dashboard", actor="op")
    assert till.cases() == []


@pytest.mark.one_engine
def test_case_13_another_installation_of_the_same_account_is_not_credited_here(till: Till) -> None:
    order = till.buy()
    intent = till.pay(order)
    events = till.events()
    marks = {**till.cashier.cards.door.marks(order.id, till.workspace_id), "env": "another"}
    for wanted in (till.session_of(order), intent):
        till.stripe.ctl(f"objects/{wanted}", metadata=marks)
    till.deliver(events)
    till.apply()
    assert (till.state(order), till.credits, till.cases()) == (State.PENDING, 0, ["other_install"])


@pytest.mark.one_engine
def test_case_13_an_object_of_another_account_is_reported(till: Till) -> None:
    event = {
        "id": "evt_foreign",
        "object": "event",
        "type": "payment_intent.succeeded",
        "api_version": "2026-10-28.endive",
        "livemode": False,
        "data": {"object": {"id": "pi_of_somebody_else", "object": "payment_intent"}},
    }
    assert till.deliver([event]) == [200]
    till.apply()
    assert till.cases() == ["no_order"]


def test_case_15_bug_b7_a_crash_before_the_event_was_closed_is_mended(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, events = bought(till)
    till.deliver([event for event in events if event["type"] == "checkout.session.completed"])

    def crash(*_: object) -> None:
        raise Broken("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(till.cashier.inbox, "close", crash)
        with pytest.raises(Broken):
            till.apply()
    assert till.credits == 10_500
    assert till.scalar("SELECT state FROM webhook_event") == "new"
    assert till.deliver([event for event in events if event["type"] == "checkout.session.completed"]) == [200]
    with till.services.db.write() as connection:
        connection.execute(update(tables.webhook_event).values(next_at=till.time()))
    till.apply()
    assert till.scalar("SELECT state FROM webhook_event") == "done"
    assert str(till.scalar("SELECT outcome FROM webhook_event")).startswith("already")
    assert (till.order(order).state, till.credits) == (State.PAID, 10_500)
    till.assert_books_balance()


def test_an_event_that_fails_is_tried_again_until_it_works(till: Till) -> None:
    order, events = bought(till)
    till.stripe.ctl("fail", fault="503", match="GET /v1/", times=3)  # each attempt asks three times
    till.deliver([event for event in events if event["type"] == "checkout.session.completed"])
    till.apply()
    assert (till.order(order).state, till.scalar("SELECT state FROM webhook_event")) == (State.PENDING, "new")
    till.time.ahead += timedelta(seconds=30)
    till.apply()
    assert till.order(order).state is State.PAID


@pytest.mark.one_engine
def test_case_45_an_event_of_another_version_is_parked_and_reported(till: Till) -> None:
    order, events = bought(till)
    changed = [{**event, "api_version": "2027-09-30.fennel"} for event in events]
    assert set(till.deliver(changed)) == {200}
    till.apply()
    assert (till.order(order).state, till.credits) == (State.PENDING, 0)
    assert set(till.cases()) == {"other_version"}
    assert till.scalar("SELECT count(*) FROM webhook_event WHERE state = 'parked'") == len(changed)
    later = [{**event, "id": f"{event['id']}b", "api_version": "2026-12-30.endive"} for event in events]
    till.deliver(later)  # a version of the same name is compatible
    till.apply()
    assert till.order(order).state is State.PAID


@pytest.mark.one_engine
def test_case_45_a_missing_field_parks_the_event_until_it_is_replayed(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    session = till.session_of(order)
    [event] = till.events("checkout.session.completed")
    till.stripe.ctl(f"objects/{session}", amount_total=None)
    till.deliver([event])
    till.apply()
    assert (till.state(order), till.credits, till.cases()) == (State.PENDING, 0, ["unreadable"])
    assert till.scalar("SELECT state FROM webhook_event") == "parked"
    till.stripe.ctl(f"objects/{session}", amount_total=1_190)
    till.cashier.inbox.replay(event["id"])
    till.apply()
    assert (till.state(order), till.credits) == (State.PAID, 10_500)


def test_many_orders_in_any_order_are_credited_once_each(one_till: Till) -> None:
    till = one_till
    orders = []
    for number in range(12):
        workspace_id, user_id = till.customer(name=f"W{number}")
        orders.append(till.buy(workspace_id=workspace_id, actor=user_id))
        till.pay(orders[-1])
    found = [event.to_dict() for event in till.client.v1.events.list({"limit": 100}).auto_paging_iter()]
    storm = [event for event in found if event["type"].startswith(("checkout", "payment_intent"))] * 3
    random.Random(7).shuffle(storm)
    assert set(till.deliver(storm)) == {200}
    till.apply()
    assert {till.state(order) for order in orders} == {State.PAID}
    assert till.count("payment") == 12
    till.assert_books_balance()


@pytest.mark.one_engine
def test_an_event_that_waits_for_stripe_is_a_line_in_the_log_and_given_up_it_is_a_case(
    till: Till, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = till.buy()
    till.pay(order)
    till.deliver(till.events("checkout.session.completed"))
    till.stripe.ctl("fail", fault="503", match="GET /v1/checkout/sessions", times=20)
    with caplog.at_level("WARNING", logger="app.payments.worker"):
        till.apply()
    [line] = [record for record in caplog.records if record.name == "app.payments.worker"]
    assert (line.levelname, line.exc_info, till.cases()) == ("WARNING", None, [])
    with till.services.db.write() as connection:
        connection.execute(text("UPDATE webhook_event SET attempts = 19, next_at = received_at"))
    monkeypatch.setattr(StripeDoor, "session", None)
    caplog.clear()
    with caplog.at_level("WARNING", logger="app.payments.worker"):
        till.apply()
    traced = [record for record in caplog.records if record.exc_info]
    assert (len(traced), till.cases()) == (1, ["given_up"])
    assert till.scalar("SELECT state FROM webhook_event") == "parked"
