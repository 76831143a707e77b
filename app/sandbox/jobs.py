"""What the sandbox knows about one accepted job, and why one fails."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELED, ABORTED = (
    "queued",
    "running",
    "succeeded",
    "failed",
    "canceled",
    "aborted",
)
OPEN = (QUEUED, RUNNING)

Input = Mapping[str, Any]
#: Fault name → its argument, as text.
FaultSet = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed. `status` is what fal's result or kie's code says; `problems` name the inputs at fault."""

    status: int
    type: str
    message: str
    problems: tuple[Mapping[str, str], ...] = ()
    platform: bool = False  # fal words its own errors differently from a model's

    def to_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "type": self.type,
            "message": self.message,
            "problems": [dict(problem) for problem in self.problems],
            "platform": self.platform,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Failure":
        return cls(raw["status"], raw["type"], raw["message"], tuple(raw["problems"]), raw["platform"])


@dataclass(frozen=True, slots=True)
class Made:
    """One output file."""

    name: str
    mime: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    seconds: str | None = None  # exact decimal text


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the book. Times are Unix seconds; `base` is the provider root the client used."""

    id: str
    provider: str
    model: str
    family: str  # how it was submitted: fal queue, replicate model|version, kie jobs|veo|kontext
    input: Input
    callback_url: str | None
    events: tuple[str, ...]
    attempt: str | None
    base: str
    faults: FaultSet
    state: str
    unit: str
    quantity: str
    price_micros: int
    billed: bool
    refunded: bool
    accepted_at: float
    starts_at: float
    ends_at: float
    deadline_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    outputs: tuple[Made, ...] = ()
    error: Failure | None = None
    called_back: bool = False

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def cost_micros(self) -> int:
        """What this job cost its buyer in the end, in micro-USD."""
        return self.price_micros if self.billed and not self.refunded else 0

    def percent(self, now: float) -> int:
        """How far the run has come, 0 to 99 while it is going on."""
        if not self.is_open:
            return 100
        if self.started_at is None:
            return 0
        length = max(self.ends_at - self.started_at, 0.001)
        return max(0, min(99, int(100 * (now - self.started_at) / length)))


def iso(moment: float | None) -> str | None:
    """Unix seconds as the providers print them: `2026-11-21T10:00:00.000000Z`."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
