"""The tests of one run in several processes, which are forked when everything has been collected.

A process asks for a group of tests when it is done with one, so nobody has to know beforehand how long a group takes;
and as it asks when the last test of a group cleans up, what the next group needs as well stays. It sends its reports to
the first process, which does nothing but tell pytest what it hears. A test that takes its process with it has failed,
and a new process goes on with the rest. A run in which a test was not heard of is not over: it breaks.
"""

import atexit
import multiprocessing
import random
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

Group = list[int]
#: Who is told to stop finishes its test, and stops what it started for it.
STOP_SECONDS = 60.0
_run_folder: Path | None = None


def add_option(parser: pytest.Parser) -> None:
    """`--processes N`, or `-n N`; without it, or with one, pytest runs the tests itself."""
    group = parser.getgroup("general")
    group._addoption("-n", "--processes", type=int, default=0, metavar="N", help="run the tests in N processes")


def run_folder(factory: pytest.TempPathFactory) -> Path:
    """Where temporary files of the whole run are, of all its processes."""
    return _run_folder or factory.getbasetemp()


def side_by_side(
    session: pytest.Session, group_of: Callable[[pytest.Item], str], prepare: Callable[[], None] | None = None
) -> bool | None:
    """For `pytest_runtestloop`: tests of a group follow one another. None where pytest is to do it itself.

    `prepare` is called before there are several processes, for what they are to share.
    """
    options = session.config.option
    groups: dict[str, Group] = {}
    for index, item in enumerate(session.items):
        groups.setdefault(group_of(item), []).append(index)
    count = min(options.processes, len(groups))
    if count < 2 or options.collectonly or options.usepdb or session.testsfailed:
        return None
    if terminal := session.config.pluginmanager.getplugin("terminalreporter"):
        terminal.showfspath = False  # one letter for a test, whichever file it is in
    if prepare:
        prepare()
    _First(session, deque(groups.values())).run(count)
    return True


# --- the first process


@dataclass(eq=False)
class _Other:
    """Another process as the first one knows it: what it is to do, and at which test it is."""

    process: BaseProcess
    pipe: Connection
    group: Group = field(default_factory=list)
    running: int | None = None

    def left(self) -> Group:
        """What it has not begun; who asked for more has begun none of that."""
        begun = self.group.index(self.running) + 1 if self.running in self.group else 0
        return self.group[begun:]


class _First:
    """Deals out groups, and listens."""

    def __init__(self, session: pytest.Session, groups: deque[Group]) -> None:
        self._session, self._groups = session, groups
        self._others: dict[Any, _Other] = {}
        self._unheard = set(range(len(session.items)))
        self._started = 0

    def run(self, count: int) -> None:
        session = self._session
        session.config._tmp_path_factory.getbasetemp()  # made before there are several
        try:
            for _ in range(count):
                self._start()
            while self._others:
                for pipe in wait(list(self._others)):
                    self._hear(self._others[pipe])
        finally:
            self._stop()
        if self._unheard:
            raise RuntimeError(f"{len(self._unheard)} tests did not run")

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        self._started += 1
        closed = [ours, *self._others]  # who holds an end of them would keep the others from seeing that we are gone
        process = context.Process(target=_work, args=(self._session, self._started, theirs, closed))
        process.start()
        theirs.close()
        self._others[ours] = _Other(process, ours)

    def _hear(self, other: _Other) -> None:
        try:
            what, *said = other.pipe.recv()
        except (EOFError, OSError):
            self._see_off(other)
        else:
            getattr(self, f"_hear_{what}")(other, *said)

    def _hear_next(self, other: _Other) -> None:
        other.group = self._groups.popleft() if self._groups else []
        other.pipe.send(other.group)

    def _hear_begin(self, other: _Other, index: int) -> None:
        other.running = index

    def _hear_end(self, other: _Other, index: int, reports: list[dict[str, Any]]) -> None:
        other.running = None
        config = self._session.config
        read = config.hook.pytest_report_from_serializable
        self._tell(index, [read(config=config, data=report) for report in reports])

    def _hear_warning(self, _: _Other, when: str, nodeid: str, said: dict[str, Any]) -> None:
        given = {"warning_message": warnings.WarningMessage(**said), "when": when, "nodeid": nodeid, "location": None}
        self._session.config.hook.pytest_warning_recorded.call_historic(kwargs=given)

    def _hear_exit(self, _: _Other, reason: str) -> None:
        pytest.exit(reason)

    def _hear_trouble(self, _: _Other, text: str) -> None:
        raise RuntimeError(f"in another process of this run:\n{text}")

    def _see_off(self, other: _Other) -> None:
        """It has nothing to do any more; or it is gone, and with it the test it was at."""
        del self._others[other.pipe]
        other.process.join()
        code = other.process.exitcode
        if other.running is not None:
            item = self._session.items[other.running]
            text = f"the process that ran this test ended with {code}"
            self._tell(other.running, [pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")])
            if left := other.left():
                self._groups.appendleft(left)
            if self._groups:
                self._start()
        elif code or other.group:
            raise RuntimeError(f"a process of this run ended with {code}, between two tests")

    def _tell(self, index: int, reports: list[pytest.TestReport]) -> None:
        session, item = self._session, self._session.items[index]
        self._unheard.remove(index)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)

    def _stop(self) -> None:
        """Whoever still runs is not listened to any more, sees it before its next test, and stops."""
        patience = time.monotonic() + STOP_SECONDS
        try:
            for other in self._others.values():
                other.pipe.close()
            for other in self._others.values():
                other.process.join(max(0.0, patience - time.monotonic()))
        finally:
            for other in self._others.values():
                other.process.kill()


# --- the others


def _work(session: pytest.Session, number: int, pipe: Connection, closed: list[Connection]) -> None:
    global _run_folder
    atexit._clear()  # what the first process does at its end is not ours to do
    for other in closed:
        other.close()
    random.seed()
    folders = session.config._tmp_path_factory
    _run_folder = folders.getbasetemp()
    folders._basetemp = _run_folder / f"process-{number}"
    folders._basetemp.mkdir(mode=0o700)
    if capture := session.config.pluginmanager.getplugin("capturemanager"):
        capture.stop_global_capturing()  # into files that all of us would write to
        capture.start_global_capturing()
    try:
        _Here(session, pipe).run()
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass  # nobody listens, or is to: the run was stopped
    except pytest.exit.Exception as end:
        pipe.send(("exit", str(end)))
    except Exception:
        pipe.send(("trouble", traceback.format_exc()))
    finally:
        atexit._run_exitfuncs()


class _Here:
    """Runs what it is given. It is a plugin, and stands for the test after the last one it knows."""

    def __init__(self, session: pytest.Session, pipe: Connection) -> None:
        self._session, self._pipe = session, pipe
        self._coming: Group | None = None

    def run(self) -> None:
        items, config = self._session.items, self._session.config
        config.pluginmanager.register(self)
        try:
            while group := self._next_group():
                self._coming = None
                for index, following in zip(group, [*group[1:], None], strict=True):
                    if self._pipe.poll():
                        raise EOFError  # nothing is said to who has not asked
                    self._pipe.send(("begin", index))
                    nextitem = self if following is None else items[following]
                    self._reports: list[pytest.TestReport] = []
                    config.hook.pytest_runtest_protocol(item=items[index], nextitem=nextitem)
                    write = config.hook.pytest_report_to_serializable
                    self._pipe.send(("end", index, [write(config=config, report=report) for report in self._reports]))
        finally:
            self._session._setupstate.teardown_exact(None)

    def _next_group(self) -> Group:
        if self._coming is None:
            self._pipe.send(("next",))
            self._coming = self._pipe.recv()
        return self._coming

    def listchain(self) -> list[pytest.Item | pytest.Collector]:
        """Asked of the next test when the one before it cleans up: what has to stay."""
        try:
            group = self._next_group()
        except (EOFError, OSError):
            return []
        return self._session.items[group[0]].listchain() if group else []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: Any) -> bool:
        """As pytest's own, but nobody in this process is told."""
        self._reports = runtestprotocol(item, log=False, nextitem=nextitem)
        return True

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, when: str, nodeid: str) -> None:
        """The first process lists them."""
        text = f"{warning_message.category.__name__}: {warning_message.message}"
        said = {"message": pytest.PytestWarning(text), "category": pytest.PytestWarning}
        said |= {"filename": warning_message.filename, "lineno": warning_message.lineno}
        self._pipe.send(("warning", when, nodeid, said))
