"""The thin door to DBOS: one durable workflow per generation, and a sweeper that would finish them all without it.

What is asked for in a process that carries is begun there at once. The queue is for what a process leaves to others;
asking it costs five milliseconds each time, more than anything else that a process does which has nothing to do.

The workflow only moves time forward: each step calls `advance`, which re-reads the books and is safe to repeat. DBOS
keeps its own tables in its own SQLite file (or in a schema of our PostgreSQL); losing them loses nothing but time.

DBOS is loaded with the launch or the first word left for a worker: nothing that is shown to anybody waits for it.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy
from anyio.from_thread import BlockingPortal, start_blocking_portal

from app.jobs.ending import Until
from app.jobs.sweeper import Carrier, Sweeper

if TYPE_CHECKING:
    from dbos import DBOSClient, DBOSConfig, EnqueueOptions

QUEUE = "generations"
TOPIC = "look"
#: Workflows started by an older release are taken over by a newer one, so the version never changes.
APPLICATION_VERSION = "farebox-1"
#: DBOS keeps the waiting time of a workflow; a longer wait is cut into looks.
LONGEST_WAIT_SECONDS = 30.0
#: Carried at a time by one process; the rest waits in the queue.
AT_ONCE: Final = 200
#: Seconds between two looks into the queue, of a process that has nothing else to do and of one that serves as well.
#: The queue keeps them for all: one that serves leaves what a worker has set.
ALONE_LOOKS, SERVING_LOOKS = 0.125, 1.0
#: What the queue of an installation keeps that was there before servers asked less often than workers.
FORMER_LOOKS: Final = 0.1

NOT_HANDED_OVER = "could not hand %s to the workflow engine; the sweeper will carry it"

log = logging.getLogger("farebox.jobs")


class Engine:
    """Implements `kernel.work.Work`. One per process; `launch` starts it, `stop` ends it. A process that is `alone`
    serves no requests besides."""

    def __init__(self, database_url: str, executor_id: str, *, alone: bool = False) -> None:
        self._alone = alone
        self._config: DBOSConfig = {
            "name": "farebox",
            "system_database_url": database_url,
            "application_version": APPLICATION_VERSION,
            "executor_id": executor_id,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 0.1,
            "max_executor_threads": 64,
        }
        self._outbox = ThreadPoolExecutor(max_workers=2, thread_name_prefix="jobs-outbox")
        self._sweeper = Sweeper()
        self._open = ExitStack()
        self._carrying: BlockingPortal
        self._running = False
        self._launching: threading.Thread | None = None
        self._ending = threading.Event()
        self._beginning = threading.Lock()

    def launch_behind(self, carrier: Carrier, failed: Callable[[Exception], None]) -> None:
        """Launch in a thread of its own; `failed` is told there what went wrong. Until it is up, what is asked for is
        left to the sweeper."""

        def work() -> None:
            try:
                self.launch(carrier)
            except Exception as error:
                failed(error)

        self._launching = threading.Thread(target=work, name="engine-launch", daemon=True)
        self._launching.start()

    def launch(self, carrier: Carrier) -> None:
        """Register the workflow, recover what this executor left behind, and start sweeping. Who was told to end
        meanwhile begins none of it."""
        import dbos  # noqa: F401 - loading it takes seconds, for which nobody who stops has to wait

        with self._beginning:
            if not self._ending.is_set():
                self._launch(carrier)

    def _launch(self, carrier: Carrier) -> None:
        from dbos import DBOS

        prepare_sqlite(self._config["system_database_url"] or "")
        DBOS(config=self._config)
        _register(carrier)
        _here.is_ending = False
        DBOS.launch()
        kept = DBOS.retrieve_queue(QUEUE)
        mine = self._alone or (kept is not None and kept.polling_interval_sec == FORMER_LOOKS)
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=AT_ONCE,
            polling_interval_sec=ALONE_LOOKS if self._alone else SERVING_LOOKS,
            on_conflict="always_update" if mine else "never_update",
        )
        self._carrying = self._open.enter_context(start_blocking_portal(name="carrying"))
        self._running = True
        self._sweeper.start(carrier)

    def end(self) -> None:
        """Begin no step any more."""
        self._ending.set()
        self._sweeper.end()
        if self._running:
            _here.is_ending = True

    def stop(self, until: Until | None = None) -> None:
        """Stop taking work; running workflows are recovered at the next launch. Steps under way are waited for: one
        that is cut off may have bought something, and nobody would know."""
        until = until or Until()
        self._ending.set()
        if not self._beginning.acquire(timeout=until.left):
            return  # it is cut off in its launch, which the next one recovers from
        self._beginning.release()
        if not self._running:
            return
        self.end()
        self._running = False
        self._sweeper.stop(until)
        self._outbox.shutdown(wait=True)
        _here.wait(until)
        self._open.close()  # whatever is carried there is cut off where it waits
        from dbos import DBOS

        DBOS.destroy(workflow_completion_timeout_sec=0)

    def follow(self, generation_id: str) -> None:
        if not self._running:
            return
        if len(_here.carried) < AT_ONCE:
            with suppress(RuntimeError):  # it has just been stopped
                self._carrying.start_task_soon(_begin, generation_id)
        else:
            self._later(_enqueue, generation_id)

    def wake(self, generation_id: str) -> None:
        self._later(_send, generation_id)

    def _later(self, call: Callable[[str], None], generation_id: str) -> None:
        """Asking may be lost (the sweeper finds the generation); it must never fail or delay the caller."""
        if self._running:
            self._outbox.submit(_logged, call, generation_id)


def _logged(call: Callable[[str], object], generation_id: str) -> None:
    try:
        call(generation_id)
    except Exception:
        log.exception(NOT_HANDED_OVER, generation_id)


async def _begin(generation_id: str) -> None:
    """Carry it here; known already, it is left to whoever carries it."""
    from dbos import DBOS, SetWorkflowID

    try:
        with SetWorkflowID(generation_id):
            await DBOS.start_workflow_async(_workflow(), generation_id)
    except Exception:
        log.exception(NOT_HANDED_OVER, generation_id)


def _enqueue(generation_id: str) -> None:
    from dbos import DBOS, SetWorkflowID

    with SetWorkflowID(generation_id):
        DBOS.enqueue_workflow(QUEUE, _workflow(), generation_id)


def _send(generation_id: str) -> None:
    from dbos import DBOS

    DBOS.send(generation_id, "look", topic=TOPIC)


class Remote:
    """`kernel.work.Work` for a process that carries nothing: it leaves word for those that do."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._lock = threading.Lock()
        self._client: DBOSClient | None = None
        self._outbox = ThreadPoolExecutor(max_workers=2, thread_name_prefix="jobs-remote")

    def follow(self, generation_id: str) -> None:
        options: EnqueueOptions = {
            "workflow_name": "carry",
            "queue_name": QUEUE,
            "workflow_id": generation_id,
            "app_version": APPLICATION_VERSION,
        }
        self._later(lambda client: client.enqueue(options, generation_id), generation_id)

    def wake(self, generation_id: str) -> None:
        self._later(lambda client: client.send(generation_id, "look", topic=TOPIC), generation_id)

    def _later(self, call: Callable[["DBOSClient"], object], generation_id: str) -> None:
        """Asking may be lost (a worker's sweeper finds the generation); it must never fail or delay the caller."""
        self._outbox.submit(_logged, lambda _: call(self._connected()), generation_id)

    def _connected(self) -> "DBOSClient":
        from dbos import DBOSClient

        with self._lock:
            if self._client is None:
                prepare_sqlite(self._url)
                self._client = DBOSClient(system_database_url=self._url)
            return self._client


_carrier: Carrier | None = None
_registered: Callable[[str], Any] | None = None


class _Here:
    """What this process carries now, whatever loop it is on."""

    def __init__(self) -> None:
        self.carried: set[str] = set()
        self.is_ending = False
        self._steps: set[str] = set()

    async def step(self, carrier: Carrier, generation_id: str) -> float | None:
        self._steps.add(generation_id)
        try:
            if not self.is_ending:
                return await carrier.advance(generation_id)
        finally:
            self._steps.discard(generation_id)
        return await asyncio.Future()  # until it is cut off: the next process goes on from here

    def wait(self, until: Until) -> None:
        """Let the steps under way come to their end."""
        while self._steps and until.left:
            time.sleep(0.02)


_here = _Here()


def _workflow() -> Callable[[str], Any]:
    if _registered is None:
        raise RuntimeError("the engine was not launched")
    return _registered


def _register(carrier: Carrier) -> None:
    """DBOS finds workflows by their registered name, once per process; the carrier may be replaced (in tests)."""
    global _carrier, _registered
    _carrier = carrier
    if _registered is None:
        _registered = _define()


def _define() -> Callable[[str], Any]:
    """The workflow: look, wait as long as that look said or until somebody rings, look again."""
    from dbos import DBOS

    named = DBOS.step(name="advance", retries_allowed=True, max_attempts=10, interval_seconds=1.0, backoff_rate=2.0)
    step = named(_step)

    @DBOS.workflow(name="carry")
    async def carry(generation_id: str) -> str:
        _here.carried.add(generation_id)
        try:
            while (wait := await step(generation_id)) is not None:
                await DBOS.recv_async(TOPIC, timeout_seconds=min(max(wait, 0.05), LONGEST_WAIT_SECONDS))
            return generation_id
        finally:
            _here.carried.discard(generation_id)

    return carry


async def _step(generation_id: str) -> float | None:
    if _carrier is None:
        raise RuntimeError("the engine was not launched")
    return await _here.step(_carrier, generation_id)


def prepare_sqlite(url: str) -> None:
    """DBOS needs WAL before it opens the file (its default journal is four times slower) and `unixepoch`, which
    SQLite has only from 3.38 on, with sub-seconds from 3.42 on."""
    if not url.startswith("sqlite"):
        return
    path = sqlalchemy.make_url(url).database or ""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    if not sqlalchemy.event.contains(sqlalchemy.Engine, "connect", _add_unixepoch):
        sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _add_unixepoch)


def _add_unixepoch(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.create_function("unixepoch", -1, _unixepoch)


def _unixepoch(*modifiers: str) -> float | int:
    """`unixepoch()` and `unixepoch('subsec')` as SQLite 3.42 answers them; DBOS uses no other form."""
    return time.time() if any("subsec" in str(modifier) for modifier in modifiers) else int(time.time())
