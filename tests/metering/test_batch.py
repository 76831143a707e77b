"""Events that are read together are those that are read one by one, and what is wrong is said of the same one."""

import random
from datetime import UTC, datetime
from typing import Any

from app.kernel.errors import InvalidInput
from app.metering.batch import read_events
from app.metering.events import Event, read_event

NOON = datetime(2026, 4, 14, 12, tzinfo=UTC)
USUAL: dict[str, tuple[Any, ...]] = {
    "event_name": ("image", "video"),
    "external_customer_id": ("cust_1", "é", "a\\b"),
    "event_id": ("evt_1", "evt_2", None, ""),
    "timestamp": ("2026-04-14T15:00:00Z", "2026-04-14T15:00:00.5+02:00", None, ""),
    "source": ("gateway", "", None, 0),
    "properties": ({}, None, {"model": "veo", "n": 3}, {"n": "3.50", "b": True}, {"a\0b": 5, "deep": {"x": [0.1]}}),
}
ODD: tuple[Any, ...] = (
    "x" * 256, " ", "a\tb", 5, True, [1], {"n": "1e400"}, {"said": "x" * 20_000}, {str(n): n for n in range(101)},
    "yesterday", "2026-04-14T15:00:00", "0001-01-01T00:00:00+05:00",
)  # fmt: skip


def test_events_read_together_are_those_read_one_by_one() -> None:
    chance, refused = random.Random(23), 0
    for number in range(400):
        given: list[Any] = [
            {name: chance.choice(values) for name, values in USUAL.items() if chance.random() < 0.97}
            for _ in range(chance.randrange(5))
        ]
        if given and number % 3 == 0:
            chance.choice(given)[chance.choice(list(USUAL))] = chance.choice(ODD)
        if number % 50 == 0:
            given.append(chance.choice(ODD))
        said = outcome(lambda given=given: read_events(given, NOON, lambda: "evt_new", "events"))
        assert said == outcome(lambda given=given: one_by_one(given))
        refused += isinstance(said, tuple)
    assert 100 < refused < 300


def one_by_one(given: list[Any]) -> list[Event]:
    return [read_event(each, NOON, "evt_new", place=f"events.{at}") for at, each in enumerate(given)]


def outcome(read: Any) -> object:
    try:
        return read()
    except InvalidInput as wrong:
        return wrong.param, str(wrong)
