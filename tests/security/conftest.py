"""One API with two customers in it: Ada, whose key attacks, and Bob, who has something to lose."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.api.assemble import build_api
from app.kernel import events
from tests.files import samples
from tests.support.house import House, house, settings_for

SECRET = "Bob keeps this to himself"


@dataclass
class Victim:
    """What Bob has, by kind of id; none of it may be told to anybody else."""

    ids: dict[str, str]
    secrets: tuple[str, ...]


@dataclass
class World:
    home: House
    api: FastAPI
    key: str
    victim: Victim
    portal: BlockingPortal

    def client(self, key: str | None = None, **headers: str) -> TestClient:
        """All of them on one event loop, as in a server: a new one for each request takes longer than most answers."""
        told = headers if key is None else {"Authorization": f"Bearer {key}", **headers}
        client = TestClient(self.api, base_url="http://127.0.0.1", headers=told, raise_server_exceptions=False)
        client.portal = self.portal
        return client


@pytest.fixture(scope="module")
def world(seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("house")
    shutil.copyfile(seeded_sqlite, folder / "house.sqlite")
    settings = settings_for(folder / "home", f"sqlite:///{folder / 'house.sqlite'}", sandbox_url)
    with house(replace(settings, public_url="http://127.0.0.1:9")) as home, start_blocking_portal("asyncio") as portal:
        home.services.webhooks._wire._transport = lambda: httpx.MockTransport(lambda _: httpx.Response(204))
        yield World(home, build_api(home.services), powerful_key(home), _victim(home.newcomer(1_000), folder), portal)


def powerful_key(home: House) -> str:
    """A key that may do whatever a key may."""
    keys = home.services.accounts.keys
    actor = home.services.accounts.people.members(home.workspace_id)[0].user_id
    made = keys.create(home.workspace_id, "all", actor=actor)
    keys.configure(
        home.workspace_id, made.info.id, expires_at=None, keeps_payloads=True, manages_webhooks=True, actor=actor
    )
    return made.secret


def _victim(bob: House, folder: Path) -> Victim:
    services = bob.services
    seen = asyncio.run(bob.run("flux-schnell", prompt=SECRET))
    upload = services.files.keep_upload(samples.picture(folder / "bob"), workspace_id=bob.workspace_id)
    made, secret = services.webhooks.endpoints.create(
        bob.workspace_id, "https://hooks.example.com/bob", types=[events.BALANCE_LOW]
    )
    delivery = services.webhooks.test(bob.workspace_id, made.id)
    key = bob.key("bob")
    ids: dict[str, Any] = {
        "generation": seen.id,
        "request": seen.row["request_id"],
        "output": seen.files[0]["id"],
        "upload": upload.id,
        "endpoint": made.id,
        "delivery": delivery,
    }
    return Victim(ids, (SECRET, secret, key, "hooks.example.com/bob", bob.workspace_id))
