"""The sandbox as one application: five provider roots, a Stripe, and its own control pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from app.sandbox.book import Book
from app.sandbox.control import Control
from app.sandbox.door import Door
from app.sandbox.engine import Engine
from app.sandbox.fal import Fal
from app.sandbox.faults import Script
from app.sandbox.kie import Kie
from app.sandbox.openai.api import OpenAi
from app.sandbox.replicate import Replicate
from app.sandbox.signers import Keys
from app.sandbox.stripe.server import Config, Stripe

#: Two hosts that speak the same protocol, so that one may fail while the other serves.
OPENAI_HOSTS = ("openai", "mirror")


def build(data: Path, speed: float, stripe_config: Config | None = None) -> Starlette:
    """The application over the books, files and keys kept in `data`."""
    data.mkdir(parents=True, exist_ok=True)
    keys = Keys(data / "keys.json")
    engine = Engine(Book(data / "book.sqlite"), data / "files", speed)
    script = Script()
    door = Door(engine, script)
    fal, replicate, kie = Fal(engine, door, keys), Replicate(engine, door, keys), Kie(engine, door, keys)
    hosts = [OpenAi(name, engine, script) for name in OPENAI_HOSTS]
    stripe = Stripe(data / "stripe.sqlite", stripe_config or Config(), speed)
    engine.voices.update(fal=fal, replicate=replicate, kie=kie, **{host.provider: host for host in hosts})

    @asynccontextmanager
    async def running(_app: Starlette) -> AsyncIterator[None]:
        engine.start()
        stripe.start()
        yield
        await stripe.stop()
        await engine.stop()

    return Starlette(
        routes=[
            *Control(engine, script, keys).routes(),
            Mount("/fal", routes=fal.routes()),
            Mount("/replicate", routes=replicate.routes()),
            Mount("/kie", routes=kie.routes()),
            *(Mount(f"/{host.provider}", routes=host.routes()) for host in hosts),
            Mount("/stripe", routes=stripe.routes()),
        ],
        lifespan=running,
    )
