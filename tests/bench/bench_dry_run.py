"""`?dryRun=true` at one client: the time until a program knows the price."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.bench.row import Row
from tests.support.built import ensure_front_end
from tests.support.server import running_farebox

ASKED = 400
WARM_UP = 50
TARGET_MS = 5.0
BODY = {"model": "veo3.1", "input": {"prompt": "A red tram", "duration": "8s", "generate_audio": True}}


def run() -> list[Row]:
    """The median of a dry run, beside the median of the emptiest answer the same server gives."""
    with tempfile.TemporaryDirectory() as folder:
        ensure_front_end(Path(folder) / "build")
        with running_farebox(Path(folder)) as farebox:
            headers = {"Authorization": f"Bearer {farebox.logins.customer.api_key}"}
            with httpx.Client(base_url=farebox.url.replace("localhost", "127.0.0.1"), headers=headers) as client:
                empty = _median_ms(lambda: client.get("/healthz"))
                dry = _median_ms(lambda: client.post("/v1/generations?dryRun=true", json=BODY))
    row: Row = {
        "name": "dryRun, p50 at one client",
        "value": dry,
        "unit": "ms",
        "yardstick": f"{empty:.2f} ms for /healthz",
        "ratio": dry / empty,
        "target": f"≤ {TARGET_MS:g} ms",
        "ok": dry <= TARGET_MS,
    }
    return [row]


def _median_ms(ask: Callable[[], Any]) -> float:
    times = []
    for number in range(WARM_UP + ASKED):
        started = time.perf_counter()
        ask().raise_for_status()
        if number >= WARM_UP:
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)
