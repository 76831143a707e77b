"""Events come in once by their id, whatever else happens, and their sums are always theirs."""

import random
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial

import pytest
from sqlalchemy import func, select

from app.kernel.db import Database
from app.kernel.errors import InvalidInput
from app.metering import tables
from app.metering.aggregate import Aggregation, Span
from app.metering.apart import Apart
from app.metering.events import read_event
from app.metering.ingest import Ingest
from app.metering.meters import Meter
from app.metering.usage import alike, readings
from tests.support.threads import at_once

NOON = datetime(2026, 4, 14, 12, tzinfo=UTC)
APART = Apart(frozenset({"image_count", "seconds"}))
APRIL = Span(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))


def made(event_id="evt_1", *, customer="cust_001", at=NOON, **properties):
    given = {
        "event_name": "image_generated",
        "external_customer_id": customer,
        "event_id": event_id,
        "timestamp": at.isoformat(),
        "properties": {"model": "dall-e-3", "image_count": 1, **properties},
    }
    return read_event(given, NOON, "event_new", APART)


@pytest.fixture
def ingest(database: Database) -> Ingest:
    return Ingest(database, lambda: NOON)


def used(db: Database, span=APRIL, customer="cust_001"):
    with db.read() as connection:
        return alike(connection, customer, span, APART.figures)


def test_an_event_counts_once_whatever_its_time(ingest, database):
    assert ingest.accept([made(), made()]).new == 1
    again = ingest.accept([made(at=NOON + timedelta(hours=5)), made("evt_2")])
    assert (again.new, again.repeated, again.conflicts) == (1, 1, ())
    (kind,) = used(database)
    assert (kind.events, kind.sums) == (2, {"image_count": 2})


def test_another_content_under_a_known_id_is_kept_beside_and_told(ingest, database):
    ingest.accept([made()])
    again = ingest.accept([made(image_count=5), made("evt_2"), made("evt_2", model="veo")])
    assert (again.new, again.conflicts) == (1, ("evt_1", "evt_2"))
    (kind,) = used(database)
    assert kind.sums == {"image_count": 2}
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.conflict)).scalar_one() == 2


def test_many_at_once_with_the_same_ids(ingest, database):
    batches = [[made(f"evt_{number}", customer=f"cust_{number % 3}") for number in range(60)] for _ in range(6)]
    found = []

    def send(batch):
        random.shuffle(batch)
        found.append(ingest.accept(batch).new)

    at_once(*(partial(send, batch) for batch in batches))
    assert sum(found) == 60
    assert [used(database, customer=f"cust_{each}")[0].sums["image_count"] for each in range(3)] == [20, 20, 20]


def test_sums_of_whole_days_and_of_parts_agree_with_the_events(ingest, database):
    chance = random.Random(7)
    moments = [APRIL.start + timedelta(minutes=chance.randrange(30 * 24 * 60)) for _ in range(200)]
    lengths = [chance.choice(["3.008", "0.1", 5, 0.3]) for _ in moments]
    ingest.accept([made(f"evt_{n}", at=at, seconds=s) for n, (at, s) in enumerate(zip(moments, lengths, strict=True))])
    for span in (APRIL, Span(NOON - timedelta(days=3), NOON), Span(NOON, NOON + timedelta(hours=3)), Span(NOON, NOON)):
        inside = [Fraction(str(s)) for at, s in zip(moments, lengths, strict=True) if span.start <= at < span.end]
        assert sum((kind.sums["seconds"] for kind in used(database, span)), Fraction(0)) == sum(inside)
        assert sum(kind.events for kind in used(database, span)) == len(inside)


def test_sums_by_day_and_by_month_are_those_of_the_customers(ingest, database):
    chance = random.Random(3)
    for batch in range(3):
        ingest.accept([
            made(
                f"evt_{batch}_{n}", customer=f"cust_{chance.randrange(3)}", model=chance.choice(["veo", "flux"]),
                at=APRIL.start + timedelta(days=chance.randrange(-40, 40)), seconds=chance.choice(["-0.3", "2.75", 4]),
            )
            for n in range(40)
        ])  # fmt: skip
    ingest.catch_up()
    found = []
    with database.read() as connection:
        for table in (tables.rollup, tables.daily, tables.monthly):
            c, sums = table.c, {}
            for row in connection.execute(select(table)).mappings():
                month = row["month"] if "month" in c else row["day"].replace(day=1)
                amount = row["whole"] * 10**9 + row["billionths"]
                one = sums.setdefault((month, row["shape_id"], row["figure"]), [0, 0])
                sums[month, row["shape_id"], row["figure"]] = [one[0] + row["events"], one[1] + amount]
            found.append(sums)
        by_customer = connection.execute(select(func.count()).select_from(tables.monthly)).scalar_one()
    assert found[0] == found[1] == found[2]
    assert sum(events for (_, _, figure), (events, _) in found[0].items() if not figure) == 120
    assert by_customer > len(found[0])


def test_a_meter_reads_its_events_by_itself(ingest, database):
    ingest.accept([made("evt_1", seconds=4), made("evt_2", seconds="7.5", model="veo"), made("evt_3", model="veo")])
    meter = Meter("meter_1", "Seconds", "image_generated", Aggregation.MAX, ("seconds",), filters={"model": ("veo",)})
    with database.read() as connection:
        assert [reading.figure for _, reading in readings(connection, "cust_001", APRIL, meter)] == [Fraction("7.5")]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"event_name": ""}, "event_name"),
        ({"external_customer_id": None}, "external_customer_id"),
        ({"event_id": 5}, "event_id"),
        ({"event_id": "x" * 256}, "event_id"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "2026-04-14T15:00:00"}, "timestamp"),
        ({"properties": [1]}, "properties"),
        ({"properties": {"a": "\ud800"}}, "properties"),
        ({"properties": {"a": "x" * 20_000}}, "properties"),
        ({"properties": {"image_count": "1e400"}}, "properties.image_count"),
    ],
)
def test_what_is_no_event_is_refused_by_name(wrong, param):
    given = {"event_name": "image_generated", "external_customer_id": "cust_001", **wrong}
    with pytest.raises(InvalidInput) as refused:
        read_event(given, NOON, "event_new", APART)
    assert refused.value.param == param


def test_a_figure_that_is_none_tells_events_apart(ingest, database):
    ingest.accept([made("evt_1", image_count="many"), made("evt_2", hd=False), made("evt_3", hd="false")])
    kinds = {kind.properties.get("image_count", kind.properties.get("hd")): kind for kind in used(database)}
    assert kinds["many"].sums == {}
    assert kinds["false"].events == 2


AWKWARD = ("NULL", "\\N", "\\.", '"', "{a,b}", "a,b", "\\t\\", "%s", "é ’ 🚋", "null}")


def test_every_text_is_stored_as_it_was_sent(ingest, database):
    """Whatever is put together by hand on its way into the database comes back as it was."""
    events = [made("plain", said="", **{"a\0b": 5, "two\tlines\n\\": 4})]
    for text in AWKWARD:
        one = made(text, customer=text, said=f"{text}\t\r\n", **{f"of {text}": 3})
        events.append(one._replace(source=text, generation_id=f"gen {text}"))
    assert ingest.accept(events).new == len(events)
    assert ingest.accept([*events, made("NULL", customer="other")]).conflicts == ("NULL",)
    with database.read() as connection:
        rows = connection.execute(select(tables.event)).all()
        figures = [alike(connection, text, APRIL, {f"of {text}"})[0].sums for text in AWKWARD]
        (plain,) = alike(connection, "cust_001", APRIL, {"two\tlines\n\\"})
    found = {row.event_id: (row.customer, row.properties, row.source, row.generation_id, row.at) for row in rows}
    assert found == {
        one.event_id: (one.customer, one.properties, one.source, one.generation_id, NOON) for one in events
    }
    assert plain.sums["two\tlines\n\\"] == 4
    assert [sums[f"of {text}"] for sums, text in zip(figures, AWKWARD, strict=True)] == [3] * len(AWKWARD)
