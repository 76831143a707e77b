"""The port every provider implements: submit once, ask, cancel, read a callback. Their words in, our words out.

Errors an adapter may raise from `submit` (app.kernel.errors):
- `ProviderBusy`     proven that nothing was accepted (could not connect, 429 or 503 with Retry-After): may be retried
- `ProviderRefused`  the provider said no for good (401, 402, 403, 404, 422 …): never the customer's money
- `ProviderUnclear`  bytes may have left and no usable answer came back: may have been bought, never resubmit
`status`, `cancel`, `find` and `download` raise `ProviderBusy` for anything that a later try may mend, a refused key
included, and `ProviderRefused` otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol


class UpstreamState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Job:
    """One paid submission. `callback_url` already carries our attempt id and its signature."""

    attempt_id: str
    upstream_model: str
    params: Mapping[str, Any]
    callback_url: str
    route_settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpstreamRef:
    """How to find the job again; the URLs are those the provider returned, checked to be on its configured hosts."""

    upstream_id: str
    upstream_model: str
    status_url: str | None = None
    response_url: str | None = None
    cancel_url: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteFile:
    url: str
    mime: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the job stands.

    `billable_units` is the provider's own count in its own unit (the route says which); `resolved` holds parameters
    as the provider really used them (quality `auto` → `high`); `reported` usage keys: input_tokens,
    cached_input_tokens, output_tokens, video_tokens, seconds, images, predict_seconds (time on the provider's
    hardware). An explicit zero is not a missing value.
    """

    state: UpstreamState
    queue_position: int | None = None
    percent: int | None = None
    files: tuple[RemoteFile, ...] = ()
    billable_units: Decimal | None = None
    reported: Mapping[str, Decimal] = field(default_factory=dict)
    resolved: Mapping[str, Any] = field(default_factory=dict)
    error_code: str | None = None
    error_message: str | None = None
    charged_anyway: bool = False  # the provider bills this job although it did not deliver (Replicate `canceled`)


class CancelAnswer(StrEnum):
    CANCELED = "canceled"
    REQUESTED = "requested"
    TOO_LATE = "too_late"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Callback:
    """A verified callback. It is only ever a hint to look: money is settled from what `status` re-reads."""

    upstream_id: str


class Provider(Protocol):
    kind: str

    async def submit(self, job: Job) -> UpstreamRef: ...

    async def status(self, ref: UpstreamRef) -> Progress: ...

    async def cancel(self, ref: UpstreamRef) -> CancelAnswer: ...

    async def find(self, job: Job, since: datetime) -> UpstreamRef | None:
        """Look for a job whose submit answer was lost; None when the provider offers no way or has no such job."""

    async def read_callback(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Callback:
        """Verify the signature (raises `NotAllowed`) and say which job the callback is about.

        `ProviderBusy` when what it is verified with cannot be fetched now: the provider should call again.
        """

    async def download(self, file: RemoteFile, limit_bytes: int) -> "Download":
        """Stream an output from the provider's configured hosts only."""

    async def check(self) -> str:
        """Prove that base URL and key work, without buying anything; a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file fetched to a temporary path on our disk."""

    path: str
    mime: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Connection:
    """What an adapter is built from; the keys are in the clear here and nowhere else."""

    provider_id: str
    kind: str
    base_url: str
    api_key: str
    callback_secret: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
