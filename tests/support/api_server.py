"""The API in a process of its own, over a database that is there already: for tests and benches of the gateway.

with running_api(folder, database_url, sandbox_url) as url: …
"""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx

from tests.support.forking import forking
from tests.support.sandbox import free_port
from tests.support.thrift import be_thrifty, is_thrifty, seek_garbage_seldom

START_SECONDS = 90.0  # a busy machine is slow, not wrong


@dataclass(frozen=True, slots=True)
class Options:
    """What the process is told."""

    home: Path
    database: str
    sandbox: str
    port: int
    carry: bool
    impatient: bool
    reachable: bool
    thrifty: bool


class Api:
    """A running API; `process` for whoever wants to kill it."""

    def __init__(self, url: str, process: BaseProcess) -> None:
        self.url, self.process = url, process


@contextmanager
def running_api(
    home: Path,
    database_url: str,
    sandbox_url: str,
    *,
    carry: bool = False,
    impatient: bool = False,
    reachable: bool = False,
    port: int | None = None,
    **env: str,
) -> Iterator[Api]:
    """`carry` runs the engine and its sweeper too; who is `impatient` waits a second for headers and bodies;
    `reachable` makes its links lead to it, so that providers can fetch what was uploaded; `env` is added to the
    environment, such as a fault point."""
    port = port or free_port()
    home.mkdir(parents=True, exist_ok=True)
    options = Options(home, database_url, sandbox_url, port, carry, impatient, reachable, is_thrifty())
    process = forking().Process(target=_run, args=(options, env), daemon=True)
    process.start()
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process)
        yield Api(url, process)
    finally:
        process.kill()
        process.join(10)


def _wait(url: str, process: BaseProcess) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.exitcode is None:
        try:
            if httpx.get(f"{url}/healthz", trust_env=False, timeout=20).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError("the API did not start")


def _run(options: Options, env: Mapping[str, str]) -> None:
    os.environ.update(env)
    if options.thrifty:
        seek_garbage_seldom()
        be_thrifty()
    asyncio.run(_serve(options))


async def _serve(options: Options) -> None:
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server

    from app import services as building
    from app.api import patience
    from app.api.assemble import build_api
    from app.generation.inline.run import finish
    from tests.support.house import settings_for

    settings = settings_for(options.home, options.database, options.sandbox)
    if options.reachable:
        settings = replace(settings, public_url=f"http://127.0.0.1:{options.port}")
    services = building.build(settings, carry=options.carry)
    await asyncio.to_thread(services.start)
    api = build_api(services)
    building.prepare_to_serve()
    given: dict[str, Any] = {}
    if options.impatient:
        patience.GRACE_SECONDS = 1.0
        given["http1_settings"] = HTTP1Settings(header_read_timeout=1_000)
    server = Server(api, address="127.0.0.1", port=options.port, interface=Interfaces.ASGI, log_enabled=False, **given)
    try:
        await server.serve()
    finally:
        await finish(services.desk, 5)
        await asyncio.to_thread(services.stop)
