"""`POST /v1/images/generations` and `/v1/images/edits` in OpenAI's shape: answered with the pictures themselves."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from app.api.gateway import bodies, calls, common, making
from app.api.gateway.common import Gateway
from app.api.gateway.dialects import Dialect
from app.api.gateway.making import Made, Order
from app.api.gateway.openai_params import pictures_of, to_input
from app.kernel.errors import InvalidInput

FORMATS = ("url", "b64_json")
LIGHT = 64 * 1024
CONTROL = making.CONTROL | {"response_format", "stream", "partial_images"}
#: The names a picture that is to be changed goes by; the list is OpenAI's in JSON.
PICTURES = ("image", "images")
SAID = ("background", "output_format", "quality", "size", "usage")


def generations(gateway: Gateway, dialect: Dialect) -> calls.Handler:
    return _handler(gateway, dialect, edits=False)


def edits(gateway: Gateway, dialect: Dialect) -> calls.Handler:
    return _handler(gateway, dialect, edits=True)


def _handler(gateway: Gateway, dialect: Dialect, *, edits: bool) -> calls.Handler:
    async def handle(request: Request) -> Response:
        holder = await gateway.authenticate(request)
        async with bodies.read(request) as body, making.inputs_of(gateway, holder) as inputs:
            fields = body.fields
            form = _form(fields)
            found = await calls.find(gateway, holder, fields, "images")
            given = await _given(found[0].schema.names, fields, inputs, edits=edits)
            control = CONTROL | {"mask", *PICTURES} if edits else CONTROL
            put_in = pictures_of(found[0], *given) if edits else {}
            asked = making.order(found, "images", fields, to_input(found[0], fields, control) | put_in, inputs)
            if common.is_dry_run(request):
                return await making.dry_run(gateway, holder, request, asked)
            made = await making.make(gateway, holder, request, asked)
            with calls.showing(made.metadata["generation_id"]):
                if _is_light(made):
                    return _answer(gateway, asked, made, form)
                return await asyncio.to_thread(_answer, gateway, asked, made, form)

    return calls.guarded(handle, dialect)


def _form(fields: Mapping[str, Any]) -> str | None:
    """How the pictures are wanted: None leaves it to us."""
    if str(fields.get("stream", "")).lower() == "true" or fields.get("partial_images") not in (None, 0, "0"):
        raise InvalidInput("Pictures come whole here: leave out stream and partial_images.", param="stream")
    form = fields.get("response_format")
    if form not in (None, *FORMATS):
        raise InvalidInput("response_format is “url” or “b64_json”.", param="response_format")
    return form


async def _given(
    names: tuple[str, ...], fields: Mapping[str, Any], inputs: bodies.Inputs, *, edits: bool
) -> tuple[list[str], str | None, str]:
    """The pictures to be changed, the mask, and how the caller named them."""
    if not edits:
        return [], None, "image"
    name = next((one for one in PICTURES if fields.get(one)), None)
    if name is None:
        raise InvalidInput("image is missing: the picture to be changed.", param="image")
    pictures = await inputs.references(fields[name], name)
    mask = fields.get("mask")
    return pictures, None if mask is None else await inputs.reference(mask, "mask"), name


def _is_light(made: Made) -> bool:
    """Whether everything is here, and little enough to be written out between other requests."""
    return all(one.base64 is not None and len(one.base64) <= LIGHT for one in made.files)


def _answer(gateway: Gateway, asked: Order, made: Made, form: str | None) -> Response:
    """Without a wish: both for a model of OpenAI's shape, whose clients expect them inside; else addresses."""
    wished = (form,) if form else FORMATS if asked.at_once else ("url",)
    revised = list(made.answer.get("revised_prompts") or ())
    data = []
    for position, file in enumerate(made.files):
        picture: dict[str, Any] = {}
        if "url" in wished:
            picture["url"] = gateway.wire.file_url(file.id)
        if "b64_json" in wished:
            picture["b64_json"] = file.base64 or _read(gateway, file.id)
        if position < len(revised) and revised[position]:
            picture["revised_prompt"] = revised[position]
        data.append(picture)
    said = {name: made.answer[name] for name in SAID if name in made.answer}
    whole = {"created": made.answer.get("created", made.created_at), "data": data, **said, "metadata": made.metadata}
    return calls.json_response(whole, made.headers)


def _read(gateway: Gateway, file_id: str) -> str:
    return base64.b64encode(gateway.desk.files.open(file_id)[1].read_bytes()).decode()
