"""Pictures, speech and transcripts of a provider that answers at once, as plans.

The price is the one the same request has in the playground; what comes back is kept as files before it is charged for.
A picture that is put in makes an edit of it. Files travel as a form; where one of them is only an address, all go as
addresses, those of ours written out as `data:`.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.catalogue.offers import Offer
from app.catalogue.operations import AS_JOBS, AT_ONCE
from app.catalogue.param_schema import coerce
from app.files.store import Unreadable
from app.files.tables import StoredFile
from app.generation.desk import Desk
from app.generation.inputs import check_owned, lengths
from app.generation.measure import Arrived, Delivered, customer_usage, upstream_usage
from app.generation.plan import Keep, Kept, Plan
from app.kernel.errors import InvalidInput, ProviderBusy, ProviderRefused
from app.kernel.ids import is_id
from app.kernel.money import Money
from app.pricing.expect import TOKENS, filled
from app.pricing.parameters import MASK, Kind, Parameter
from app.pricing.quote import Expected, Quote, estimate
from app.pricing.usage import Usage
from app.providers.port import Answer, RemoteFile, Upload

log = logging.getLogger(__name__)

IMAGES, EDITS, SPEECH, TRANSCRIPTION = "images", "image_edits", "speech", "transcription"
FILE_LIMIT_BYTES = 64 * 2**20
#: Fields of OpenAI's that change nothing about the price, and are passed on although a model does not declare them.
PASSED: Mapping[str, frozenset[str]] = {
    IMAGES: frozenset({"background", "moderation", "output_compression", "output_format"}),
    SPEECH: frozenset({"instructions", "response_format", "speed"}),
    TRANSCRIPTION: frozenset(
        {
            "chunking_strategy", "include", "keywords", "known_speaker_names", "known_speaker_references", "language",
            "languages", "prompt", "response_format", "temperature", "timestamp_granularities",
        }
    ),
}  # fmt: skip
#: What an answer about pictures says beside them, and a repetition says again.
SAID = ("created", "background", "output_format", "quality", "size", "usage")


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPlan(Plan):
    """Held and shown at the price the playground shows."""

    shown: Quote

    @property
    def hold(self) -> Money:
        return self.shown.maximum

    def estimate(self, hold: Money) -> dict[str, Any]:
        return self.shown.to_json()

    def quote(self) -> Quote:
        return self.shown


def answers_at_once(offer: Offer, forced: str | None) -> bool:
    """Whether every provider that may serve it answers in the same exchange; otherwise it runs as a job, where what is
    asked for can be one. What cannot passes by the providers that take jobs only."""
    routes = [route for route in offer.routes if forced in (None, route.provider_id)]
    if offer.operation not in AS_JOBS:
        return bool(routes)
    return bool(routes) and all(route.provider_kind in AT_ONCE for route in routes)


def plan_media(
    desk: Desk, offer: Offer, given: Mapping[str, Any], passed: Mapping[str, Any], workspace_id: str, forced: str | None
) -> MediaPlan:
    """The plan of a request with the parameters `given`; `passed` goes to the provider as it is. Reads the files that
    are given (`takes_files`), and nothing else.

    Raises InvalidInput or UnknownParameter naming the field, Unpriced when the model's price cannot be told.
    """
    schema = offer.schema
    params = coerce(schema, given)
    check_owned(desk.files, params, workspace_id)
    known = lengths(desk.files, schema, params)
    files = {parameter.name: parameter for parameter in schema.parameters if _is_file(parameter)}
    body = {name: value for name, value in params.items() if name not in files}
    operation, uploads, addressed = _files(desk, offer.operation, files, params)
    expected, most = usages = Expected.of(schema, params, known)
    return MediaPlan(
        offer=offer,
        operation=operation,
        body={**_named(passed), **body, **addressed},
        params=params,
        expected=expected,
        most=most,
        count_input=lambda: int(expected.input_tokens or 0),
        files=uploads,
        keep=_keeper(desk, offer, workspace_id, expected),
        forced=forced,
        shown=estimate(offer.card, schema, params, lengths=known, known=usages),
    )


def _named(passed: Mapping[str, Any]) -> dict[str, Any]:
    """A list is named like one, as forms have it."""
    return {f"{name}[]" if isinstance(value, list) else name: value for name, value in passed.items()}


# --- what goes in


def takes_files(offer: Offer, given: Mapping[str, Any]) -> bool:
    """Whether planning such a request reads files."""
    return any(given.get(parameter.name) for parameter in offer.schema.parameters if _is_file(parameter))


def _is_file(parameter: Parameter) -> bool:
    return parameter.kind is Kind.FILE or (parameter.item is not None and parameter.item.kind is Kind.FILE)


def _files(
    desk: Desk, operation: str, files: Mapping[str, Parameter], params: Mapping[str, Any]
) -> tuple[str, tuple[Upload, ...], dict[str, Any]]:
    """The operation it becomes, the files of a form, and what stands in the body where there can be no form."""
    given = [(name, value) for name in files for value in _listed(params.get(name))]
    if operation == TRANSCRIPTION:
        name, value = given[0] if given else ("file", "")
        if not is_id(value, "file"):
            raise InvalidInput("Send the recording itself, or upload it to /uploads first.", param=name)
        return operation, (_upload(desk, "file", value),), {}
    if operation != IMAGES or not given:
        return operation, (), {}
    if all(is_id(value, "file") for _, value in given):
        return EDITS, tuple(_upload(desk, _field(name), value) for name, value in given), {}
    body: dict[str, Any] = {}
    for name, value in given:
        picture = {"image_url": _written_out(desk, value) if is_id(value, "file") else value}
        if _field(name) == MASK:
            body[MASK] = picture
        else:
            body.setdefault("images", []).append(picture)
    return EDITS, (), body


def _listed(value: Any) -> list[str]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _field(name: str) -> str:
    return MASK if MASK in name else "image[]"


def _upload(desk: Desk, field: str, file_id: str) -> Upload:
    row, path = desk.files.open(file_id)
    return Upload(field, f"{file_id}{path.suffix}", row.mime, path)


def _written_out(desk: Desk, file_id: str) -> str:
    row, path = desk.files.open(file_id)
    return f"data:{row.mime};base64,{base64.b64encode(path.read_bytes()).decode()}"


# --- what comes out


def _keeper(desk: Desk, offer: Offer, workspace_id: str, expected: Usage) -> Keep:
    """How the answer of this request is kept and measured."""

    async def keep(generation_id: str, provider_id: str, answer: Answer) -> Kept:
        if offer.operation == TRANSCRIPTION:
            return _transcript(offer, answer, expected)
        contents = [RemoteFile("", answer.mime)] if offer.operation == SPEECH else list(answer.files)
        stored = [
            await _store(desk, workspace_id, generation_id, provider_id, position, file, answer)
            for position, file in enumerate(contents)
        ]
        arrived = tuple(_arrived(row, file) for row, file in zip(stored, contents, strict=True))
        delivered = Delivered(arrived, len(expected.outputs), reported=answer.reported)
        return Kept(
            usage=filled(customer_usage(delivered), expected),
            billed=filled(upstream_usage(delivered), expected),
            answer=_said(offer.operation, answer),
            files=tuple(row for row in stored if row is not None),
            estimated=_is_guessed(offer, answer),
            is_nothing=not delivered.files,
        )

    return keep


def _transcript(offer: Offer, answer: Answer, expected: Usage) -> Kept:
    """The text is the output; its length is the provider's figure, or the recording's own."""
    told = Delivered((Arrived("text"),), 1, reported=answer.reported)
    usage = filled(customer_usage(told), expected)
    return Kept(usage, usage, _said(offer.operation, answer), estimated=_is_guessed(offer, answer))


async def _store(
    desk: Desk,
    workspace_id: str,
    generation_id: str,
    provider_id: str,
    position: int,
    file: RemoteFile,
    answer: Answer,
) -> StoredFile | None:
    """One output on our disk; None when it was made and is lost."""
    try:
        given = None
        if file.url and not file.url.startswith("data:"):
            provider = await desk.providers.get(provider_id)
            given = (await provider.download(file, FILE_LIMIT_BYTES)).path

        def lay_down() -> StoredFile:
            content = _content(file.url, answer) if given is None else Path(given)
            return desk.files.lay_down(
                content, workspace_id=workspace_id, generation_id=generation_id, position=position
            )  # fmt: skip

        return await asyncio.to_thread(lay_down)
    except (ProviderBusy, ProviderRefused, Unreadable) as error:
        log.warning("output %s of %s was made by %s and is lost: %s", position, generation_id, provider_id, error)
        return None


def _content(url: str, answer: Answer) -> bytes:
    """What came with the answer itself."""
    if not url:
        return answer.raw or b""
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise Unreadable("The provider sent an output that cannot be decoded.") from error


def _arrived(row: StoredFile | None, file: RemoteFile) -> Arrived:
    if row is None:
        return Arrived(None, file.width, file.height)
    seconds = None if row.duration_micros is None else Decimal(row.duration_micros).scaleb(-6)
    return Arrived(row.id, row.width, row.height, seconds)


def _said(operation: str, answer: Answer) -> dict[str, Any]:
    """What a repetition is answered from, beside the files."""
    body = answer.body or {}
    if operation == IMAGES:
        data = body.get("data")
        revised = [item.get("revised_prompt") for item in data if isinstance(item, dict)] if data else []
        return {**{name: body[name] for name in SAID if body.get(name) is not None}, "revised_prompts": revised}
    if operation == TRANSCRIPTION:
        text = None if answer.body is not None else (answer.raw or b"").decode("utf-8", "replace")
        return {"body": body, "text": text, "mime": answer.mime}
    return {"mime": answer.mime}


def _is_guessed(offer: Offer, answer: Answer) -> bool:
    """Whether the price goes by tokens and the provider told none."""
    by_token = offer.rule is not None and offer.rule.get("unit") == "token"
    return by_token and not any(name in answer.reported for name in TOKENS)
