"""What goes wrong on our side once the provider took the job: the official SDKs, retrying as they do, buy it once.

The API runs in this process, so that what fails can be chosen; the SDKs talk to it through their own HTTP clients."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.api.assemble import build_api
from app.generation import rows
from app.generation.advance import advance
from app.generation.inline.run import finish
from app.generation.start import start
from app.generation.views import Seen
from app.kernel.clock import now
from app.kernel.money import Money
from tests.support.house import House, house, settings_for
from tests.support.late import Late

anthropic, openai = Late("anthropic"), Late("openai")

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
CHAT: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 20,
}
PROMPT = "A tin lighthouse"


@dataclass
class Door:
    """A customer, and both SDKs as they come: with their retries."""

    home: House
    api: FastAPI
    key: str
    asked: int = 0

    async def _count(self, _request: httpx2.Request) -> None:
        self.asked += 1

    def _http(self, kind: Callable[..., Any]) -> Any:
        transport = httpx2.ASGITransport(self.api, raise_app_exceptions=False)
        return kind(transport=transport, event_hooks={"request": [self._count]})

    def openai(self) -> openai.AsyncOpenAI:
        http = self._http(openai.DefaultAsyncHttpxClient)
        return openai.AsyncOpenAI(base_url="http://farebox.test/v1", api_key=self.key, http_client=http, max_retries=2)

    def anthropic(self) -> anthropic.AsyncAnthropic:
        http = self._http(anthropic.DefaultAsyncHttpxClient)
        return anthropic.AsyncAnthropic(
            base_url="http://farebox.test", api_key=self.key, http_client=http, max_retries=2
        )

    @property
    def bought(self) -> int:
        """Jobs the provider took on for this customer."""
        with self.home.services.db.read() as connection:
            mine = (
                select(rows.ATTEMPT.c.id)
                .join(rows.GENERATION, rows.GENERATION.c.id == rows.ATTEMPT.c.generation_id)
                .where(rows.GENERATION.c.workspace_id == self.home.workspace_id)
            )
            attempts = set(connection.execute(mine).scalars())
        return len([job for job in self.home.book()["jobs"] if job["attempt"] in attempts])

    @property
    def generation(self) -> Seen:
        with self.home.services.db.read() as connection:
            mine = select(rows.GENERATION.c.id).where(rows.GENERATION.c.workspace_id == self.home.workspace_id)
            return self.home.seen(connection.execute(mine).scalar_one())


@pytest.fixture(scope="module")
def engine(seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose engine carries jobs."""
    folder = tmp_path_factory.mktemp("purchase")
    path = folder / "purchase.sqlite"
    shutil.copyfile(seeded_sqlite, path)
    with house(settings_for(folder / "home", f"sqlite:///{path}", sandbox_url), carry=True) as built:
        yield built


@pytest.fixture
def door(engine: House) -> Iterator[Door]:
    home = engine.newcomer(1_000)
    yield Door(home, build_api(home.services), home.key())
    home.assert_books_balance()


async def _job(door: Door) -> None:
    await door.openai().images.generate(model="flux-schnell", prompt=PROMPT)


async def _picture(door: Door) -> None:
    await door.openai().images.generate(model="gpt-image-1.5", prompt=PROMPT, quality="low")


async def _speech(door: Door) -> None:
    await door.openai().audio.speech.create(model="tts-1", voice="nova", input="Hello")


async def _chat(door: Door) -> None:
    await door.openai().chat.completions.create(**CHAT)


async def _embeddings(door: Door) -> None:
    await door.openai().embeddings.create(model="text-embedding-3-small", input="Hello")


async def _messages(door: Door) -> None:
    await door.anthropic().messages.create(**CHAT)


async def _chat_stream(door: Door) -> None:
    async for _ in await door.openai().chat.completions.create(**CHAT, stream=True):
        pass


async def _messages_stream(door: Door) -> None:
    async with door.anthropic().messages.stream(**CHAT) as stream:
        await stream.get_final_message()


WHOLE: dict[str, Callable[[Door], Awaitable[None]]] = {
    "chat": _chat,
    "messages": _messages,
    "embeddings": _embeddings,
    "a picture at once": _picture,
    "a picture as a job": _job,
    "speech": _speech,
}
STREAMS: dict[str, Callable[[Door], Awaitable[None]]] = {"chat": _chat_stream, "messages": _messages_stream}


def broken(*_args: Any, **_kwargs: Any) -> Any:
    raise RuntimeError("a mistake of ours")


def refused(door: Door, ask: Callable[[Door], Awaitable[None]]) -> openai.APIStatusError | anthropic.APIStatusError:
    with pytest.raises((openai.InternalServerError, anthropic.InternalServerError)) as raised:
        asyncio.run(ask(door))
    assert (door.asked, door.bought) == (1, 1)
    assert raised.value.response.headers["x-should-retry"] == "false"
    return raised.value


@pytest.mark.parametrize("ask", WHOLE.values(), ids=WHOLE)
def test_an_answer_that_cannot_be_shown_is_charged_once_and_found(
    door: Door, ask: Callable[[Door], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.gateway.calls.metadata", broken)
    monkeypatch.setattr("app.api.gateway.making.present.metadata", broken)

    answer = refused(door, ask)

    seen = door.generation
    assert (answer.status_code, seen.status) == (504, "completed")
    assert seen.id in answer.message
    assert "mistake" not in answer.message
    assert Money(seen.row["charged_micros"]) == Money(1_000_000_000) - door.home.available > Money.zero()


@pytest.mark.parametrize("count", [1, 2], ids=["one", "several"])
def test_a_video_that_was_begun_and_cannot_be_shown_is_not_begun_again(
    door: Door, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    async def start_one(*args: Any) -> Any:
        if begun:
            broken()
        started = await start(*args)
        begun.append(started.generation_id)
        return started

    async def create(door: Door) -> None:
        sdk, asked = door.openai(), {"model": "wan-2.2-turbo", "prompt": PROMPT}
        made = await sdk.videos.create(**asked, extra_body={"n": count} if count > 1 else {})  # type: ignore[arg-type]
        assert made.to_dict()["refused"]["code"] == "internal_error"

    monkeypatch.setattr("app.api.gateway.common.start", start_one)
    if count == 1:
        monkeypatch.setattr("app.api.gateway.videos.video", broken)
        with pytest.raises(openai.InternalServerError) as raised:
            asyncio.run(create(door))
        assert raised.value.response.headers["x-should-retry"] == "false"
        assert begun[0] in raised.value.message
    else:
        asyncio.run(create(door))
    assert (door.asked, len(begun)) == (1, 1)
    assert door.generation.id == begun[0]


@pytest.mark.parametrize("ask", [_chat, _messages, _picture], ids=["chat", "messages", "a picture"])
@pytest.mark.parametrize(
    "where",
    [
        pytest.param("app.ledger.wallet.Ledger.settle", id="the books cannot be written"),
        pytest.param("app.generation.health.Health.good", id="after the answer"),
    ],
)
def test_what_cannot_be_settled_is_not_asked_for_again_and_its_hold_ends_at_the_deadline(
    door: Door, ask: Callable[[Door], Awaitable[None]], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(where, broken)
        answer = refused(door, ask)

    seen = door.generation
    held = door.home.services.ledger.balance(door.home.workspace_id).held
    assert "mistake" not in answer.message
    assert not seen.finished
    assert held == Money(seen.row["hold_micros"])
    for hours in (3, 6):  # lost, then given up
        later = replace(door.home.services.desk, clock=lambda ahead=hours: now() + timedelta(hours=ahead))
        asyncio.run(advance(later, seen.id))
    assert (door.generation.row["error_code"], door.generation.row["charged_micros"]) == ("outcome_unknown", 0)
    assert door.home.available == Money(1_000_000_000)


@pytest.mark.parametrize("ask", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize(
    ("where", "status"),
    [
        pytest.param("app.api.gateway.calls.metadata", "completed", id="its bill cannot be shown"),
        pytest.param("app.ledger.wallet.Ledger.settle", "running", id="it cannot be settled"),
        pytest.param("app.api.gateway.calls.route_headers", "completed", id="it cannot be begun"),
    ],
)
def test_a_stream_that_cannot_be_ended_is_bought_once(
    door: Door, ask: Callable[[Door], Awaitable[None]], where: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def watched() -> None:
        try:
            await ask(door)
        finally:
            await finish(door.home.services.desk, 20)

    with monkeypatch.context() as patched:
        patched.setattr(where, broken)
        with pytest.raises((openai.APIError, anthropic.APIError)) as raised:
            asyncio.run(watched())

    assert (door.asked, door.bought) == (1, 1)
    assert "mistake" not in str(raised.value)
    assert door.generation.status == status
    if status == "completed":
        assert Money(1_000_000_000) - door.home.available == Money(door.generation.row["charged_micros"]) > Money.zero()


@pytest.mark.parametrize(
    ("prompt", "ask"),
    [
        pytest.param("[[fault:fail]] A lamp", "flux-schnell", id="a job that failed"),
        pytest.param("[[fault:fewer=1]] A lamp", "gpt-image-1.5", id="an answer without a picture"),
    ],
)
def test_what_was_made_and_failed_is_not_made_again_unasked(door: Door, prompt: str, ask: str) -> None:
    async def picture(door: Door) -> None:
        await door.openai().images.generate(model=ask, prompt=prompt)

    answer = refused(door, picture)

    assert answer.status_code == 502
    assert door.home.available == Money(1_000_000_000)
