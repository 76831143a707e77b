"""Chat and pictures through the gateway, held and settled in a database, beside LiteLLM's proxy without one.

Both have one worker and the same upstream, which answers from memory; the bare upstream's figure stands beside them.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import update

from app.catalogue.tables import Model, ProviderRow
from app.kernel.db import Database, metadata
from tests.bench import litellm_proxy
from tests.bench.litellm_proxy import NotThere, running_litellm
from tests.bench.load import Load, load
from tests.bench.row import Row
from tests.support.api_server import running_api
from tests.support.house import house, settings_for
from tests.support.postgres import running_postgres
from tests.support.sandbox import free_port
from tests.support.schema import prepare
from tests.support.seeded import seed

CLIENTS = (1, 16, 64)
WARM_SECONDS, SECONDS = 1.0, 4.0
TARGET = 2.0
START_SECONDS = 30.0
NOBODY = "http://127.0.0.1:9"
PROVIDER, MODEL = (metadata.tables[str(row.__tablename__)] for row in (ProviderRow, Model))
BODIES = {
    "chat/completions": {
        "model": "gpt-4o-mini",
        "max_tokens": 64,
        "messages": [
            {"role": "system", "content": "You are brief."},
            {"role": "user", "content": "Describe a harbour at night in one sentence."},
        ],
    },
    "images/generations": {"model": "gpt-image-1-mini", "prompt": "A white dot", "n": 1},
}


class Cell(NamedTuple):
    path: str
    clients: int


Figures = dict[Cell, Load]


def run() -> list[Row]:
    """Every gateway by turns over one upstream."""
    with tempfile.TemporaryDirectory(prefix="farebox-bench-") as name, _upstream() as upstream:
        folder = Path(name)
        bare = _figures(upstream, "")
        try:
            with running_litellm(folder, upstream) as url:
                other: Figures = _figures(url, litellm_proxy.KEY)
        except NotThere as reason:
            print(f"  {reason}: no yardstick in this run", flush=True)
            other = {}
        rows: list[Row] = []
        with ExitStack() as stack:
            server = stack.enter_context(running_postgres(durable=True))
            server.prepare_template(prepare)
            sqlite = f"sqlite:///{folder / 'farebox.sqlite'}"
            fresh = Database(sqlite)
            prepare(fresh)
            fresh.dispose()
            for database, url in (("SQLite", sqlite), ("PostgreSQL", stack.enter_context(server.fresh()))):
                ours = _ours(folder / database, url, upstream)
                rows += [_row(database, cell, ours[cell], other.get(cell), bare[cell]) for cell in ours]
    return rows


def _ours(folder: Path, url: str, upstream: str) -> Figures:
    seed(url, NOBODY)
    database = Database(url)
    led = {"base_url": f"{upstream}/v1", "settings": {"output_hosts": []}}
    with database.write() as connection:
        connection.execute(update(PROVIDER).where(PROVIDER.c.kind == "openai_compatible").values(**led))
        connection.execute(update(MODEL).values(requests_per_minute=None, concurrent_jobs=None))
    database.dispose()
    with house(settings_for(folder / "house", url, NOBODY), credits=10_000_000) as home:
        with running_api(folder / "api", url, NOBODY) as api:
            figures = _figures(api.url, home.key())
        home.assert_books_balance()
    return figures


def _figures(url: str, key: str) -> Figures:
    headers = {"authorization": f"Bearer {key}"}
    found: Figures = {}
    for path, body in BODIES.items():
        content = json.dumps(body).encode()
        for clients in CLIENTS:
            load(f"{url}/v1/{path}", content, headers, clients=clients, seconds=WARM_SECONDS)
            found[Cell(path, clients)] = load(f"{url}/v1/{path}", content, headers, clients=clients, seconds=SECONDS)
    return found


def _row(database: str, cell: Cell, ours: Load, other: Load | None, bare: Load) -> Row:
    """At one client it is the time that counts, beyond that the number."""
    alone = cell.clients == 1
    of = (lambda one: one.p50_ms) if alone else (lambda one: one.per_second)
    ratio = of(ours) / of(other) if other else None
    unit = "ms" if alone else "/s"
    beside = f"LiteLLM {of(other):.3g} {unit}, " if other else "no LiteLLM here, "
    return Row(
        name=f"{cell.path}, {cell.clients} at once, {database}" + (", p50" if alone else ""),
        value=of(ours),
        unit=unit,
        yardstick=f"{beside}bare upstream {of(bare):.3g}",
        ratio=ratio,
        target="≤ 1 × LiteLLM" if alone else f"≥ {TARGET:g} × LiteLLM",
        ok=None if ratio is None else (ratio <= 1 if alone else ratio >= TARGET),
    )


def _wait(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError("the upstream did not start")


@contextmanager
def _upstream() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.gateway_upstream", str(port)])
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
