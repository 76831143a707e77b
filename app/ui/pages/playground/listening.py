"""Answers on their way in this process: read to their end whether a tab looks on or not, and shown as far as they are.

The database has the answer once it is whole; what is here is only there to be watched coming.
"""

import asyncio
import contextlib

from app.generation.flow import Flow
from app.generation.inline.run import detached
from app.generation.meter import Meter
from app.kernel.errors import FareboxError

#: How long a tab waits for more before it looks whether it is over.
LOOK_SECONDS = 0.2


class Answer:
    """A text that is being written. `is_over` once its bill is written too."""

    def __init__(self, workspace_id: str) -> None:
        self.workspace_id = workspace_id
        self.meter = Meter()
        self.is_over = False
        self._news = asyncio.Event()

    @property
    def text(self) -> str:
        return self.meter.said

    async def more(self) -> None:
        """Until there is more of it, or for a moment."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), LOOK_SECONDS)
        self._news.clear()
        await asyncio.sleep(LOOK_SECONDS / 4)  # several words at once are one look

    async def read(self, flow: Flow) -> None:
        """Take it down to its end."""
        try:
            async for chunk in flow:
                self.meter.add(chunk)
                self._news.set()
            with contextlib.suppress(FareboxError):  # how it ended is in the database, for whoever looks there
                await flow.outcome()
        finally:
            self.is_over = True
            self._news.set()


_open: dict[str, Answer] = {}


def begin(flow: Flow, workspace_id: str) -> str:
    """Read it from now on; its generation's id."""
    assert flow.job is not None  # noqa: S101 - it has begun
    generation_id, answer = flow.job.id, Answer(workspace_id)
    _open[generation_id] = answer
    detached(answer.read(flow)).add_done_callback(lambda _: _open.pop(generation_id, None))
    return generation_id


def of(generation_id: str, workspace_id: str) -> Answer | None:
    """The answer of this workspace that is on its way here; None when there is none, or it is another's."""
    found = _open.get(generation_id)
    return found if found is not None and found.workspace_id == workspace_id else None


def any_of(workspace_id: str) -> str:
    """One that is on its way for this workspace, the latest; "" for none."""
    mine = [key for key, answer in _open.items() if answer.workspace_id == workspace_id]
    return mine[-1] if mine else ""
