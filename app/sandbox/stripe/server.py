"""The sandbox's Stripe put together."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.routing import BaseRoute

from app.sandbox.stripe import endpoints, sessions
from app.sandbox.stripe.api import SECRET_PREFIX, Api
from app.sandbox.stripe.control import Control
from app.sandbox.stripe.duties import Calendar
from app.sandbox.stripe.hosted import Hosted
from app.sandbox.stripe.store import Store
from app.sandbox.stripe.webhooks import Postman
from app.sandbox.stripe.world import World


@dataclass(frozen=True, slots=True)
class Config:
    """What the launcher agrees with the application. Without a secret key any `sk_test_…` is good."""

    secret_key: str | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None

    @classmethod
    def read(cls, path: Path) -> "Config":
        """From `{"secret_key", "webhook_url", "webhook_secret"}`; refuses a key that could be real."""
        given = json.loads(path.read_text("utf-8"))
        config = cls(given.get("secret_key"), given.get("webhook_url"), given.get("webhook_secret"))
        if config.secret_key and not config.secret_key.startswith(SECRET_PREFIX):
            raise ValueError(f"The sandbox plays Stripe's test mode: its secret key must begin with {SECRET_PREFIX}.")
        return config


class Stripe:
    def __init__(self, path: Path, config: Config, speed: float) -> None:
        self._world = World(Store(path), speed)
        self._world.watchers.append(partial(sessions.follow, self._world))
        self._postman = Postman(self._world)
        self._calendar = Calendar(self._world, self._postman.look)
        self._routes = [
            *Api(self._world, config.secret_key, self._look).routes(),
            *Hosted(self._world, self._look).routes(),
            *Control(self._world, self._look).routes(),
        ]
        if config.webhook_url and config.webhook_secret:
            endpoints.configured(self._world, config.webhook_url, config.webhook_secret)

    def routes(self) -> list[BaseRoute]:
        return list(self._routes)

    def start(self) -> None:
        self._postman.start()
        self._calendar.start()

    async def stop(self) -> None:
        await self._calendar.stop()
        await self._postman.stop()

    def _look(self) -> None:
        self._postman.look()
        self._calendar.look()
