"""A sandbox of one's own: a real process on a free loopback port, for any test that needs providers."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx

from tests.support.forking import forking

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_sandbox(
    data: Path,
    speed: float = 50,
    port: int | None = None,
    stripe: Path | None = None,
    clips: Path | None = None,
) -> Iterator[str]:
    """The base address of a running sandbox that keeps its books in `data`; it is killed when the block ends.

    `stripe` is the file with the secrets its Stripe shares with the application. For whoever does not look at what is
    drawn there are plain pictures, and clips that are kept in the folder `clips`.
    """
    port = port or free_port()
    words = ["--port", str(port), "--data", str(data), "--speed", str(speed)]
    words += ["--stripe", str(stripe)] if stripe else []
    process = forking().Process(target=_run, args=(words, clips), daemon=True)
    process.start()
    try:
        base = f"http://127.0.0.1:{port}"
        _wait_until_healthy(base, process)
        yield base
    finally:
        process.kill()  # as rude as a crash: it must not mind
        process.join(10)


def _run(words: list[str], clips: Path | None) -> None:
    """`python -m app.sandbox …`, with everything imported already."""
    from app.sandbox.__main__ import main
    from tests.support.plain import draw_plainly
    from tests.support.thrift import seek_garbage_seldom

    seek_garbage_seldom()
    if clips is not None:
        draw_plainly(clips)

    os.chdir(ROOT)
    sys.argv[1:] = words
    main()


def _wait_until_healthy(base: str, process: BaseProcess) -> None:
    patience = time.monotonic() + START_SECONDS
    while time.monotonic() < patience:
        if process.exitcode is not None:
            raise RuntimeError(f"the sandbox ended at once with {process.exitcode}")
        try:
            if httpx.get(f"{base}/health", timeout=2, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError("the sandbox did not start")
