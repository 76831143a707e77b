"""kill -9 in the middle of a synchronous call and of a webhook: what the process after it makes of the rest."""

import asyncio
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import update

from app.generation import rows
from app.notify.webhook_tables import webhook_delivery
from tests.faults.inline_process import run
from tests.faults.test_generation_kill import generations, recover
from tests.support.effort import sweep
from tests.support.house import House, house, settings_for

#: Point → how often the provider was asked, and whether the customer is charged.
CALLS: dict[str, tuple[int, bool]] = {
    "hold.before_commit": (0, False),
    "inline.after_hold": (0, False),
    "inline.after_answer": (1, False),
    "settle.before_commit": (1, False),
    "inline.after_settle": (1, True),
}

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("point", sweep(CALLS, "inline.after_answer"))
def test_bug_b2_a_crash_within_a_call_buys_nothing_twice_and_holds_nothing_for_ever(
    point: str, seeded_url: str, sandbox_url: str, tmp_path: Path
) -> None:
    asked, charged = CALLS[point]
    with house(settings_for(tmp_path / "home", seeded_url, sandbox_url)) as home:
        before = home.available
        code = run(tmp_path / "killed", seeded_url, sandbox_url, "chat", home.workspace_id, f"{point} hello", point)
        assert code == -signal.SIGKILL, f"{point} was never reached"

        _much_later(home)
        asyncio.run(recover(home))

        found = generations(home)
        assert len(found) == (0 if point == "hold.before_commit" else 1)
        assert all(seen.finished for seen in found)
        took = sum(seen.row["charged_micros"] or 0 for seen in found)
        assert (before - home.available).micros == took
        assert (took > 0) == charged
        attempts = {seen.attempt["id"] for seen in found if seen.attempt}
        assert len([job for job in home.book()["jobs"] if job["attempt"] in attempts]) == asked
        assert home.services.ledger.balance(home.workspace_id).held.micros == 0
        home.assert_books_balance()


#: Point → whether the picture is charged, and the customer's.
PICTURES = {"inline.after_files": False, "settle.before_commit": False, "inline.after_settle": True}


@pytest.mark.parametrize("point", sweep(PICTURES, "settle.before_commit", "inline.after_settle"))
def test_a_picture_is_charged_and_found_or_neither(
    point: str, seeded_url: str, sandbox_url: str, tmp_path: Path
) -> None:
    with house(settings_for(tmp_path, seeded_url, sandbox_url)) as home:
        files, before = home.services.desk.files, home.available
        code = run(tmp_path, seeded_url, sandbox_url, "picture", home.workspace_id, "A white dot", point)
        assert code == -signal.SIGKILL, f"{point} was never reached"
        (made,) = (path for path in files.root.rglob("*.png"))

        _much_later(home)
        asyncio.run(recover(home))
        files.sweep(timedelta(0))

        (seen,) = generations(home)
        assert (home.available < before, made.exists()) == (PICTURES[point], PICTURES[point])
        assert [files.open(row["id"])[1] for row in seen.files] == ([made] if PICTURES[point] else [])
        home.assert_books_balance()


def _much_later(home: House) -> None:
    """The deadline of every call under way is past."""
    past = home.services.desk.clock() - timedelta(hours=1)
    with home.services.db.write() as connection:
        open_ones = update(rows.GENERATION).where(rows.GENERATION.c.finished_at.is_(None))
        connection.execute(open_ones.values(next_check_at=past))


class Receiver:
    """An endpoint that remembers what it was told; it kills nobody, and accepts everything."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[tuple[str, str]] = []


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.heard.append((self.headers["webhook-id"], json.loads(body)["type"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


#: Point → how often the receiver has heard of it before the next process comes.
SENDS = {"webhook.after_claim": 0, "webhook.after_answer": 1}


@pytest.mark.parametrize("point", sweep(SENDS, "webhook.after_answer"))
def test_a_crash_within_a_delivery_loses_no_message_and_repeats_it_under_its_id(
    point: str, seeded_url: str, sandbox_url: str, tmp_path: Path
) -> None:
    with receiving() as receiver, house(settings_for(tmp_path / "home", seeded_url, sandbox_url)) as home:
        webhooks = home.services.webhooks
        endpoint, _ = webhooks.endpoints.create(home.workspace_id, receiver.url)
        delivery = webhooks.test(home.workspace_id, endpoint.id)
        code = run(tmp_path / "killed", seeded_url, sandbox_url, "send", home.workspace_id, "", point)
        assert code == -signal.SIGKILL, f"{point} was never reached"
        assert len(receiver.heard) == SENDS[point]

        with home.services.db.write() as connection:  # what a killed process had taken is hidden for a while
            connection.execute(update(webhook_delivery).values(next_at=webhook_delivery.c.created_at))
        asyncio.run(webhooks.send())
        asyncio.run(webhooks.send())

        found = webhooks.open(home.workspace_id, delivery)
        assert found.delivery.state == "delivered"
        assert {message for message, _ in receiver.heard} == {found.delivery.message_id}
        assert len(receiver.heard) == SENDS[point] + 1
