"""The end of a process: everybody is told before anybody is waited for, and all of them share the time there is."""

import time
from typing import Final

#: A server is killed five seconds after it was told to stop.
LAST_SECONDS: Final = 4.0


class Until:
    """The moment at which waiting for what is under way ends."""

    def __init__(self, seconds: float = LAST_SECONDS) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds, never less than none."""
        return max(0.0, self._end - time.monotonic())
