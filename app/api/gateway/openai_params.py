"""OpenAI's parameter names onto a model's own: `n`, `size`, `seconds` mean whatever parameter the model meters so.

A model that has a parameter of the same name keeps it; otherwise `n` becomes the one that counts outputs, `seconds` the
one that sets the length, and `size` the choices that give those pixels.
"""

from collections.abc import Mapping
from math import gcd
from typing import Any

from app.catalogue.offers import Offer
from app.kernel.errors import InvalidInput, UnknownParameter
from app.pricing.numbers import shown, size_in
from app.pricing.parameters import ParamSchema

#: OpenAI's own parameters that say how to answer, not what to make.
ANSWER_ONLY = frozenset({"user", "response_format", "safety_identifier"})
METERED = {"n": "image", "seconds": "second"}
#: Short sides that are called by another name than their number of lines.
RESOLUTIONS = {2160: "4k", 1440: "2k"}


def to_input(offer: Offer, body: Mapping[str, Any], control: frozenset[str]) -> dict[str, Any]:
    """The model's input from an OpenAI body, less the fields in `control` that the route handles itself."""
    schema = offer.schema
    given: dict[str, Any] = {}
    for name, value in body.items():
        if name in control or name in ANSWER_ONLY or value is None:
            continue
        if name in schema.names:
            given[name] = value
        elif name in METERED:
            given.update(_metered(schema, name, value))
        elif name == "size":
            given.update(_size(offer, str(value)))
        else:
            given[name] = value  # the coercion door says what would be right
    return given


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
