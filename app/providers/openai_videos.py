"""The videos of an OpenAI-compatible host: created, polled, listed, and fetched with the key.

A length is text (`"8"`), and a finished video says how long it is in the same way. The list, newest first, is where a
lost submission is looked for: by its prompt, model and length, when only one job fits.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from app.kernel.errors import ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.text import t
from app.providers import usage
from app.providers.exchange import CLIENT_ID
from app.providers.http import Http
from app.providers.port import Job, Progress, RemoteFile, UpstreamRef, UpstreamState

STATES = {
    "queued": UpstreamState.QUEUED,
    "in_progress": UpstreamState.RUNNING,
    "completed": UpstreamState.DONE,
    "failed": UpstreamState.FAILED,
    "cancelled": UpstreamState.CANCELED,
    "canceled": UpstreamState.CANCELED,
    "expired": UpstreamState.FAILED,
}
PAGE = 100
MAX_PAGES = 10
#: What a listed video repeats of its request.
TOLD = ("prompt", "seconds", "size")


class Videos:
    def __init__(self, http: Http) -> None:
        self._http = http

    async def submit(self, job: Job) -> UpstreamRef:
        named = {CLIENT_ID: job.attempt_id}
        video = await self._http.post_once(f"{self._http.base}/videos", _asked(job), extra=named)
        video_id = video.get("id")
        if not isinstance(video_id, str) or not video_id:
            raise ProviderUnclear(f"{self._http.name} took the video but did not say under which id.")
        return UpstreamRef(video_id, job.upstream_model)

    async def status(self, ref: UpstreamRef) -> Progress:
        video = await self._http.read(self._url(ref.upstream_id))
        word = str(video.get("status"))
        state = STATES.get(word)
        if state is None:
            raise ProviderBusy(f"{self._http.name} reports a state we do not know: {word[:40]!r}.")
        if state in (UpstreamState.QUEUED, UpstreamState.RUNNING):
            percent = usage.whole(video.get("progress"))
            return Progress(state, percent=None if percent is None else min(percent, 100))
        if state is not UpstreamState.DONE:
            return _failed(state, video)
        seconds = usage.number(video.get("seconds"))
        return Progress(
            state,
            percent=100,
            files=(RemoteFile(self._content(video, ref.upstream_id), "video/mp4"),),
            reported={} if seconds is None else {"seconds": seconds},
            resolved=usage.resolved(video),
        )

    async def find(self, job: Job, since: datetime) -> UpstreamRef | None:
        asked = self._http.as_sent(_asked(job))
        fitting = [video["id"] async for video in self._created_since(since) if _is_of(video, asked)]
        return UpstreamRef(fitting[0], job.upstream_model) if len(fitting) == 1 else None

    async def _created_since(self, since: datetime) -> AsyncIterator[Mapping[str, Any]]:
        url = f"{self._http.base}/videos?limit={PAGE}&order=desc"
        after = ""
        for _ in range(MAX_PAGES):
            page = (await self._http.read(url + after)).get("data")
            videos = [video for video in page if isinstance(video, dict)] if isinstance(page, list) else []
            for video in videos:
                if _created_at(video) < since.replace(microsecond=0):
                    return
                yield video
            if len(videos) < PAGE:
                return
            after = f"&after={quote(str(videos[-1].get('id')), safe='')}"
        raise ProviderBusy(f"{self._http.name} lists too many videos to find one among them.")

    def _content(self, video: Mapping[str, Any], video_id: str) -> str:
        """Gateways name an address of the file; OpenAI itself hands it over under the video's own."""
        output = video.get("output")
        named = output.get("url") if isinstance(output, dict) else video.get("url")
        return named if usage.is_file_url(named) else f"{self._url(video_id)}/content"

    def _url(self, video_id: str) -> str:
        return f"{self._http.base}/videos/{quote(video_id, safe='')}"


def _asked(job: Job) -> dict[str, Any]:
    if not job.upstream_model:
        raise ProviderRefused("The route names no model.", code="provider_model_unknown")
    seconds = job.params.get("seconds")
    written = {} if seconds is None else {"seconds": str(seconds)}
    return {**job.params, **written, "model": job.upstream_model}


def _failed(state: UpstreamState, video: Mapping[str, Any]) -> Progress:
    error = video.get("error")
    said = error.get("message") if isinstance(error, dict) else None
    message = usage.sentence(said if isinstance(said, str) and said else t("providers.failed"))
    code = usage.failure_code(message) if state is UpstreamState.FAILED else "canceled"
    return Progress(state, error_code=code, error_message=message)


def _created_at(video: Mapping[str, Any]) -> datetime:
    moment = usage.number(video.get("created_at"))
    if moment is None:
        raise ProviderBusy("A listed video does not say when it was created.")
    return datetime.fromtimestamp(int(moment), UTC)


def _is_of(video: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    if not isinstance(video.get("id"), str) or video.get("model") != asked["model"]:
        return False
    return all(video.get(name) in (None, asked[name]) for name in TOLD if name in asked)
