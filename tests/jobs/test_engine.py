"""The workflow engine carries generations by itself, and the sweeper does without it. On both databases."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from dbos import DBOS

from app.generation.sweep import overdue
from app.jobs.ending import Until
from app.jobs.engine import ALONE_LOOKS, FORMER_LOOKS, QUEUE, SERVING_LOOKS, Engine, _here
from app.jobs.sweeper import Carrier, Sweeper
from app.kernel import outbox
from app.kernel.clock import now
from app.kernel.errors import Broken
from tests.support.house import House, house, settings_for

PATIENCE_SECONDS = 120  # a machine with more to do than this
PROMPT = "A red tram on a viaduct"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper looks ten times a second, and takes nothing for somebody else's that is due."""
    monkeypatch.setattr("app.jobs.sweeper.SWEEP_SECONDS", 0.1)
    monkeypatch.setattr("app.services.overdue", partial(overdue, by=timedelta(0)))


@pytest.fixture
def home(seeded_url: str, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    """A house whose engine runs."""
    with house(settings_for(tmp_path / "home", seeded_url, sandbox_url), carry=True) as built:
        yield built


async def nobody() -> list[str]:
    return []


def looks(folder: Path, *, alone: bool) -> float:
    """How often a process looks into the queue that is kept there."""
    engine = Engine(f"sqlite:///{folder / 'jobs.sqlite'}", "here:0", alone=alone)
    engine.launch(Carrier(lambda _: asyncio.sleep(0), nobody))
    try:
        queue = DBOS.retrieve_queue(QUEUE)
        return queue.polling_interval_sec if queue else 0.0
    finally:
        engine.stop()


def wait_for(house: House, generation_ids: list[str]) -> list[str]:
    """The statuses once all are finished."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        seen = [house.seen(generation_id) for generation_id in generation_ids]
        if all(one.finished for one in seen):
            return [one.status for one in seen]
        time.sleep(0.1)
    raise AssertionError(f"still {[one.row['state'] for one in seen]} after {PATIENCE_SECONDS} s")


def test_the_engine_carries_generations_to_their_end(home: House) -> None:
    prompts = [PROMPT, PROMPT, f"{PROMPT} [[fault:completed-with-error]]"]

    async def scenario() -> list[str]:
        started = [await home.start("flux-schnell", prompt=prompt) for prompt in prompts]
        return [one.generation_id for one in started]

    assert wait_for(home, asyncio.run(scenario())) == ["completed", "completed", "failed"]
    home.assert_books_balance()


def test_a_request_the_engine_never_heard_of_is_swept_up(
    home: House, monkeypatch: pytest.MonkeyPatch, hurried: None
) -> None:
    engine = home.services.engine
    assert engine is not None
    monkeypatch.setattr(type(engine), "follow", lambda _self, _generation_id: None)

    started = asyncio.run(home.start("flux-schnell", prompt=PROMPT))

    assert wait_for(home, [started.generation_id]) == ["completed"]


def test_a_full_process_leaves_the_rest_to_the_queue(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.engine.AT_ONCE", 0)
    monkeypatch.setattr("app.jobs.engine._begin", None)

    started = asyncio.run(home.start("flux-schnell", prompt=PROMPT))

    assert wait_for(home, [started.generation_id]) == ["completed"]


@pytest.mark.parametrize("alone", [False, True])
def test_a_process_that_serves_looks_into_the_queue_less_often_and_leaves_it_to_a_worker(
    tmp_path: Path, alone: bool
) -> None:
    assert [looks(tmp_path, alone=alone), looks(tmp_path, alone=False)] == (
        [ALONE_LOOKS] * 2 if alone else [SERVING_LOOKS] * 2
    )


def test_a_queue_of_before_is_looked_into_less_often_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr("app.jobs.engine.SERVING_LOOKS", FORMER_LOOKS)
        assert looks(tmp_path, alone=False) == FORMER_LOOKS
    assert looks(tmp_path, alone=False) == SERVING_LOOKS


def test_a_step_under_way_comes_to_its_end_before_the_process_stops(tmp_path: Path) -> None:
    engine = Engine(f"sqlite:///{tmp_path / 'jobs.sqlite'}", "here:0")
    began, ended = threading.Event(), threading.Event()

    async def advance(_: str) -> float | None:
        began.set()
        await asyncio.sleep(0.3)
        ended.set()
        return 0.0

    engine.launch(Carrier(advance, nobody))
    engine.follow("gen_1")
    assert began.wait(PATIENCE_SECONDS)
    engine.stop()

    assert ended.is_set()


def test_everybody_is_told_before_anybody_is_waited_for(tmp_path: Path, hurried: None) -> None:
    """What is swept here ends when the workflows were told to; whoever waited for it first would never tell them."""
    engine = Engine(f"sqlite:///{tmp_path / 'jobs.sqlite'}", "here:0")
    began, until = threading.Event(), Until(PATIENCE_SECONDS)

    async def overdue() -> list[str]:
        return ["gen_1"]

    async def advance(_: str) -> None:
        began.set()
        while not _here.is_ending:
            await asyncio.sleep(0.01)

    engine.launch(Carrier(advance, overdue))
    assert began.wait(PATIENCE_SECONDS)
    engine.stop(until)

    assert until.left


def test_who_is_told_to_stop_before_it_was_launched_is_not_launched(tmp_path: Path) -> None:
    engine = Engine(f"sqlite:///{tmp_path / 'jobs.sqlite'}", "here:0")
    engine.stop()
    engine.launch(Carrier(lambda _: asyncio.sleep(0), nobody))

    assert list(tmp_path.iterdir()) == []


def test_work_left_by_a_stopped_process_is_finished_by_the_next(
    seeded_url: str, sandbox_url: str, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path / "home", seeded_url, sandbox_url)
    with house(settings, carry=True) as first:
        left = asyncio.run(first.start("veo3-fast", prompt=PROMPT)).generation_id
    with house(settings, carry=True) as second:
        assert wait_for(second, [left]) == ["completed"]
        second.assert_books_balance()


def test_a_running_house_writes_the_mails_it_promised(home: House) -> None:
    with home.services.db.write() as connection:
        outbox.mail(connection, "mail_test", key="hello", to="ada@example.com", params={"asked_at": now()})

    end = time.monotonic() + PATIENCE_SECONDS
    while not (written := home.services.notify.mails.page()) and time.monotonic() < end:
        time.sleep(0.1)

    assert [(mail.template, mail.state) for mail in written] == [("mail_test", "kept")]
    chores = home.services.chores
    assert chores is not None
    assert [turn.name for turn in chores.turns() if turn.error] == []


def test_who_asked_for_a_launch_behind_its_back_hears_of_its_failure(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").mkdir()  # no database can be opened here
    engine = Engine(f"sqlite:///{tmp_path / 'jobs.sqlite'}", "here:0")
    heard: list[Exception] = []

    engine.launch_behind(Carrier(lambda _: asyncio.sleep(0), nobody), heard.append)
    engine.stop()

    assert [type(error).__name__ for error in heard] == ["OperationalError"]


def test_the_sweeper_survives_a_generation_it_cannot_advance(hurried: None) -> None:
    advanced: list[str] = []

    async def advance(generation_id: str) -> float | None:
        if generation_id == "bad":
            raise Broken("nobody can carry this one")
        advanced.append(generation_id)
        return None

    async def late() -> list[str]:
        return ["bad", "good"]

    sweeper = Sweeper()
    sweeper.start(Carrier(advance, late))
    end = time.monotonic() + PATIENCE_SECONDS
    while len(advanced) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    sweeper.stop()

    assert advanced[:2] == ["good", "good"]
