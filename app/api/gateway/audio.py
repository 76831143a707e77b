"""`POST /v1/audio/speech` and `/v1/audio/transcriptions` in OpenAI's shape: sound is answered as sound, and what was
said in the form that was asked for. Where the body has no room for the price, the headers tell it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from app.api.gateway import bodies, calls, common, making
from app.api.gateway.common import Gateway
from app.api.gateway.dialects import Dialect
from app.api.gateway.making import Made
from app.api.gateway.openai_params import recording_of, speech_of
from app.kernel.errors import InvalidInput, NotFound

CONTROL = making.CONTROL | {"stream", "stream_format", "file"}
TEXT_FORMATS = {"text": "text/plain; charset=utf-8", "srt": "application/x-subrip", "vtt": "text/vtt; charset=utf-8"}
FORMATS = ("json", "verbose_json", "diarized_json", *TEXT_FORMATS)


def speech(gateway: Gateway, dialect: Dialect) -> calls.Handler:
    async def handle(request: Request) -> Response:
        holder = await gateway.authenticate(request)
        async with bodies.read(request) as body, making.inputs_of(gateway, holder) as inputs:
            fields = body.fields
            if fields.get("stream_format") not in (None, "audio"):
                raise InvalidInput("Sound comes as it is here: leave out stream_format.", param="stream_format")
            found = await calls.find(gateway, holder, fields, "speech")
            asked = making.order(found, "speech", fields, speech_of(found[0], fields, CONTROL), inputs)
            if common.is_dry_run(request):
                return await making.dry_run(gateway, holder, request, asked)
            made = await making.make(gateway, holder, request, asked)
            with calls.showing(made.metadata["generation_id"]):
                return await asyncio.to_thread(_sound, gateway, made)

    return calls.guarded(handle, dialect)


def _sound(gateway: Gateway, made: Made) -> Response:
    if not made.files:
        raise NotFound("The sound is no longer kept.", code="file_gone")
    file = made.files[0]
    path = gateway.desk.files.open(file.id)[1]
    generation = {"X-Farebox-Generation": str(made.metadata["generation_id"])}
    return Response(
        path.read_bytes(), headers={**made.headers, **generation}, media_type=made.answer.get("mime") or file.mime
    )


def transcriptions(gateway: Gateway, dialect: Dialect) -> calls.Handler:
    async def handle(request: Request) -> Response:
        holder = await gateway.authenticate(request)
        async with bodies.read(request) as body, making.inputs_of(gateway, holder) as inputs:
            fields = body.fields
            _check(fields)
            found = await calls.find(gateway, holder, fields, "transcription")
            if not fields.get("file"):
                raise InvalidInput("file is missing: the recording.", param="file")
            recording = recording_of(found[0], await inputs.reference(fields["file"], "file"))
            given = {name: value for name, value in fields.items() if name not in CONTROL and value is not None}
            asked = making.order(found, "transcription", fields, given | recording, inputs)
            if common.is_dry_run(request):
                return await making.dry_run(gateway, holder, request, asked)
            made = await making.make(gateway, holder, request, asked)
            with calls.showing(made.metadata["generation_id"]):
                return _text(made, str(fields.get("response_format", "")))

    return calls.guarded(handle, dialect)


def _check(fields: Mapping[str, Any]) -> None:
    if str(fields.get("stream", "")).lower() == "true":
        raise InvalidInput("A transcript comes whole here: leave out stream.", param="stream")
    if fields.get("response_format", "json") not in FORMATS:
        raise InvalidInput(f"response_format is one of {', '.join(FORMATS)}.", param="response_format")


def _text(made: Made, form: str) -> Response:
    """As it came; JSON with our fields beside the provider's."""
    text = made.answer.get("text")
    if text is not None:
        mime = TEXT_FORMATS.get(form) or made.answer.get("mime") or "text/plain"
        return Response(text, headers=dict(made.headers), media_type=mime)
    return calls.json_response({**made.answer.get("body", {}), "metadata": made.metadata}, made.headers)
