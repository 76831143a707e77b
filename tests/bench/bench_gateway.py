"""Chat and pictures through the gateway, held and settled in a database, beside LiteLLM's proxy without one.

Both have one worker and the same upstream, which answers from memory; the bare upstream's figure stands beside them.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import update

from app.catalogue.tables import Model, ProviderRow
from app.kernel.db import Database, metadata
from tests.bench import litellm_proxy, wrk
from tests.bench.litellm_proxy import running_litellm
from tests.bench.load import Load, load
from tests.bench.row import NotThere, Row
from tests.bench.served import serving
from tests.support.house import house, settings_for
from tests.support.postgres import running_postgres
from tests.support.sandbox import free_port
from tests.support.schema import prepare
from tests.support.seeded import seed

CLIENTS = (1, 16, 64)
WARM_SECONDS, SECONDS = 1, 4
TARGET = 2.0
START_SECONDS = 60.0
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


class Gateway(NamedTuple):
    url: str
    key: str


#: Several gateways' loads, in their order.
Figures = dict[Cell, list[Load]]


def run() -> list[Row]:
    """Every gateway over one upstream. They take turns at each cell: what the machine does meanwhile meets them all."""
    wrk.installed()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="farebox-bench-")))
        upstream = stack.enter_context(_upstream())
        beside = [Gateway(upstream, "")]
        try:
            beside.append(Gateway(stack.enter_context(running_litellm(folder, upstream)), litellm_proxy.KEY))
        except NotThere as reason:
            print(f"  {reason}: no yardstick in this run", flush=True)
        server = stack.enter_context(running_postgres(durable=True))
        server.prepare_template(prepare)
        sqlite = f"sqlite:///{folder / 'farebox.sqlite'}"
        fresh = Database(sqlite)
        prepare(fresh)
        fresh.dispose()
        rows: list[Row] = []
        for database, url in (("SQLite", sqlite), ("PostgreSQL", stack.enter_context(server.fresh()))):
            for cell, (ours, bare, *other) in _measured(folder / database, url, upstream, beside).items():
                rows.append(_row(database, cell, ours, other[0] if other else None, bare))
    return rows


def _measured(folder: Path, url: str, upstream: str, beside: Sequence[Gateway]) -> Figures:
    """Ours on this database, and then those beside it."""
    seed(url, NOBODY)
    database = Database(url)
    led = {"base_url": f"{upstream}/v1", "settings": {"output_hosts": []}}
    with database.write() as connection:
        connection.execute(update(PROVIDER).where(PROVIDER.c.kind == "openai_compatible").values(**led))
        connection.execute(update(MODEL).values(requests_per_minute=None, concurrent_jobs=None))
    database.dispose()
    with house(settings_for(folder / "house", url, NOBODY), credits=10_000_000) as home:
        with serving(settings_for(folder / "api", url, NOBODY)) as server:
            figures = _figures([Gateway(server.url, home.key()), *beside])
        home.assert_books_balance()
    return figures


def _figures(gateways: Sequence[Gateway]) -> Figures:
    return {
        Cell(path, clients): [_load(gateway, path, body, clients) for gateway in gateways]
        for path, body in BODIES.items()
        for clients in CLIENTS
    }


def _load(gateway: Gateway, path: str, body: object, clients: int) -> Load:
    url, content = f"{gateway.url}/v1/{path}", json.dumps(body).encode()
    headers = {"authorization": f"Bearer {gateway.key or 'nobody'}"}
    load(url, content, headers, clients=clients, seconds=WARM_SECONDS)
    return load(url, content, headers, clients=clients, seconds=SECONDS)


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
        ok=ratio is not None and (ratio <= 1 if alone else ratio >= TARGET),  # not shown is missed
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
