"""The API in a process of its own, over a database that is there already: for tests and benches of the gateway.

    with running_api(folder, database_url, sandbox_url) as url: …

`python -m tests.support.api_server --home DIR --database URL --sandbox URL --port N [--carry] [--reachable]`
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from tests.support.sandbox import ROOT, free_port

START_SECONDS = 90.0  # a busy machine is slow, not wrong


class Api:
    """A running API; `process` for whoever wants to kill it."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]") -> None:
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
    given = ["--home", str(home), "--database", database_url, "--sandbox", sandbox_url, "--port", str(port)]
    command = [sys.executable, "-m", "tests.support.api_server", *given, *(["--carry"] if carry else [])]
    command += ["--impatient"] if impatient else []
    command += ["--reachable"] if reachable else []
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env})
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process)
        yield Api(url, process)
    finally:
        process.kill()
        process.wait(10)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the API did not start")


async def serve(options: argparse.Namespace) -> None:
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
    building.spare_what_stays()
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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--database", required=True)
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--carry", action="store_true")
    parser.add_argument("--impatient", action="store_true")
    parser.add_argument("--reachable", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
