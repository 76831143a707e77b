"""The API as an installation serves it, by the same command and so on the same event loop; chores apply what comes in
while more is coming.

`with serving(home, database_url, stripe_url) as port: …`
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
from fastapi import FastAPI

from app import server
from app import services as building
from app.commands import api
from app.run.processes import TETHER
from app.settings import Settings
from tests.support.till import settings_for

GIVEN: Final = "FAREBOX_BENCH_WEBHOOKS"
START_SECONDS: Final = 120.0  # a busy machine is slow, not wrong


@contextmanager
def serving(home: Path, database_url: str, stripe_url: str) -> Iterator[int]:
    """The port of a server over a database that is there already."""
    home.mkdir(parents=True, exist_ok=True)
    given, port = (str(home), database_url, stripe_url), _free_port()
    *granian, _ = api.command(replace(_settings(*given), port=port), workers=1)
    process = subprocess.Popen(
        [sys.executable, TETHER, *granian, f"{__name__}:make"],
        env={**os.environ, GIVEN: json.dumps(given)},
        stdin=subprocess.PIPE,  # which closes when we end, however that comes about
        start_new_session=True,
    )
    try:
        _wait(port, process)
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # granian and the process it started
        process.wait(10)


def make() -> FastAPI:
    """What granian calls."""
    settings = _settings(*json.loads(os.environ[GIVEN]))
    return server.serving(building.install(building.build(settings)))


def _settings(home: str, database_url: str, stripe_url: str) -> Settings:
    return settings_for(Path(home), database_url, stripe_url)


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
