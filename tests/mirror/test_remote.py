"""A second Farebox plays the remote: what is made, used and changed here stands there, once and under our ids."""

import json

import pytest
from standardwebhooks import Webhook

from app.kernel import clock
from tests.mirror.conftest import SECRET, sell, told


@pytest.fixture
def subscribed(here, there, name):
    """Somebody on a plan that both sides know, 10 cents an image here and 12 there."""
    plans = sell(here.sdk, name, "0.10"), sell(there, name, "0.12")
    here.sdk.customers.create_customer(external_id=name, name=name)
    made = here.sdk.subscriptions.create_subscription(
        external_customer_id=name, plan_id=plans[0], currency="usd", billing_period="MONTHLY"
    )
    here.mirror.send()
    return made


def state_there(there, name):
    return [one.subscription_status for one in there.subscriptions.query_subscription(external_customer_id=name).items]


def test_a_customer_and_their_usage_stand_there_under_our_ids(here, there, name):
    made = here.sdk.customers.create_customer(external_id=name, name="Studio", email="anna@example.com")
    here.use(name, f"{name}-1", f"{name}-2", image_count="2", quality="high")
    here.mirror.send()
    found = there.customers.get_customer_by_external_id(external_id=name)
    assert (found.name, found.email, found.metadata) == ("Studio", "anna@example.com", {"farebox_id": made.id})
    assert told(there, name) == {f"{name}-1", f"{name}-2"}
    assert here.mirror.standing().backlog == 0


def test_what_changes_here_changes_there(here, there, name):
    made = here.sdk.customers.create_customer(external_id=name, name="Studio")
    here.mirror.send()
    here.sdk.customers.update_customer(id=made.id, name="Atelier")
    here.mirror.send()
    assert there.customers.get_customer_by_external_id(external_id=name).name == "Atelier"


def test_whoever_is_there_already_is_taken_over(here, there, name):
    known = there.customers.create_customer(external_id=name, name="Known before")
    here.sdk.customers.create_customer(external_id=name, name="Studio")
    here.mirror.send()
    found = there.customers.get_customer_by_external_id(external_id=name)
    assert (found.id, found.name) == (known.id, "Studio")


def test_earlier_usage_goes_with_a_backfill(start, billing_server, there, name):
    here = start(billing_server)
    here.sdk.customers.create_customer(external_id=name, name=name)
    here.use(name, f"{name}-1")
    here.mirror.send()  # the mirror is on from here
    here.use(name, f"{name}-2")
    here.mirror.send()
    assert told(there, name) == {f"{name}-2"}
    here.mirror.backfill(None, "operator")
    here.mirror.send()
    assert told(there, name) == {f"{name}-1", f"{name}-2"}
    feed = next(feed for feed in here.mirror.standing().feeds if feed.name.startswith("backfill"))
    assert (feed.state, feed.sent) == ("done", 2)


def test_a_subscription_is_turned_there_as_it_is_here(here, there, name, subscribed):
    assert state_there(there, name) == ["active"]
    for turn in (here.sdk.subscriptions.pause_subscription, here.sdk.subscriptions.resume_subscription):
        turn(id=subscribed.id)
        here.mirror.send()
        now = here.sdk.subscriptions.get_subscription(id=subscribed.id).subscription_status
        assert state_there(there, name) == [now]
    here.sdk.subscriptions.cancel_subscription(id=subscribed.id, cancellation_type="immediate")
    here.mirror.send()
    assert state_there(there, name) == ["cancelled"]


def test_a_change_of_plan_is_made_there(here, there, name, subscribed):
    other = f"{name}-2"
    plan, theirs = sell(here.sdk, other, "0.20"), sell(there, other, "0.20")
    here.sdk.subscriptions.execute_subscription_change(
        id=subscribed.id, target_plan_id=plan, billing_cadence="RECURRING", billing_cycle="anniversary",
        billing_period="MONTHLY", proration_behavior="none",
    )  # fmt: skip
    here.mirror.send()
    found = there.subscriptions.query_subscription(external_customer_id=name).items
    assert [(one.plan_id, one.lookup_key) for one in found] == [(theirs, subscribed.id)]


def test_a_subscription_waits_for_its_plan_there(here, there, name):
    plan = sell(here.sdk, name, "0.10")
    here.sdk.customers.create_customer(external_id=name, name=name)
    here.sdk.subscriptions.create_subscription(
        external_customer_id=name, plan_id=plan, currency="usd", billing_period="MONTHLY"
    )
    here.mirror.send()
    assert state_there(there, name) == []
    assert [row.our_id for row in here.mirror.refused()] == [plan]
    sell(there, name, "0.10")
    here.mirror.again("plan", plan)
    here.mirror.send()
    assert state_there(there, name) == ["active"]
    assert here.mirror.refused() == []


def test_both_sides_amounts_stand_side_by_side(here, name, subscribed):
    here.use(name, f"{name}-1", event=name, image_count="25")
    here.mirror.send()
    here.mirror.ask_amounts()
    (pair,) = (pair for pair in here.mirror.pairs() if pair.customer == name)
    assert (str(pair.ours), str(pair.theirs), pair.currency, pair.their_currency) == ("2.50", "3.0", "USD", "USD")
    assert str(pair.difference) == "0.50"


def test_what_the_remote_says_by_webhook_is_looked_into_and_never_taken_for_true(here, there, name, subscribed):
    (theirs,) = there.subscriptions.query_subscription(external_customer_id=name).items
    there.subscriptions.pause_subscription(id=theirs.id)
    said = {"event_type": "subscription.cancelled", "subscription": {"id": theirs.id, "status": "cancelled"}}
    body = json.dumps(said)
    for _ in range(2):  # a repetition changes nothing
        answer = post(here, body)
        assert answer.status_code == 200
    assert here.mirror.standing().hooks == {"waiting": 1}
    here.mirror.send()
    assert here.mirror.standing().hooks == {"done": 1}
    assert here.mirror.remote_state("subscription", subscribed.id) == "paused"
    assert here.sdk.subscriptions.get_subscription(id=subscribed.id).subscription_status == "active"


def test_a_forged_webhook_is_refused_and_not_kept(here):
    before = here.mirror.standing().hooks
    assert post(here, "{}", secret="whsec_b3RoZXI=", message_id="msg_2").status_code == 400
    assert here.mirror.standing().hooks == before


def post(here, body, secret=SECRET, message_id="msg_1"):
    now = clock.now()
    signature = Webhook(secret).sign(msg_id=message_id, timestamp=now, data=body)
    headers = {"id": message_id, "timestamp": str(int(now.timestamp())), "signature": signature}
    return here.http.post(
        "/hooks/flexprice", content=body, headers={f"svix-{name}": value for name, value in headers.items()}
    )


@pytest.mark.parametrize("point", ["mirror.after_customer", "mirror.after_subscription", "mirror.after_events"])
def test_a_process_that_dies_before_it_wrote_down_what_it_sent_sends_nothing_twice(
    here, there, name, point, monkeypatch
):
    plan = sell(here.sdk, name, "0.10")
    sell(there, name, "0.10")
    here.sdk.customers.create_customer(external_id=name, name=name)
    here.sdk.subscriptions.create_subscription(
        external_customer_id=name, plan_id=plan, currency="usd", billing_period="MONTHLY"
    )
    here.use(name, f"{name}-1", event=name, image_count="1")

    def die(reached):
        if reached == point:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("app.kernel.faults.point", die)
        with pytest.raises(KeyboardInterrupt):
            here.mirror.send()
    here.mirror.send()
    assert len(there.customers.query_customer(external_ids=[name]).items) == 1
    assert state_there(there, name) == ["active"]
    (usage,) = (one.id for one in there.subscriptions.query_subscription(external_customer_id=name).items)
    assert there.subscriptions.get_subscription_usage(subscription_id=usage).amount == 0.1
    assert here.mirror.standing().backlog == 0
