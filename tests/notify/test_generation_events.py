"""A generation tells its workspace's endpoints, and the address its request named, how it went."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from app.api.assemble import build_api
from app.generation.start import start
from app.jobs.courier import Courier
from app.kernel import events
from app.kernel.errors import InvalidInput
from app.notify.webhook_tables import webhook_delivery
from tests.support.house import House, house, settings_for

URL = "https://hooks.example.com/farebox"


@pytest.fixture(scope="module")
def home(seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("told")
    path = folder / "told.sqlite"
    path.write_bytes(seeded_sqlite.read_bytes())
    with house(settings_for(folder / "home", f"sqlite:///{path}", sandbox_url)) as built:
        build_api(built.services)  # which says how the API describes a generation
        yield built


async def spread(home: House) -> list[tuple[str, str, dict[str, object]]]:
    """Type, address and body of everything that this workspace was to be told."""
    await Courier(home.services.db, {events.TOPIC: home.services.webhooks.spread}).run()
    mine = select(webhook_delivery).where(webhook_delivery.c.workspace_id == home.workspace_id)
    with home.services.db.read() as connection:
        rows = connection.execute(mine.order_by(webhook_delivery.c.id)).all()
    return [(row.type, row.url, json.loads(row.body)) for row in rows]


def test_an_endpoint_is_told_of_the_start_and_the_end(home: House) -> None:
    customer = home.newcomer(1_000)
    home.services.webhooks.endpoints.create(customer.workspace_id, URL)
    seen = asyncio.run(customer.run("flux-schnell", prompt="A red tram"))
    (started, _, first), (ended, _, last) = asyncio.run(spread(customer))
    assert (started, ended) == ("generation.started", "generation.completed")
    assert first["data"]["id"] == last["data"]["id"] == seen.id
    assert last["data"]["status"] == "completed"
    assert "/link/" in last["data"]["output"][0]["url"]


def test_where_nobody_listens_nothing_is_told(home: House) -> None:
    customer = home.newcomer(1_000)
    asyncio.run(customer.run("flux-schnell", prompt="A red tram"))
    assert asyncio.run(spread(customer)) == []


def test_the_address_a_request_named_is_told_in_the_words_of_the_videos_api(home: House) -> None:
    customer = home.newcomer(10_000)

    async def run() -> str:
        ask = replace(customer.ask("wan-2.2-turbo", prompt="A red tram"), origin="videos", webhook_url=URL)
        started = await start(customer.services.desk, ask)
        await customer.carry(started.generation_id)
        return started.generation_id

    made = asyncio.run(run())
    ((type_, url, body),) = asyncio.run(spread(customer))
    assert (type_, url) == ("video.completed", URL)
    assert (body["data"]["object"], body["data"]["id"]) == ("video.generation", made)
    assert "/link/" in body["data"]["output"]["url"]


def test_an_address_inside_is_refused_before_anything_is_held(home: House) -> None:
    customer = home.newcomer(1_000)
    ask = replace(customer.ask("flux-schnell", prompt="A red tram"), webhook_url="https://169.254.169.254/")
    with pytest.raises(InvalidInput) as refusal:
        asyncio.run(start(customer.services.desk, ask))
    assert refusal.value.param == "webhook_url"
    assert customer.available.amount == 1_000
