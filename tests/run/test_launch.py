"""`make run` from the outside: what it refuses to start on, and that it never leaves a process behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.run import launch
from app.run.launch import wait_ready
from app.run.paths import ROOT
from app.run.processes import Processes
from app.run.progress import Failed
from tests.support.server import free_port

HERE = Path(__file__).parent
PATIENCE_SECONDS = 60


def alive(pid: int) -> bool:
    """Whether a process still runs (a zombie nobody has collected yet does not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(condition, what: str):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {PATIENCE_SECONDS} s")


def noted(pids: Path, count: int) -> list[int]:
    found = pids.read_text().split() if pids.exists() else []
    return [int(pid) for pid in found] if len(found) >= count else []


@contextmanager
def launched(tmp_path: Path, *command: str) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """The launcher, ready, with the ids of its two servers and their two children."""
    env = {**os.environ, "FAREBOX_HOME": str(tmp_path / "home"), "FAREBOX_PORT": str(free_port())}
    env.pop("MAKELEVEL", None)
    pids = tmp_path / "pids"
    plain = [sys.executable, "-m", "tests.run.launcher", str(pids)]
    # A shell starts what runs in the background deaf to Ctrl-C, and the tests may well run there.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command or plain, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    signal.signal(signal.SIGINT, before)
    try:
        yield process, wait_for(lambda: noted(pids, 4), "the start")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_outlives_the_launcher(tmp_path, number):
    with launched(tmp_path) as (process, started):
        assert all(alive(pid) for pid in started)
        process.send_signal(number)
        process.wait(PATIENCE_SECONDS)
        wait_for(lambda: not any(alive(pid) for pid in started), "the end of everything it started")


def test_ctrl_c_is_no_error(tmp_path):
    with launched(tmp_path) as (process, _):
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert "Stopped." in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_outlives_make(tmp_path, number):
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"run:\n\t@{sys.executable} -m tests.run.launcher {tmp_path / 'pids'}\n")
    with launched(tmp_path, "make", "-C", str(ROOT), "-f", str(makefile), "run") as (process, started):
        process.send_signal(number)
        process.wait(PATIENCE_SECONDS)
        wait_for(lambda: not any(alive(pid) for pid in started), "the end of everything it started")


def test_a_fork_of_whoever_make_started_may_wait(tmp_path):
    """Our own tests run in such forks: what is above them is not make."""
    script = (
        "import os\n"
        "from app.run.processes import pause\n"
        "child = os.fork() or pause(0) or os._exit(0)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    env = {**os.environ, "MAKELEVEL": "1"}
    waited = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert waited.returncode == 0, waited.stderr


def test_a_server_that_ends_by_itself_ends_the_rest(tmp_path):
    with launched(tmp_path) as (process, started):
        os.kill(started[0], signal.SIGKILL)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        wait_for(lambda: not any(alive(pid) for pid in started), "the end of everything it started")
    assert process.returncode == 1
    assert "ended by itself" in said


def test_a_stubborn_process_is_killed_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr("app.run.processes.STOP_SECONDS", 0.5)
    ours, pids = Processes(tmp_path / "logs"), tmp_path / "pids"
    ours.start("stubborn", [sys.executable, str(HERE / "stand_in.py"), str(free_port()), str(pids), "1"], os.environ)
    started = wait_for(lambda: noted(pids, 2), "the start")
    ours.stop()
    wait_for(lambda: not any(alive(pid) for pid in started), "the end of every process")


def test_a_step_that_fails_shows_its_last_words(tmp_path):
    ours = Processes(tmp_path)
    with pytest.raises(Failed, match=r"step failed \(exit code 3\)[\s\S]*no such thing"):
        ours.finish("step", [sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"], os.environ, len)
    assert ours.first_to_end() is None


def test_waiting_ends_when_a_server_ends(tmp_path):
    ours = Processes(tmp_path)
    ours.start("app", [sys.executable, "-c", "raise SystemExit('no database')"], os.environ)
    with pytest.raises(Failed, match="no database"):
        wait_ready(ours, {"app": (free_port(), "/healthz")})
    ours.stop()


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"]
)
def test_a_taken_port_is_one_sentence_that_names_the_setting(monkeypatch, family, host):
    with socket.socket(family) as other:
        try:
            other.bind((host, 0))
        except OSError:
            assert family is socket.AF_INET6  # a machine without IPv6 cannot have a listener there either
            return
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("FAREBOX_PORT", str(port))
        with pytest.raises(Failed, match=rf"^Port {port} is taken .*FAREBOX_PORT=\d+\.$"):
            launch.run()


def test_the_demo_serves_loopback_only(monkeypatch):
    monkeypatch.setenv("FAREBOX_HOST", "0.0.0.0")
    with pytest.raises(Failed, match=r"FAREBOX_HOST is 0\.0\.0\.0"):
        launch.run()


@pytest.mark.parametrize("given", ["0", "65536", "http", "3000.5", "-1"])
def test_a_port_is_a_port(monkeypatch, given):
    monkeypatch.setenv("FAREBOX_PORT", given)
    with pytest.raises(Failed, match="FAREBOX_PORT must be a port number"):
        launch.run()


def test_one_installation_runs_once(monkeypatch, tmp_path):
    with launched(tmp_path):
        monkeypatch.setenv("FAREBOX_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("FAREBOX_PORT", str(free_port()))
        with pytest.raises(Failed, match="already runs"):
            launch.run()
