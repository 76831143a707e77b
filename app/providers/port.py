"""The port every provider implements: submit once, ask, cancel, read a callback. Their words in, our words out.

Errors an adapter may raise from `submit` (app.kernel.errors):
- `ProviderBusy`     proven that nothing was accepted (could not connect, 429 or 503 with Retry-After): may be retried
- `ProviderRefused`  the provider said no for good (401, 402, 403, 404, 422 …): never the customer's money
- `ProviderUnclear`  bytes may have left and no usable answer came back: may have been bought, never resubmit
`status`, `cancel`, `find` and `download` raise `ProviderBusy` for anything that a later try may mend, a refused key
included, and `ProviderRefused` otherwise.

A provider that answers at once (`Direct`) raises the same three from `call` and when a `stream` is entered. Once a
stream flows, whatever breaks it is `ProviderUnclear`: it may have been bought, and `reported()` says what is known.
"""

import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


class UpstreamState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Job:
    """One paid submission. `callback_url` already carries our attempt id and its signature; `operation` is the model's
    (`images`, `videos`, `chat` …), for a provider that has an address for each."""

    attempt_id: str
    upstream_model: str
    params: Mapping[str, Any]
    callback_url: str
    route_settings: Mapping[str, Any] = field(default_factory=dict)
    operation: str = ""


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

    def to_json(self) -> dict[str, Any]:
        return {"url": self.url, "mime": self.mime, "width": self.width, "height": self.height}


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


@runtime_checkable
class Described(Protocol):
    """A provider that publishes what its models take."""

    async def schema(self, upstream_model: str) -> Mapping[str, Any]:
        """Its own description of a model's inputs, as it stands (OpenAPI); errors as of `check`."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart request: its form field (may repeat), and its bytes or where they lie on our disk."""

    field: str
    filename: str
    mime: str
    data: bytes | Path = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One paid exchange. `body` is what the caller of the operation writes, in OpenAI's shape and without `model`;
    with `files` it is sent as a form. `stream` and `stream_options` in it are the adapter's business."""

    operation: str
    upstream_model: str
    body: Mapping[str, Any]
    files: tuple[Upload, ...] = ()
    attempt_id: str = ""
    route_settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is the JSON object, with plain numbers, when it is one; `raw` the bytes as they arrived.

    `reported` is the usage the provider named; a key that is missing was not told, and an explicit zero is a figure.
    Besides the keys of `Progress`: image_input_tokens, image_output_tokens, characters. Token classes are disjoint:
    `input_tokens` excludes cached and image tokens, `output_tokens` excludes image tokens. Seconds are exact.
    `files` are the outputs, `data:` URLs included; `resolved` the parameters as really used (quality `auto` → `high`).
    """

    body: Mapping[str, Any] | None
    raw: bytes | None
    mime: str | None
    reported: Mapping[str, Decimal] = field(default_factory=dict)
    files: tuple[RemoteFile, ...] = ()
    resolved: Mapping[str, Any] = field(default_factory=dict)
    upstream_request_id: str | None = None
    model: str | None = None


class Streaming(Protocol):
    """An answer as it flows: iterate it for the payloads of its `data:` lines, as sent, without the closing [DONE].

    The chunk that carries only usage is among them, whether or not the caller had asked for it. The iteration ends
    when the answer is complete and raises `ProviderUnclear` when it breaks off.
    """

    def __aiter__(self) -> AsyncIterator[dict[str, Any]]: ...

    def reported(self) -> Mapping[str, Decimal] | None:
        """Usage told so far, from whichever event told it last; None when none did. Keys as in `Answer`."""

    @property
    def finish_reason(self) -> str | None:
        """Why it ended (`stop`, `length`, `tool_calls` …), once it said so."""

    @property
    def model(self) -> str | None: ...

    @property
    def upstream_request_id(self) -> str | None: ...


@runtime_checkable
class Direct(Protocol):
    """A provider that answers in the same exchange. One adapter may be a `Provider` and `Direct`."""

    kind: str

    async def call(self, call: Call) -> Answer: ...

    def stream(self, call: Call) -> AbstractAsyncContextManager[Streaming]:
        """Entered once the provider has begun to answer; leaving early closes the connection."""


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
