"""The API on its own, in as many processes as asked for, listening on one port."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from app.commands.doctor import refuse_old_schema
from app.kernel.errors import Broken
from app.kernel.secrets import Vault
from app.settings import Settings

MOST_WORKERS = 64
#: A client has this long to send its headers; bodies are timed by the API itself.
HEADER_MILLISECONDS = 10_000
FIGURES = "PROMETHEUS_MULTIPROC_DIR"


def command(settings: Settings, workers: int) -> list[str]:
    """What to become; `Broken` when it could not serve."""
    if not 1 <= workers <= MOST_WORKERS:
        raise Broken(f"--workers is between 1 and {MOST_WORKERS}, not {workers}.")
    if workers > 1 and settings.database_url.startswith("sqlite"):
        raise Broken(
            "SQLite has one writer, so more processes would only wait for each other: use --workers 1, "
            "or PostgreSQL (DATABASE_URL)."
        )
    Vault([settings.secret_key])  # refuses a key that could seal nothing
    refuse_old_schema(settings.database_url)
    at = ["--host", settings.host, "--port", str(settings.port), "--workers", str(workers)]
    patience = ["--http1-header-read-timeout", str(HEADER_MILLISECONDS), "--workers-kill-timeout", "5"]
    respawn = ["--respawn-failed-workers"] if workers > 1 else []
    granian = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory"]
    return [*granian, *at, *patience, *respawn, "app.server:make"]


def environment(settings: Settings, workers: int, base: Mapping[str, str]) -> dict[str, str]:
    """Several processes add up their figures in a folder, which begins empty."""
    if workers == 1:
        return dict(base)
    folder = Path(settings.home) / "figures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {**base, FIGURES: str(folder)}


def serve(settings: Settings, workers: int, base: Mapping[str, str]) -> None:
    """Hand this process over to the server."""
    became = command(settings, workers)
    print(f"Farebox's API at {settings.public_url}, listening on {settings.host}:{settings.port}", flush=True)
    if workers > 1 and settings.redis_url is None:
        print("REDIS_URL is unset: each process counts rate limits for itself.", file=sys.stderr, flush=True)
    os.execve(became[0], became, environment(settings, workers, base))  # noqa: S606 - a fixed command, no shell
