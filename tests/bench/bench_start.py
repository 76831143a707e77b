"""How long a second `make run` takes until the app answers, with nothing changed since the first."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.run.launch import answers
from app.run.paths import ROOT
from tests.bench.row import Row
from tests.support.built import BUILT_PORT

ROUNDS = 3
TARGET_SECONDS = 3.0
PATIENCE_SECONDS = 300


def run() -> list[Row]:
    """One start that builds and seeds, then the ones that count. The port is the one the front end is built for."""
    with tempfile.TemporaryDirectory(prefix="farebox-bench-") as home:
        env = {**os.environ, "FAREBOX_HOME": home, "FAREBOX_PORT": str(BUILT_PORT)}
        _seconds_until_ready(env)
        seconds = statistics.median(_seconds_until_ready(env) for _ in range(ROUNDS))
    return [
        Row(
            name="make run again, until it answers",
            value=seconds,
            unit="s",
            yardstick=None,
            ratio=None,
            target=f"≤ {TARGET_SECONDS:g} s",
            ok=seconds <= TARGET_SECONDS,
        )
    ]


def _seconds_until_ready(env: dict[str, str]) -> float:
    started = time.monotonic()
    with _launched(env) as process:
        while not answers(BUILT_PORT, "/healthz"):
            if process.poll() is not None or time.monotonic() - started > PATIENCE_SECONDS:
                raise RuntimeError(f"make run did not start:\n{process.communicate()[0]}")
            time.sleep(0.01)
        return time.monotonic() - started


@contextmanager
def _launched(env: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    command = ["make", "run", f"PYTHON={sys.executable}"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
