"""What must happen later, as a protocol: whoever moves time forward (`jobs`) implements it, everyone else only asks."""

from typing import Protocol


class Work(Protocol):
    """Asking is cheap and may be lost: a sweeper starts whatever a crash left unstarted."""

    def follow(self, generation_id: str) -> None:
        """See to it that this generation is carried to its end."""

    def wake(self, generation_id: str) -> None:
        """Something happened upstream: look at this generation now rather than at its next poll."""


class Idle:
    """Does nothing; for tests and commands that drive generations by hand."""

    def follow(self, generation_id: str) -> None:
        return None

    def wake(self, generation_id: str) -> None:
        return None
