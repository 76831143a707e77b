"""A sandbox of one's own: a real process on a free loopback port, for any test that needs providers."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_sandbox(
    data: Path, speed: float = 50, port: int | None = None, stripe: Path | None = None
) -> Iterator[str]:
    """The base address of a running sandbox that keeps its books in `data`; it is killed when the block ends.

    `stripe` is the file with the secrets its Stripe shares with the application.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "app.sandbox", "--port", str(port), "--data", str(data), "--speed", str(speed)]
    command += ["--stripe", str(stripe)] if stripe else []
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        base = f"http://127.0.0.1:{port}"
        _wait_until_healthy(base, process)
        yield base
    finally:
        process.kill()  # as rude as a crash: it must not mind
        process.wait(10)


def _wait_until_healthy(base: str, process: "subprocess.Popen[bytes]") -> None:
    patience = time.monotonic() + START_SECONDS
    while time.monotonic() < patience:
        if process.poll() is not None:
            raise RuntimeError(f"the sandbox ended at once with {process.returncode}")
        try:
            if httpx.get(f"{base}/health", timeout=2, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError("the sandbox did not start")
