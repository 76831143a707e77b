"""How the values of a choice are written and drawn: words for enums, shapes for sizes. Pure."""

import re
from decimal import Decimal
from fractions import Fraction
from math import isqrt

from app.kernel.text import t
from app.pricing.parameters import AUTO, Parameter, ParamSchema
from app.ui import present

#: File formats are written in capitals.
FORMATS = frozenset({"jpeg", "jpg", "png", "webp", "gif", "mp3", "mp4", "wav", "flac", "ogg", "webm", "hd"})
SHAPE_AREA = 190  # square pixels of a drawn shape
SHAPE_SIDE = 24  # its longest side

_RATIO = re.compile(r"^(\d{1,3}):(\d{1,3})$")
_PIXELS = re.compile(r"^(\d{2,5})[x×*](\d{2,5})$")
_NAMED = re.compile(r"^(?:portrait|landscape)_(\d{1,2})_(\d{1,2})$")
_SECONDS = re.compile(r"^(\d+(?:\.\d+)?)s$")


def value_label(value: object) -> str:
    """`jpeg` → JPEG, `8s` → 8 s, `Wise_Woman` → Wise Woman, `high` → High; what has digits stays as it is."""
    if isinstance(value, bool):
        return t("playground.value.on" if value else "playground.value.off")
    text = str(value)
    if text.lower() in FORMATS:
        return text.upper()
    if seconds := _SECONDS.match(text):
        return f"{seconds[1]} s"
    if any(letter.isdigit() for letter in text):
        return text
    words = text.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def shape_label(value: str) -> str:
    """The words under a ratio tile: `landscape_4_3` → 4:3, `1024x1536` → 1024×1536, `square_hd` → Square HD."""
    if named := _NAMED.match(value):
        wide, high = sorted((int(named[1]), int(named[2])), reverse=value.startswith("landscape"))
        return f"{wide}:{high}"
    if pixels := _PIXELS.match(value):
        return f"{pixels[1]}{present.TIMES}{pixels[2]}"
    words = [word.upper() if word.lower() in FORMATS else word for word in value.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def setting_label(parameter: Parameter | None, value: object, schema: ParamSchema) -> str:
    """A parameter's value for reading, as its control would show it."""
    if isinstance(value, list):
        return ", ".join(setting_label(parameter.item if parameter else None, one, schema) for one in value)
    if isinstance(value, float):
        return present.number(Decimal(str(value)))
    if parameter is None or not (parameter.enum or isinstance(value, bool)):
        return str(value)
    return shape_label(str(value)) if is_shape(parameter, schema) else value_label(value)


def ratio_of(value: str, schema: ParamSchema, name: str) -> Fraction | None:
    """Width over height of a value: by its own spelling, or by the size table where it decides alone."""
    if named := _NAMED.match(value):
        wide, high = sorted((int(named[1]), int(named[2])), reverse=value.startswith("landscape"))
        return Fraction(wide, high)
    for pattern in (_RATIO, _PIXELS):
        if (found := pattern.match(value)) and int(found[1]) and int(found[2]):
            return Fraction(int(found[1]), int(found[2]))
    size = schema.sizes.get(value) if schema.size_by == (name,) else None
    return Fraction(*size) if size else None


def is_shape(parameter: Parameter, schema: ParamSchema) -> bool:
    """Whether an enum is about the picture's shape: all its values are, but for words such as auto."""
    texts = [value for value in parameter.enum if isinstance(value, str)]
    drawn = [value for value in texts if ratio_of(value, schema, parameter.name) is not None]
    undrawn = [value for value in texts if value not in drawn]
    few = len(undrawn) <= 1 and all(value == AUTO or "input" in value for value in undrawn)
    return len(drawn) >= 2 and len(texts) == len(parameter.enum) and few


def shape_sides(ratio: Fraction | None) -> tuple[int, int]:
    """Width and height of the drawn shape, of about the same area whatever the ratio."""
    if ratio is None:
        return 15, 15
    width = isqrt(int(SHAPE_AREA * ratio))
    height = isqrt(int(SHAPE_AREA / ratio))
    return min(max(width, 6), SHAPE_SIDE), min(max(height, 6), SHAPE_SIDE)


def pixels_of(schema: ParamSchema, params: dict[str, object], name: str) -> str:
    """The size the present choice makes, `1536 × 1152`, where the schema's table or the value itself says so."""
    if name in schema.size_by:
        key = "|".join(str(params.get(one, "")) for one in schema.size_by)
        if size := schema.sizes.get(key):
            return present.pixels(*size)
    if written := _PIXELS.match(str(params.get(name, ""))):
        return present.pixels(int(written[1]), int(written[2]))
    return ""
