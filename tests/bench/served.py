"""The API as an installation serves it, by the same command and so on the same event loop.

`with serving(settings) as server: server.url …`; with `carry`, its engine and its chores are in the same process.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, NamedTuple

import httpx
from fastapi import FastAPI

from app import server
from app import services as building
from app.commands import api
from app.run.processes import TETHER
from app.settings import Settings
from tests.support.sandbox import free_port

GIVEN: Final = "FAREBOX_BENCH_SERVED"
START_SECONDS: Final = 120.0  # a busy machine is slow, not wrong


class Server(NamedTuple):
    """Who answers at `port`; `group` are its processes."""

    port: int
    group: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(settings: Settings, *, carry: bool = False) -> Iterator[Server]:
    """Over a database that is there already; the settings' port is not used."""
    settings.home.mkdir(parents=True, exist_ok=True)
    here = replace(settings, port=free_port())
    *granian, _ = api.command(here, workers=1)
    process = subprocess.Popen(
        [sys.executable, TETHER, *granian, f"{__name__}:make"],
        env={**os.environ, GIVEN: json.dumps([asdict(here), carry], default=str)},
        stdin=subprocess.PIPE,  # which closes when we end, however that comes about
        start_new_session=True,
    )
    try:
        _wait(here.port, process)
        yield Server(here.port, process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # granian and the process it started
        process.wait(10)


def make() -> FastAPI:
    """What granian calls."""
    said, carry = json.loads(os.environ[GIVEN])
    settings = Settings(**{**said, "home": Path(said["home"])})
    return server.serving(building.install(building.build(settings, carry=carry, call=not carry)))


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")
