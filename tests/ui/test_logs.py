"""The request log: what is listed, what the filters leave, and nobody else's requests."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.generation.start import start
from app.ui.guard import acting_as
from app.ui.pages.logs import state as log
from app.ui.pages.logs.rows import excerpt
from app.ui.pages.logs.state import LogsState
from tests.support.house import House
from tests.ui.screens import Screen, owner_of, stranger

pytestmark = pytest.mark.anyio

TRAM, BOAT = "A red tram on a viaduct", "A paper boat in the rain"


@pytest.fixture(scope="module")
def regular(shared_house: House) -> House:
    """A customer of whom there is something to read."""
    return shared_house.newcomer(1_000)


@pytest.fixture(scope="module")
def some(regular: House) -> list[str]:
    """Three requests, oldest first: one made, one failed, one of another model."""

    async def ask() -> list[str]:
        made = await regular.run("flux-schnell", prompt=TRAM, num_images=2)
        failed = await regular.run("flux-schnell", prompt=f"{BOAT} [[fault:401]]")
        other = await regular.run("flux-1.1-pro", prompt=BOAT)
        return [made.id, failed.id, other.id]

    return asyncio.run(ask())


@pytest.fixture
def reader(regular: House, pages_ask: None) -> Screen:
    return Screen(regular, owner_of(regular))


def ids(state: LogsState) -> list[str]:
    return [row["id"] for row in state.rows]


async def test_every_request_is_a_line_with_what_it_cost(reader: Screen, some: list[str]) -> None:
    state = await reader.open(LogsState, "/logs")

    assert ids(state) == some[::-1]
    newest, failed, made = state.rows
    assert (made["status"], made["state"], made["credits"], made["model"]) == (
        "Completed",
        "done",
        "20",
        "flux-schnell",
    )
    assert (failed["status"], failed["state"], failed["credits"]) == ("Failed", "failed", "0")
    assert made["prompt"] == TRAM
    assert made["href"] == f"/logs/{some[0]}"
    assert made["thumb"].startswith("/files/file_")
    assert newest["key"] == "Playground"
    assert state.shown == "1–3"
    assert not state.filtered


@pytest.mark.parametrize(
    ("handler", "chosen", "left"),
    [
        ("choose_status", "completed", [2, 0]),
        ("choose_status", "failed", [1]),
        ("choose_status", "canceled", []),
        ("choose_model", "flux-1.1-pro", [2]),
        ("choose_key", "playground", []),  # these came through the API's door without a key
        ("choose_period", "hour", [2, 1, 0]),
        ("look_for", "paper BOAT", [2, 1]),
        ("look_for", "100%", []),
    ],
)
async def test_a_filter_leaves_what_fits(
    reader: Screen, some: list[str], handler: str, chosen: str, left: list[int]
) -> None:
    state = await reader.open(LogsState, "/logs")
    await reader.act(getattr(state, handler)(chosen))
    assert ids(state) == [some[index] for index in left]
    assert state.filtered
    await reader.act(state.clear())
    assert ids(state) == some[::-1]


@pytest.mark.parametrize(
    ("handler", "bad"),
    [
        ("choose_status", "settled' OR 1=1"),
        ("choose_model", "no-such"),
        ("choose_key", "key_x"),
        ("choose_period", "year"),
    ],
)
async def test_a_choice_that_is_not_offered_changes_nothing(
    reader: Screen, some: list[str], handler: str, bad: str
) -> None:
    state = await reader.open(LogsState, "/logs")
    await reader.act(getattr(state, handler)(bad))
    assert ids(state) == some[::-1]
    assert not state.filtered


async def test_any_id_of_a_request_finds_it_alone(reader: Screen, regular: House, some: list[str]) -> None:
    state = await reader.open(LogsState, "/logs")
    seen = regular.seen(some[0])
    assert seen.attempt is not None
    for wanted in (seen.id, seen.row["request_id"], seen.attempt["upstream_id"], seen.files[0]["id"]):
        await reader.act(state.look_for(f" {wanted} "))
        assert ids(state) == [some[0]], wanted


async def test_old_requests_stand_on_later_pages(
    reader: Screen, some: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PAGE", 2)
    state = await reader.open(LogsState, "/logs")
    assert (ids(state), state.has_next, state.has_previous) == ([some[2], some[1]], True, False)
    await reader.act(state.next_page())
    assert (ids(state), state.has_next, state.has_previous, state.shown) == ([some[0]], False, True, "3–3")
    await reader.act(state.next_page())
    assert ids(state) == [some[0]]
    await reader.act(state.refresh())
    assert ids(state) == [some[0]]
    await reader.act(state.previous_page())
    assert ids(state) == [some[2], some[1]]


async def test_news_puts_a_new_request_on_top(screen: Screen, home: House) -> None:
    state = await screen.open(LogsState, "/logs")
    assert state.rows == []
    started = await home.start("flux-schnell", prompt=TRAM)
    await screen.act(state.refresh())
    (row,) = state.rows
    assert (row["id"], row["status"], row["credits"], row["took"]) == (
        started.generation_id,
        "Queued",
        "10 held",
        "–",
    )


async def test_another_workspace_sees_and_finds_nothing(pages_ask: None, regular: House, some: list[str]) -> None:
    theirs = Screen(regular, stranger(regular.newcomer().workspace_id))
    state = await theirs.open(LogsState, "/logs")
    assert state.rows == []
    assert [option["value"] for option in state.models] == ["all"]
    await theirs.act(state.look_for(some[0]))
    assert state.rows == []


async def test_a_key_is_named_and_can_be_chosen(screen: Screen, home: House) -> None:
    made = home.services.accounts.keys.create(home.workspace_id, "web-prod", actor=screen.person.user_id)
    ask = home.ask("flux-schnell", prompt=TRAM)
    started = await start(home.services.desk, replace(ask, api_key_id=made.info.id))
    await home.start("flux-schnell", prompt=BOAT)
    state = await screen.open(LogsState, "/logs")
    await screen.act(state.choose_key(made.info.id))
    assert [(row["id"], row["key"]) for row in state.rows] == [(started.generation_id, "web-prod")]


async def test_the_period_counts_from_now(reader: Screen, regular: House, some: list[str]) -> None:
    with acting_as(reader.person):
        wanted = log.Wanted(period="hour")
        found = log.find(regular.services, regular.workspace_id, wanted, None)
    assert len(found.lines) == len(some)
    assert log.PERIODS["hour"] == timedelta(hours=1)


@pytest.mark.parametrize(
    ("params", "line"),
    [
        ({"prompt": "two\n  lines"}, "two lines"),
        ({"text": "spoken"}, "spoken"),
        ({"prompt": 7}, ""),
        ({}, ""),
        ({"prompt": "x" * 300}, "x" * 159 + "…"),
    ],
)
def test_an_excerpt_is_one_short_line(params: dict[str, object], line: str) -> None:
    assert excerpt(params) == line
