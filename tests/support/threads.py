"""Work in threads whose failures are the test's."""

import threading
from collections.abc import Callable, Sequence

PATIENCE_SECONDS = 120.0


def at_once(*works: Callable[[], object]) -> None:
    """Each in a thread of its own, begun together; raises a `BaseExceptionGroup` of what went wrong in them."""
    barrier = threading.Barrier(len(works))
    failures: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            barrier.wait(PATIENCE_SECONDS)
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    failures += _stuck(threads)
    if failures:
        raise BaseExceptionGroup(f"{len(failures)} of {len(works)} failed", failures)


def _stuck(threads: Sequence[threading.Thread]) -> list[BaseException]:
    return [TimeoutError(f"{thread.name} never ended") for thread in threads if thread.is_alive()]
