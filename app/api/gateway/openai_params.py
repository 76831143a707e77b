"""OpenAI's parameter names onto a model's own: `n`, `size`, `seconds` mean whatever parameter the model meters so.

A model that has a parameter of the same name keeps it; otherwise `n` becomes the one that counts outputs, `seconds` the
one that sets the length, and `size` the choices that give those pixels.
"""

from collections.abc import Mapping, Sequence
from math import gcd
from typing import Any

from app.catalogue.offers import Offer
from app.kernel.errors import InvalidInput, UnknownParameter
from app.pricing.numbers import shown, size_in
from app.pricing.parameters import AUTO, MASK, Kind, ParamSchema

#: OpenAI's own parameters that say how to answer, not what to make.
ANSWER_ONLY = frozenset({"user", "response_format", "safety_identifier"})
#: Values that leave the choice to a model: one that has no such choice need not be told.
NO_CHOICE = frozenset({"auto", "standard"})
METERED = {"n": "image", "seconds": "second"}
#: Short sides that are called by another name than their number of lines.
RESOLUTIONS = {2160: "4k", 1440: "2k"}
#: What models call the text they read aloud, the voice they do it in, and the format it comes in.
TEXTS = ("text", "prompt", "script")
VOICES = ("voice_id", "voice_name", "speaker")
SPEECH_FORMATS = ("output_format", "format", "audio_format")
#: What a model without such a choice need not be told.
PASSED_OVER = {"input": (), "voice": ("auto", "standard"), "response_format": ("mp3",)}


def to_input(offer: Offer, body: Mapping[str, Any], control: frozenset[str]) -> dict[str, Any]:
    """The model's input from an OpenAI body, less the fields in `control` that the route handles itself."""
    schema = offer.schema
    given: dict[str, Any] = {}
    for name, value in body.items():
        if name in control or name in ANSWER_ONLY or value is None:
            continue
        if (parameter := schema.get(name)) is not None:
            if value == AUTO and AUTO not in parameter.enum and parameter.default is not None and parameter.enum:
                continue  # the choice is left to the model, and its default is one
            given[name] = value
        elif name in METERED:
            given.update(_metered(schema, name, value))
        elif isinstance(value, str) and value in NO_CHOICE:
            continue
        elif name == "size":
            given.update(_size(offer, str(value)))
        else:
            given[name] = value  # the coercion door says what would be right
    return given


def pictures_of(offer: Offer, pictures: Sequence[str], mask: str | None, param: str) -> dict[str, Any]:
    """Pictures that are put in, as the parameters of this model that take them; `param` is how the caller named them.

    A list takes them all; otherwise the first frame, or the picture to be changed, takes one.
    """
    masks = [one for one in offer.schema.parameters if one.kind is Kind.FILE and MASK in one.name]
    places = [one for one in offer.schema.parameters if one.takes_picture]
    if pictures and not places:
        raise InvalidInput(f"{offer.alias} takes no picture. GET /v1/models/{{id}} lists what it takes.", param=param)
    if mask is not None and not masks:
        raise InvalidInput(f"{offer.alias} takes no mask.", param=MASK)
    found: dict[str, Any] = {} if mask is None else {masks[0].name: mask}
    lists = [one for one in places if one.kind is Kind.ARRAY]
    if pictures and lists:
        return found | {lists[0].name: list(pictures)}
    firsts = sorted(places, key=lambda one: not one.required)[:1]
    if len(pictures) > len(firsts):
        raise InvalidInput(f"{offer.alias} takes one picture, not {len(pictures)}.", param=param)
    return found | {one.name: picture for one, picture in zip(firsts, pictures, strict=False)}


def speech_of(offer: Offer, body: Mapping[str, Any], control: frozenset[str]) -> dict[str, Any]:
    """The input of a model that speaks, from OpenAI's `input`, `voice`, `speed` and `response_format`."""
    schema, given = offer.schema, dict(body)
    voice = given.get("voice")
    if isinstance(voice, Mapping):
        given["voice"] = voice.get("id")
    for name, theirs in (("input", TEXTS), ("voice", VOICES), ("response_format", SPEECH_FORMATS)):
        if name in given and name not in schema.names:
            target = next((one for one in theirs if one in schema.names), None)
            value = given.pop(name)
            if target is not None:
                given[target] = value
            elif value is not None and value not in PASSED_OVER[name]:
                raise UnknownParameter(f"{offer.alias} has no parameter “{name}”.", param=name)
    return {name: value for name, value in given.items() if name not in control and value is not None}


def recording_of(offer: Offer, reference: str) -> dict[str, Any]:
    """A recording, as the parameter that takes one."""
    target = next((one for one in offer.schema.parameters if one.kind is Kind.FILE), None)
    if target is None:
        raise InvalidInput(f"{offer.alias} takes no recording.", param="file")
    return {target.name: reference}


def _metered(schema: ParamSchema, name: str, value: Any) -> dict[str, Any]:
    meter = METERED[name]
    target = next((parameter.name for parameter in schema.parameters if parameter.meter == meter), None)
    if target is not None:
        return {target: value}
    if str(value) == "1" and name == "n":
        return {}
    raise UnknownParameter(f"This model has no parameter “{name}”: it makes one output a request.", param=name)


def _size(offer: Offer, wanted: str) -> dict[str, Any]:
    schema = offer.schema
    pixels = size_in(wanted.lower())
    if pixels is None:
        raise InvalidInput(f"size is WIDTHxHEIGHT in pixels, such as 1024x1024, not {shown(wanted)}.", param="size")
    for values, size in schema.sizes.items():
        if size == pixels:
            return dict(zip(schema.size_by, values.split("|"), strict=True))
    if {"width", "height"} <= set(schema.names):
        return {"width": pixels[0], "height": pixels[1]}
    found = _in_words(schema, *pixels)
    if found is not None:
        return found
    known = ", ".join(sorted({f"{w}x{h}" for w, h in schema.sizes.values()}))
    said = f"Sizes it makes: {known}." if known else "GET /v1/models/{id} lists its parameters."
    raise InvalidInput(f"{offer.alias} does not make {wanted}. {said}", param="size")


def _in_words(schema: ParamSchema, width: int, height: int) -> dict[str, Any] | None:
    """`1280x720` as resolution “720p” and aspect ratio “16:9”; None unless every such parameter has that value."""
    common = gcd(width, height)
    words = {
        "aspect_ratio": f"{width // common}:{height // common}",
        "resolution": RESOLUTIONS.get(min(width, height), f"{min(width, height)}p"),
    }
    found: dict[str, Any] = {}
    for name, word in words.items():
        parameter = schema.get(name)
        if parameter is None:
            continue
        value = next((value for value in parameter.enum if str(value).lower() == word), None)
        if value is None:
            return None
        found[name] = value
    return found or None
