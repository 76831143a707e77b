"""`make run` and `make dev`: from a fresh clone to one URL, and from an unchanged one to the same URL at once."""

import errno
import fcntl
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.run import frontend, stripe, venv
from app.run.paths import ROOT, fingerprint, venv_program
from app.run.processes import Processes, pause, processes
from app.run.progress import Failed, say, step

LOOPBACK = "127.0.0.1"
SANDBOX_OFFSET = 900
READY_SECONDS = 60.0
POLL_SECONDS = 0.02

#: What the database and the demo data are made from.
_SEED_INPUTS = [ROOT / name for name in ("app", "alembic", "requirements.txt")]


def run() -> None:
    """Everything `make run` does; returns when a process ended by itself, raises `Stopped` on Ctrl-C."""
    with _start_up() as (ours, env, home, port):
        prepare(ours, env, home)
        frontend.ensure(ours, env)
        start_sandbox(ours, env, home)
        ours.start("app", frontend.server(LOOPBACK, port), frontend.serving(env))
        wait_ready(ours, {"app": (port, "/healthz"), "sandbox": (sandbox_port(env), "/health")})
        _greet(home)
        _watch(ours)


def dev() -> None:
    """The same with hot reload: Reflex watches the sources, rebuilds the pages and restarts the app."""
    with _start_up() as (ours, env, home, port):
        prepare(ours, env, home)
        start_sandbox(ours, env, home)
        frontend.MARK.unlink(missing_ok=True)  # what is built here is not what `make run` serves
        command = [venv_program("reflex"), "run", "--env", "preview", "--backend-host", LOOPBACK]
        with step("First build"):
            ours.start("app", [*command, "--backend-port", str(port), "--frontend-port", str(port)], env)
            wait_ready(ours, {"app": (port, "/healthz"), "sandbox": (sandbox_port(env), "/health")})
        _greet(home)
        say("Save a file and reload the page. What Reflex says is in .farebox/logs/app.log.")
        _watch(ours)


@contextmanager
def _start_up() -> Iterator[tuple[Processes, dict[str, str], Path, int]]:
    """What both need first: the settings of the demo, a free port, a lock on the installation, the packages."""
    home, port = _home(), _port()
    _refuse_other_hosts()
    _refuse_taken(port)
    with _only_one(home), processes(home / "logs") as ours:
        venv.ensure(ours)
        yield ours, _environment(home, port), home, port


def _environment(home: Path, port: int) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in {"FAREBOX_PUBLIC_URL", *stripe.NAMES}}
    sandbox = f"http://{LOOPBACK}:{_free_port(port + SANDBOX_OFFSET)}"
    return {
        **frontend.environment(inherited),
        **stripe.environment(home, f"http://{LOOPBACK}:{port}", sandbox),
        "FAREBOX_DEMO": "1",
        "FAREBOX_HOME": str(home),
        "FAREBOX_HOST": LOOPBACK,
        "FAREBOX_PORT": str(port),
        "FAREBOX_SANDBOX_URL": sandbox,
    }


def prepare(ours: Processes, env: Mapping[str, str], home: Path) -> None:
    """Migrations and demo data, in a process of their own; skipped while nothing they are made from changed."""
    mark = home / "seeded.key"
    database = env.get("DATABASE_URL") or f"sqlite:///{home / 'farebox.sqlite'}"
    key = fingerprint(_SEED_INPUTS, database, env["FAREBOX_PORT"], env["FAREBOX_SANDBOX_URL"])
    made = all((home / name).exists() for name in ("farebox.sqlite", "demo.json", "stripe.json"))
    ours_to_know = made and not env.get("DATABASE_URL")
    if ours_to_know and mark.exists() and mark.read_text() == key:
        return
    mark.unlink(missing_ok=True)
    with step("Database and demo data"):
        ours.finish("seed", [venv_program("python"), "-m", "app", "seed"], env, lambda _: None)
    mark.write_text(key)


def start_sandbox(ours: Processes, env: Mapping[str, str], home: Path) -> None:
    """The emulators of providers and Stripe, with their books and files in the installation's folder."""
    command = [venv_program("python"), "-m", "app.sandbox", "--port", str(sandbox_port(env))]
    ours.start("sandbox", [*command, "--data", str(home / "sandbox"), "--stripe", str(stripe.shared(home))], env)


def wait_ready(ours: Processes, doors: Mapping[str, tuple[int, str]]) -> None:
    """Wait until each of them answers at its port and path; say which one ended or never did."""
    waiting = dict(doors)
    deadline = time.monotonic() + READY_SECONDS
    while waiting:
        _report_ended(ours)
        if time.monotonic() > deadline:
            raise Failed(f"{' and '.join(waiting)} did not answer within {READY_SECONDS:.0f} s; see .farebox/logs.")
        waiting = {name: door for name, door in waiting.items() if not answers(*door)}
        pause(POLL_SECONDS)


def answers(port: int, path: str) -> bool:
    """Whether a server on this loopback port answers there with JSON (a page would mean that the API is missing)."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status == 200 and (answer.headers.get_content_type() == "application/json")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _greet(home: Path) -> None:
    demo = json.loads((home / "demo.json").read_text())
    say(f"\nFarebox is ready: {demo['url']}\n")
    for role in ("admin", "customer"):
        say(f"  {role:<9} {demo[role]['email']:<22} {demo[role]['password']}")
    say(f"  API key   {demo['customer']['api_key']}")
    say(f"\nThe logins are in {_short(home / 'demo.json')}, logs in {_short(home / 'logs')}. Ctrl-C stops everything.")


def _watch(ours: Processes) -> None:
    while True:
        pause(0.5)
        _report_ended(ours)


def _report_ended(ours: Processes) -> None:
    if ended := ours.first_to_end():
        raise Failed(f"{ended.name} ended by itself (exit code {ended.code}):\n{ended.tail()}\n    … {ended.log}")


def _home() -> Path:
    return (ROOT / os.environ.get("FAREBOX_HOME", ".farebox")).resolve()


def _port() -> int:
    given = os.environ.get("FAREBOX_PORT") or "3000"
    if not given.isascii() or not given.isdigit() or not 0 < int(given) < 65_536:
        raise Failed(f"FAREBOX_PORT must be a port number between 1 and 65535, not {given!r}.")
    return int(given)


def _refuse_other_hosts() -> None:
    host = os.environ.get("FAREBOX_HOST", LOOPBACK)
    if host not in {LOOPBACK, "localhost"}:
        raise Failed(f"FAREBOX_HOST is {host}, but the demo serves {LOOPBACK} only: unset it, or see “Going live”.")


def _refuse_taken(port: int) -> None:
    """A listener on either loopback address would answer in our place for `localhost`."""
    if _is_taken(port):
        raise Failed(f"Port {port} is taken by another program: stop it, or choose one: make run FAREBOX_PORT=3001.")


def _free_port(wanted: int) -> int:
    if wanted < 65_536 and not _is_taken(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _is_taken(port: int) -> bool:
    return not (_can_bind(socket.AF_INET, LOOPBACK, port) and _can_bind(socket.AF_INET6, "::1", port))


def _can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return family is socket.AF_INET6 and error.errno != errno.EADDRINUSE  # a machine without IPv6
    return True


def sandbox_port(env: Mapping[str, str]) -> int:
    """The port in the sandbox's address."""
    return int(env["FAREBOX_SANDBOX_URL"].rpartition(":")[2])


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Two runs on one installation would seed and build over each other."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)  # the key, the database and customers' files are in it
    with (home / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"Farebox already runs from {_short(home)}: stop it first, or set FAREBOX_HOME.") from None
        yield


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
