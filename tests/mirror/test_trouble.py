"""A remote that is down, or refuses: nothing is lost, nothing waits for it, and the operator sees what was refused."""

import json
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from app.billing.tables import subscription
from app.kernel.db import Database
from app.kernel.errors import Broken
from app.kernel.given import Given
from app.metering.events import read_event
from app.metering.ingest import Ingest
from app.metering.tables import event
from app.mirror import book, hooks
from app.mirror.feeds import MOST_REFUSED
from app.mirror.hooks import Told
from app.mirror.remote import Refused, RemoteUsage, Unreachable
from app.mirror.service import BACKOFF, Account, Mirror
from app.mirror.tables import mirror_amount, mirror_hook
from app.plans import customers
from tests.mirror.conftest import NOBODY, Time

PATIENCE_SECONDS = 60.0  # a busy machine is slow, not wrong


class Fake:
    """A remote in memory. `down` keeps it from anything, and it refuses whoever and whatever is in `bad`; what is
    in `odd` is answered in a way that nobody foresaw."""

    def __init__(self):
        self.down, self.bad, self.odd, self.calls, self.answers = False, set(), set(), 0, 0
        self.customers, self.events, self.status = {}, [], 400

    def put_customer(self, said, known):
        self._reach()
        self._look(said["external_id"])
        self.customers[said["external_id"]] = said["name"]
        return f"their-{said['external_id']}"

    def tell(self, events):
        self._reach()
        for one in events:
            self._look(one["event_id"])
        self.events += [one["event_id"] for one in events]

    def _reach(self):
        self.calls += 1
        if self.down:
            raise Unreachable("503: too much to do")
        self.answers += 1

    def usage(self, remote_id, start, end):
        self._look(remote_id)
        return RemoteUsage("1.00", "USD")

    def invoices_of(self, remote_id):
        return []

    def invoice(self, remote_id):
        self._look(remote_id)
        return None

    def _look(self, given):
        if given in self.odd:
            raise ValueError(f"naive datetime of {given}")
        if given in self.bad or "everything" in self.bad:
            raise Refused(f"{self.status}: {given} is wrong", status=self.status)


class House:
    def __init__(self, db):
        self.db, self.now, self.remote = db, Time(), Fake()
        self.ingest = Ingest(db, self.now)
        self.mirror = Mirror(db, self.now, Account(NOBODY, "sk_1"))
        for part in (self.mirror._things, self.mirror._feeds, self.mirror._amounts):
            object.__setattr__(part, "remote", self.remote)
        self.mirror._remote = self.remote
        self.settle()

    def turns(self):
        for _ in range(3):
            self.mirror.send()

    def settle(self):
        """Turns until everything that can be told was: on PostgreSQL what came last is certain when everything else
        that was under way has ended, be it the database's own housekeeping."""
        self.turns()
        with self.db.read() as connection:
            last = connection.execute(select(func.max(event.c.id))).scalar() or 0
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.mirror._feeds._certain() < last:
            assert time.monotonic() < deadline, "the log never became certain"
            time.sleep(0.02)
        self.turns()

    def customer(self, name):
        with self.db.write() as connection:
            customers.create(connection, Given({"external_id": name, "name": name}), actor="test", now=self.now())

    def use(self, customer, *ids):
        given = {"event_name": "x", "external_customer_id": customer, "properties": {"n": 1}}
        self.ingest.accept([read_event({**given, "event_id": each}, self.now(), "") for each in ids])

    def failed(self):
        return {kind: number for (kind, state), number in self.mirror.standing().counts.items() if state == "failed"}


@pytest.fixture
def house(database):
    return House(database)


def test_while_the_remote_is_down_everything_waits_and_then_goes(house):
    assert house.mirror.standing().reached_at is None  # turns with nothing to ask say nothing of it
    house.remote.down = True
    house.customer("anna")
    house.use("anna", "e1", "e2")
    calls = []
    for pause in BACKOFF:
        house.settle()
        calls.append(house.remote.calls)
        assert house.mirror.standing().retry_at == house.now() + pause
        house.now.pass_by(seconds=pause.total_seconds())
    assert calls == [1, 2, 3, 4, 5]  # one attempt each time, however many turns
    standing = house.mirror.standing()
    assert (standing.backlog, standing.failed, standing.error) == (2, 0, "503: too much to do")
    house.remote.down = False
    house.settle()
    assert (house.remote.customers, house.remote.events) == ({"anna": "anna"}, ["e1", "e2"])
    assert house.mirror.standing().reached_at == house.now()
    assert (house.mirror.standing().failures, house.mirror.standing().error) == (0, None)


@pytest.mark.one_engine
def test_an_event_that_is_refused_is_set_aside_and_the_others_go_on(house):
    house.customer("anna")
    house.remote.bad = {"e3"}
    house.use("anna", *(f"e{number}" for number in range(8)))
    house.settle()
    assert sorted(house.remote.events) == ["e0", "e1", "e2", "e4", "e5", "e6", "e7"]
    assert house.failed() == {"event": 1}
    house.remote.bad = set()
    assert house.mirror.again() == 1
    house.settle()
    assert "e3" in house.remote.events
    assert house.failed() == {}


@pytest.mark.one_engine
def test_usage_of_a_customer_who_is_refused_is_held_until_they_are_taken(house):
    house.remote.bad = {"anna"}
    house.customer("anna")
    house.customer("bert")
    house.use("anna", "a1", "a2")
    house.use("bert", "b1")
    house.settle()
    house.use("anna", "a3")
    house.settle()
    assert house.remote.events == ["b1"]
    assert house.mirror.standing().backlog == 4  # anna and her three events
    house.remote.bad = set()
    house.now.pass_by(minutes=1)
    house.settle()
    assert house.remote.events == ["b1", "a1", "a2", "a3"]
    assert house.mirror.standing().backlog == 0


@pytest.mark.one_engine
def test_a_refusal_is_tried_again_a_few_times_and_then_waits_for_the_operator(house):
    house.remote.bad = {"anna"}
    house.customer("anna")
    for _ in range(8):
        house.settle()
        house.now.pass_by(days=1)
    assert house.remote.calls == 5
    assert house.failed() == {"customer": 1}
    house.remote.bad = set()
    house.mirror.again()
    house.settle()
    assert house.remote.customers == {"anna": "anna"}


@pytest.mark.one_engine
def test_an_answer_that_nobody_foresaw_stops_no_other(house):
    house.remote.odd = {"anna"}
    house.customer("anna")
    house.customer("bert")
    house.settle()
    assert house.remote.customers == {"bert": "bert"}
    [refused] = house.mirror.refused()
    assert "naive datetime" in refused.error
    with house.db.write() as connection:
        for name in ("inv_odd", "inv_2"):
            body = json.dumps({"invoice_id": name})
            hooks.accept(connection, Told(name, "invoice.updated", body), house.now())
    house.remote.odd = {"inv_odd"}
    house.now.pass_by(minutes=1)
    house.turns()
    with house.db.read() as connection:
        states = connection.execute(select(mirror_hook.c.state).order_by(mirror_hook.c.message_id)).scalars().all()
    assert states == ["done", "waiting"]


@pytest.mark.one_engine
@pytest.mark.parametrize(("trouble", "kept"), [("odd", "7"), ("bad", "7"), ("gone", "")])
def test_a_look_at_amounts_that_fails_says_nothing_of_them(house, trouble, kept):
    with house.db.write() as connection:
        for name in ("subs_1", "subs_2"):
            connection.execute(insert(subscription).values(**subscribed(connection, house, name)))
            book.sent(connection, book.SUBSCRIPTION, name, f"their-{name}", house.now())
    assert house.mirror.ask_amounts() == 2
    with house.db.write() as connection:
        connection.execute(update(mirror_amount).values(theirs="7"))
    house.now.pass_by(minutes=1)
    setattr(house.remote, "bad" if trouble == "gone" else trouble, {"their-subs_1"})
    house.remote.status = 404 if trouble == "gone" else 400
    house.mirror.ask_amounts()
    with house.db.read() as connection:
        found = connection.execute(select(mirror_amount).order_by(mirror_amount.c.subscription_id)).all()
    assert [(row.theirs, row.checked_at) for row in found] == [(kept, house.now()), ("1.00", house.now())]


def subscribed(connection, house, name):
    who = customers.create(connection, Given({"external_id": name, "name": name}), actor="test", now=house.now())
    return {
        "id": name, "customer_id": who.id, "workspace_id": who.workspace_id, "plan_id": "plan_1", "state": "active",
        "currency": "USD", "billing_period": "MONTHLY", "billing_period_count": 1, "billing_cycle": "anniversary",
        "anchor": house.now(), "start_at": house.now(), "period_start": house.now(),
        "period_end": house.now() + timedelta(days=30), "carried": 0, "agreed": {}, "meta": {}, "version": 1,
        "created_at": house.now(), "created_by": "test", "updated_at": house.now(),
    }  # fmt: skip


@pytest.mark.one_engine
def test_a_remote_that_refuses_all_usage_is_taken_for_one_that_is_down(house):
    house.customer("anna")
    house.settle()
    house.remote.bad = {"everything"}
    house.use("anna", *(f"e{number}" for number in range(5 * MOST_REFUSED)))
    house.settle()
    assert house.failed() == {}
    assert "refuses all usage" in house.mirror.standing().error


@pytest.mark.one_engine
def test_another_address_is_another_remote(house):
    moved = Mirror(house.db, house.now, Account("http://127.0.0.1:10/v1", "sk_1"))
    with pytest.raises(Broken, match="none of its ids are known"):
        moved.send()


def test_usage_that_is_written_late_under_an_early_number_is_not_passed_over(postgres_url):
    """On PostgreSQL numbers are given before transactions end."""
    house = House(Database(postgres_url))
    house.customer("anna")
    house.customer("bert")
    house.settle()

    def meanwhile(_connection):
        other = read_event({"event_id": "later", "event_name": "y", "external_customer_id": "bert"}, house.now(), "")
        Ingest(house.db, house.now).accept([other])
        house.turns()
        assert house.remote.events == []  # it has the higher number, and may not be told before the other one

    first = read_event({"event_id": "first", "event_name": "x", "external_customer_id": "anna"}, house.now(), "")
    house.ingest.accept([first], also=meanwhile)
    house.settle()
    assert house.remote.events == ["first", "later"]
    house.db.dispose()
