"""Somebody to call back: a tiny server that keeps what it was sent."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Heard:
    url: str
    status: int = 200  # what the next callers are answered
    _calls: "queue.Queue[Call]" = field(default_factory=queue.Queue)

    def next(self, timeout_seconds: float = 30) -> Call:
        return self._calls.get(timeout=timeout_seconds)

    def all(self, quiet_seconds: float) -> list[Call]:
        """Every call until nobody has called for that long."""
        calls = []
        while True:
            try:
                calls.append(self._calls.get(timeout=quiet_seconds))
            except queue.Empty:
                return calls


@contextmanager
def listening(path: str = "/hook") -> Iterator[Heard]:
    """A listener on a free loopback port."""
    heard = Heard("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard._calls.put(Call(self.path, headers, body))
            self.send_response(heard.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_address[1]}{path}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
