"""The API as an installation serves it, by the same command and so on the same event loop.

`with serving(settings) as server: server.url …`; with `carry`, its engine and its chores are in the same process, and
with `worker` in another, as `docs/scaling.md` has it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, NamedTuple

import httpx
from fastapi import FastAPI

from app import server
from app import services as building
from app.commands import api
from app.commands.worker import carry_until_told
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
def serving(settings: Settings, *, carry: bool = False, worker: bool = False) -> Iterator[Server]:
    """Over a database that is there already; the settings' port is not used."""
    settings.home.mkdir(parents=True, exist_ok=True)
    here = replace(settings, port=free_port())
    *granian, _ = api.command(here, workers=1)
    with ExitStack() as running:
        front = running.enter_context(_process([*granian, f"{__name__}:make"], here, carry))
        _wait(here.port, "/healthz", front)
        if worker:
            back = running.enter_context(_process([sys.executable, "-m", __name__], here, True))
            _wait(here.port, "/readyz", back)
        yield Server(here.port, front.pid)


@contextmanager
def _process(command: list[str], settings: Settings, carry: bool) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, TETHER, *command],
        env={**os.environ, GIVEN: json.dumps([asdict(settings), carry], default=str)},
        stdin=subprocess.PIPE,  # which closes when we end, however that comes about
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever it is, and the processes it started
        process.wait(10)


def make() -> FastAPI:
    """What granian calls."""
    settings, carry = _given()
    return server.serving(building.install(building.build(settings, carry=carry, call=not carry)))


def _given() -> tuple[Settings, bool]:
    said, carry = json.loads(os.environ[GIVEN])
    return Settings(**{**said, "home": Path(said["home"])}), carry


def _wait(port: int, path: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).is_success:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    carry_until_told(_given()[0])
