"""kill -9 at every named point of a generation, on both databases, and what the process after it makes of the rest.

Whatever the moment: the generation ends settled or released, it is charged at most once, no upstream job is bought
twice, every job the provider accepted is known to us, and the books balance to the micro-credit.
"""

import asyncio
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.generation import rows, views
from app.generation.advance import advance
from app.generation.sweep import overdue
from app.generation.views import Seen
from tests.faults.generation_process import run
from tests.support.effort import sweep
from tests.support.house import House, house, settings_for

FAILING = "[[fault:completed-with-error]]"
STEPS = 300

#: Point → the prompt's fault marker that leads there, and how the generation must end.
POINTS: dict[str, tuple[str, set[str]]] = {
    "hold.before_insert": ("", set()),
    "hold.before_commit": ("", set()),
    "lane.after_commit": ("", {"completed"}),
    "start.after_hold": ("", {"completed"}),
    "submit.after_intent": ("", {"failed"}),
    "submit.after_answer": ("", {"completed"}),
    "settle.after_files": ("", {"completed"}),
    "settle.after_hold": ("", {"completed"}),
    "settle.after_lots": ("", {"completed"}),
    "settle.before_commit": ("", {"completed"}),
    "settle.after_commit": ("", {"completed"}),
    "release.before_commit": (FAILING, {"failed"}),
}
#: Before anything is bought, in the doubt, after it, and while it is paid.
ALWAYS = ("hold.before_commit", "submit.after_intent", "submit.after_answer", "settle.before_commit")
NOTHING_SENT = {"hold.before_insert", "hold.before_commit", "submit.after_intent"}

pytestmark = pytest.mark.faults


def killed(home: House, url: str, folder: Path, point: str, given: dict[str, Any]) -> None:
    """Run one generation in a process of its own that dies at `point`."""
    ended = run(folder, url, home.sandbox_url, home.workspace_id, given, point)
    assert ended == -signal.SIGKILL, f"{point} was never reached"


async def recover(home: House) -> None:
    """What the sweeper does after a restart, without its patience."""
    desk = home.services.desk
    for _ in range(STEPS):
        late = await overdue(desk, timedelta(0))
        await asyncio.gather(*(advance(desk, generation_id) for generation_id in late))
        if not await desk.read(views.page, views.Filter(open_only=True)):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not every generation came to an end")


def generations(home: House) -> list[Seen]:
    with home.services.db.read() as connection:
        return views.page(connection, views.Filter(workspace_id=home.workspace_id))


def bought(home: House, prompt: str) -> list[dict[str, Any]]:
    return [job for job in home.book()["jobs"] if job["input"].get("prompt") == prompt]


@pytest.mark.parametrize("point", sweep(POINTS, *ALWAYS))
def test_bug_b2_a_crash_loses_and_doubles_nothing(
    point: str, seeded_url: str, sandbox_url: str, tmp_path: Path
) -> None:
    marker, endings = POINTS[point]
    with house(settings_for(tmp_path / "home", seeded_url, sandbox_url)) as home:
        before = home.available
        prompt = f"{point} in {home.workspace_id} {marker}"
        killed(home, seeded_url, tmp_path / "killed", point, {"prompt": prompt})

        asyncio.run(recover(home))

        found = generations(home)
        assert {seen.status for seen in found} == endings
        charged = sum(seen.row["charged_micros"] for seen in found)
        assert (before - home.available).micros == charged
        assert charged == sum(s.row["estimate"]["total_micros"] for s in found if s.status == "completed")
        jobs = bought(home, prompt)
        assert len(jobs) == (
            1 if point not in {"hold.before_insert", "hold.before_commit", "submit.after_intent"} else 0
        )
        assert {job["id"] for job in jobs} <= upstream_ids(home)
        home.assert_books_balance()


def upstream_ids(home: House) -> set[str | None]:
    with home.services.db.read() as connection:
        return set(connection.execute(select(rows.ATTEMPT.c.upstream_id)).scalars())
