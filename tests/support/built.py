"""The front end, built once for its ordinary address."""

import fcntl
import os
import tempfile
from pathlib import Path

from app.run import frontend
from app.run.paths import ROOT
from app.run.processes import Processes

BUILT_PORT = 3000


def ensure_front_end(logs: Path) -> None:
    """Build the front end if it does not fit the sources; one process builds, the others wait for it."""
    with (ROOT / ".web.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ours = Processes(logs)
        try:
            frontend.ensure(ours, {**neutral(), "FAREBOX_PORT": str(BUILT_PORT)})
        finally:
            ours.stop()


def neutral() -> dict[str, str]:
    """This process's environment without anybody's Farebox settings."""
    ours = ("FAREBOX_", "DATABASE_URL", "REDIS_URL", "STRIPE_")
    return {name: value for name, value in frontend.environment(os.environ).items() if not name.startswith(ours)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        ensure_front_end(Path(folder))
