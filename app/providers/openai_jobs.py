"""Pictures and speech of an OpenAI-compatible host as jobs: the answer comes with the submission and is kept for us.

The id of such a job is made of our attempt's, so a result that was kept just before a crash is found again.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from app.kernel.errors import ProviderRefused, ProviderUnclear
from app.kernel.text import t
from app.providers.port import Answer, Call, Download, Job, Progress, RemoteFile, UpstreamRef, UpstreamState
from app.providers.spool import SCHEME, Spool

PREFIX = "direct-"
#: What may be bought as a job although it is answered at once.
AT_ONCE = ("images", "speech")


class Jobs:
    def __init__(self, call: Callable[[Call], Awaitable[Answer]], spool: Spool) -> None:
        self._call = call
        self._spool = spool

    async def submit(self, job: Job) -> UpstreamRef:
        if job.operation not in AT_ONCE:
            raise ProviderRefused(
                f"A model for {job.operation or 'this'} cannot be run as a job on this provider.",
                code="provider_model_unknown",
            )
        operation, body = _edited(job)
        call = Call(operation, job.upstream_model, body, attempt_id=job.attempt_id, route_settings=job.route_settings)
        answer = await self._call(call)
        ref = UpstreamRef(f"{PREFIX}{job.attempt_id}", job.upstream_model)
        await asyncio.to_thread(self._keep, ref.upstream_id, answer)
        return ref

    async def status(self, ref: UpstreamRef) -> Progress:
        told = await asyncio.to_thread(self._spool.told, ref.upstream_id)
        if told is None:
            return Progress(
                UpstreamState.FAILED,
                error_code="result_expired",
                error_message=t("providers.result_expired"),
                charged_anyway=True,
            )
        return Progress(
            UpstreamState.DONE,
            percent=100,
            files=tuple(RemoteFile(**file) for file in told["files"]),
            reported={name: Decimal(figure) for name, figure in told["reported"].items()},
            resolved=told["resolved"],
        )

    async def find(self, job: Job) -> UpstreamRef | None:
        spool_id = f"{PREFIX}{job.attempt_id}"
        told = await asyncio.to_thread(self._spool.told, spool_id)
        return None if told is None else UpstreamRef(spool_id, job.upstream_model)

    async def download(self, file: RemoteFile, limit_bytes: int) -> Download:
        fetched = await asyncio.to_thread(self._spool.fetch, file.url, file.mime)
        if fetched is None:
            raise ProviderRefused("The result is no longer kept here.", code="output_gone")
        return fetched

    def _keep(self, spool_id: str, answer: Answer) -> None:
        """Outputs that came inside the answer go to the spool; addresses stay addresses."""
        inline = [file for file in answer.files if file.url.startswith("data:")]
        contents = [_decoded(file.url) for file in inline]
        if answer.body is None and answer.raw is not None:
            contents, inline = [answer.raw], [RemoteFile("", answer.mime)]
        kept = [
            RemoteFile(f"{SCHEME}{spool_id}/{index}", file.mime, file.width, file.height).to_json()
            for index, file in enumerate(inline)
        ]
        linked = [file.to_json() for file in answer.files if not file.url.startswith("data:")]
        reported = {name: str(figure) for name, figure in answer.reported.items()}
        told = {"files": [*kept, *linked], "reported": reported, "resolved": dict(answer.resolved)}
        self._spool.put(spool_id, told, contents)


def _edited(job: Job) -> tuple[str, Mapping[str, Any]]:
    """A picture put in makes it an edit, which takes pictures by address."""
    given = job.params.get("image")
    if job.operation != "images" or not given:
        return job.operation, job.params
    body: dict[str, Any] = {name: value for name, value in job.params.items() if name not in ("image", "mask")}
    body["images"] = [{"image_url": url} for url in (given if isinstance(given, list) else [given])]
    if job.params.get("mask"):
        body["mask"] = {"image_url": job.params["mask"]}
    return "image_edits", body


def is_at_once(upstream_id: str) -> bool:
    """Whether this job was answered with its submission."""
    return upstream_id.startswith(PREFIX)


def _decoded(url: str) -> bytes:
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise ProviderUnclear("The provider sent an output that cannot be decoded.") from error
