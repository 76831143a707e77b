"""The complete Farebox as its users meet it: the sandbox and the server as processes of their own, on free ports.

The front end is built once for its ordinary address; a test's server gets a copy in which that address is replaced by
its own, so that no test waits for a build and tests may run side by side. Demo data, too, is made once for a pair of
ports and copied for the next Farebox at the same ports: making it takes as long as starting the server.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.demo import DemoLogins
from app.run import frontend, launch
from app.run import stripe as run_stripe
from app.run.paths import ROOT
from app.run.processes import Processes, Started
from tests.support.built import BUILT_PORT, neutral
from tests.support.forking import command
from tests.support.sandbox import running_sandbox

BAKED_IN = f"localhost:{BUILT_PORT}"


@dataclass
class Running:
    """A started Farebox. `home` holds its database, `logins` who may sign in."""

    url: str
    port: int
    home: Path
    sandbox_url: str
    logins: DemoLogins
    env: Mapping[str, str]
    processes: Processes
    folder: Path
    app: Started = field(init=False)

    def start_app(self, **more: str) -> None:
        """Start (again) the server; `more` goes into its environment, such as a fault point."""
        env = {**frontend.serving(self.env, self.folder / ".web"), "PYTHONPATH": str(ROOT), **more}
        self.app = self.processes.start("app", frontend.server("127.0.0.1", self.port), env, folder=self.folder)

    def wait_ready(self) -> None:
        launch.wait_ready(self.processes, {"app": (self.port, "/healthz")})

    def stop_app(self) -> None:
        """Stop the server as Ctrl-C would; the sandbox goes on."""
        self.processes.stop_one(self.app)

    def kill_app(self) -> None:
        """Kill the server and all its processes at once, as a power cut would."""
        os.killpg(self.app.process.pid, signal.SIGKILL)
        self.processes.stop_one(self.app)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `python -m app …` against this installation."""
        return command(arguments, self.env)


@dataclass(frozen=True)
class Ground:
    """What a Farebox at these two ports starts from: a folder with demo data in `home` and its pages in `served`."""

    port: int
    sandbox_port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    def env(self, home: Path, more: Mapping[str, str]) -> dict[str, str]:
        """The environment of an installation in `home`; makes the secrets it shares with the sandbox's Stripe."""
        home.mkdir(parents=True, exist_ok=True)
        return {
            **neutral(),
            "FAREBOX_DEMO": "1",
            "FAREBOX_HOME": str(home),
            "FAREBOX_PORT": str(self.port),
            "FAREBOX_SANDBOX_URL": self.sandbox_url,
            **run_stripe.environment(home, f"http://127.0.0.1:{self.port}", self.sandbox_url),
            **more,
        }


#: Grounds on which nobody stands now. They serve whoever asks for no settings of his own.
_free: list[Ground] = []


@contextmanager
def running_farebox(
    tmp_path: Path, env: Mapping[str, str] | None = None, *, speed: float = 4, clips: Path | None = None
) -> Iterator[Running]:
    """Farebox with demo data in a folder of its own; `env` adds or replaces settings, such as DATABASE_URL; `speed` and
    `clips` are for its sandbox."""
    more = dict(env or {})
    ours = Processes(tmp_path / "logs")
    usual = not more
    ground = _free.pop() if usual and _free else None
    try:
        if ground is None or not (is_free(ground.port) and is_free(ground.sandbox_port)):
            ground = _prepare(more)
        farebox = _furnish(ours, ground, tmp_path, more)
        data, stripe, port = farebox.home / "sandbox", run_stripe.shared(farebox.home), ground.sandbox_port
        with running_sandbox(data, speed, port, stripe, clips):
            farebox.start_app()
            farebox.wait_ready()
            yield farebox
    finally:
        ours.stop()
        if ground and usual:
            _free.append(ground)


def _prepare(more: Mapping[str, str]) -> Ground:
    folder = Path(tempfile.mkdtemp(prefix="farebox-ground-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ground = Ground(free_port(), free_port(), folder)
    seeded = command(("seed",), ground.env(folder / "home", more))
    assert seeded.returncode == 0, seeded.stdout + seeded.stderr
    _copy_front_end(folder / "served" / ".web", ground.port)
    return ground


def _furnish(ours: Processes, ground: Ground, tmp_path: Path, more: Mapping[str, str]) -> Running:
    """A Farebox that is not started yet."""
    home, served = tmp_path / "home", tmp_path / "served"
    shutil.copytree(ground.folder / "home", home)
    shutil.copytree(ground.folder / "served", served)
    logins = DemoLogins.read(home / "demo.json")
    assert logins is not None
    env = ground.env(home, more)
    return Running(ground.url, ground.port, home, ground.sandbox_url, logins, env, ours, served)


def _copy_front_end(web: Path, port: int) -> None:
    """Every place the built pages call their server by, now with this test's port.

    What the build told the server comes along: without it, the server would compile every page again at its start.
    """
    shutil.copytree(frontend.WEB / "backend", web / "backend")
    target = web / "build" / "client"
    shutil.copytree(frontend.CLIENT, target)
    places = [file for file in target.rglob("*.js") if BAKED_IN in file.read_text(encoding="utf-8")]
    assert places, f"the built front end does not name {BAKED_IN} anywhere"
    for file in places:
        file.write_text(file.read_text(encoding="utf-8").replace(BAKED_IN, f"localhost:{port}"), encoding="utf-8")
        for packed in target.rglob(f"{file.name}.*"):
            packed.unlink()  # the compressed copies of the build still name the old port


def is_free(port: int) -> bool:
    """Whether nobody has taken this port since."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what is still winding down is not in the way
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
