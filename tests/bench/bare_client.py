"""Requests over so many kept connections, timed one by one, by a client that takes next to nothing: bare sockets and
one `select`. It shares the machine with the server it times, and what it took would be the server's slowness."""

import gc
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

PATIENCE_SECONDS: Final = 60.0
HEAD_ENDS: Final = b"\r\n\r\n"


@dataclass(slots=True)
class _Line:
    """A connection: when its request went out, and what has come of the answer."""

    socket: socket.socket
    began: float = 0.0
    answer: bytes = b""

    def ask(self, request: bytes) -> None:
        self.answer, self.began = b"", time.perf_counter()
        self.socket.sendall(request)


def send_all(port: int, requests: Sequence[bytes], at_once: int) -> list[float]:
    """Milliseconds each request waited for the whole of its answer, a new one following each. Raises `RuntimeError`
    on an answer that is not 200."""
    waiting, took = iter(requests), []
    with selectors.DefaultSelector() as selector:
        lines = [_Line(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)) for _ in range(at_once)]
        for line in lines:
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(line.socket, selectors.EVENT_READ, line)
        gc.collect()
        gc.disable()  # ours would be measured as the server's slowness
        try:
            busy = sum(_next(line, waiting) for line in lines)
            while busy:
                for line in _answered(selector):
                    took.append((time.perf_counter() - line.began) * 1_000)
                    busy -= not _next(line, waiting)
        finally:
            gc.enable()
            for line in lines:
                line.socket.close()
    return took


def _next(line: _Line, waiting: Iterator[bytes]) -> bool:
    request = next(waiting, None)
    if request is not None:
        line.ask(request)
    return request is not None


def _answered(selector: selectors.BaseSelector) -> Iterator[_Line]:
    """The connections whose answer is whole, as soon as one has something to say."""
    heard = selector.select(PATIENCE_SECONDS)
    if not heard:
        raise RuntimeError(f"the server has said nothing for {PATIENCE_SECONDS:g} s")
    for key, _ in heard:
        line: _Line = key.data
        came = line.socket.recv(65_536)
        line.answer += came
        if not came:
            raise RuntimeError(f"the server hung up after {line.answer[:60]!r}")
        if _is_whole(line.answer):
            yield line


def _is_whole(answer: bytes) -> bool:
    head, ends, body = answer.partition(HEAD_ENDS)
    if not ends:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the server answered {head[:60]!r}")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return True
