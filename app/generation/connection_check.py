"""Whether a provider's address and key work: asked of the provider itself, remembered for the pages that only tell."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.generation.desk import Desk
from app.kernel.errors import FareboxError

PATIENCE_SECONDS = 20.0
REMEMBERED_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the provider answered: its own sentence when `works`, otherwise what is wrong."""

    works: bool
    sentence: str
    at: datetime


@dataclass
class Checks:
    """The last answer of every provider, for this process. Nothing is bought by asking."""

    desk: Desk
    _last: dict[str, Checked] = field(default_factory=dict)

    def last(self, provider_id: str) -> Checked | None:
        return self._last.get(provider_id)

    def forget(self, provider_id: str) -> None:
        """Its address or key has changed: what it answered before says nothing any more."""
        self._last.pop(provider_id, None)

    async def check(self, provider_id: str) -> Checked:
        """Ask now."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                provider = await self.desk.providers.get(provider_id)
                answer = Checked(True, await provider.check(), self.desk.clock())
        except FareboxError as refused:
            answer = Checked(False, refused.message, self.desk.clock())
        except TimeoutError:
            sentence = f"No answer within {PATIENCE_SECONDS:.0f} seconds. Check the address."
            answer = Checked(False, sentence, self.desk.clock())
        self._last[provider_id] = answer
        return answer

    async def recent(self, provider_id: str) -> Checked:
        """The last answer if it is fresh, else ask."""
        known = self.last(provider_id)
        fresh = known is not None and self.desk.clock() - known.at < REMEMBERED_FOR
        return known if known is not None and fresh else await self.check(provider_id)
