"""How big an output is, read from the many ways the providers let one ask."""

import math
import re
from collections.abc import Mapping
from typing import Any

Size = tuple[int, int]

MAX_SIDE = 8192
MIN_SIDE = 64

#: fal's named sizes.
NAMED: Mapping[str, Size] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_3_2": (832, 1248),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_3_2": (1248, 832),
    "landscape_16_9": (1024, 576),
    "landscape_21_9": (1536, 672),
    "auto": (1024, 1024),
    "auto_2k": (2048, 2048),
    "auto_4k": (4096, 4096),
}

#: Aspect ratios as image models answer them, about one megapixel each.
ONE_MEGAPIXEL: Mapping[str, Size] = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "9:21": (672, 1536),
    "21:9": (1536, 672),
}

#: Seedance's frames by lines and aspect ratio: sides are multiples of 16, so 1080p is 1088 lines high.
SEEDANCE: Mapping[str, Mapping[str, Size]] = {
    "480": {
        "21:9": (960, 416),
        "16:9": (864, 480),
        "4:3": (736, 544),
        "1:1": (640, 640),
        "3:4": (544, 736),
        "9:16": (480, 864),
    },
    "720": {
        "21:9": (1504, 640),
        "16:9": (1248, 704),
        "4:3": (1120, 832),
        "1:1": (960, 960),
        "3:4": (832, 1120),
        "9:16": (704, 1248),
    },
    "1080": {
        "21:9": (2176, 928),
        "16:9": (1920, 1088),
        "4:3": (1664, 1248),
        "1:1": (1440, 1440),
        "3:4": (1248, 1664),
        "9:16": (1088, 1920),
    },
}

_PIXELS = re.compile(r"^(\d{1,5})\s*[xX*]\s*(\d{1,5})$")
_RATIO = re.compile(r"^(\d{1,2}):(\d{1,2})$")
_ANY_RATIO = {"", "auto", "match_input_image", "original", "adaptive"}
_SCALES = {"0.5k": 0.5, "512px": 0.5, "1k": 1.0, "2k": 2.0, "4k": 4.0, "basic": 2.0, "high": 4.0}
_LINES = {"4k": 2160, "2k": 1440, "1k": 1080, "default": 720}


class BadSize(ValueError):
    """`field` is the input that makes no sense."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def image_size(given: Mapping[str, Any], *, scale: float = 1.0) -> Size:
    """Pixels of one image. `scale` is the model's own multiple of a megapixel's side when none is asked for."""
    width, height = given.get("width"), given.get("height")
    if width is not None and height is not None and given.get("aspect_ratio") in {None, "custom"}:
        return _checked("width", width, height)
    for field in ("image_size", "imageSize", "size"):
        asked = given.get(field)
        if isinstance(asked, Mapping):
            return _checked(field, asked.get("width"), asked.get("height"))
        if asked:
            return _named(field, str(asked), _scale(given, scale))
    ratio = str(given.get("aspect_ratio") or given.get("aspectRatio") or "")
    return _by_ratio("aspect_ratio", ratio, _scale(given, scale))


def video_size(given: Mapping[str, Any], *, lines: int = 720) -> Size:
    """Pixels of a video from `resolution` (`720p`, `768P`, `4k`) and `aspect_ratio`; both sides even."""
    asked = str(given.get("size") or "")
    if match := _PIXELS.match(asked):
        return _checked("size", *(int(part) for part in match.groups()))
    resolution = str(given.get("resolution") or "").lower()
    short = _LINES.get(resolution) or _lines(resolution) or lines
    ratio = str(given.get("aspect_ratio") or given.get("aspectRatio") or "16:9")
    if ratio.lower() in _ANY_RATIO:
        ratio = "16:9"
    wide, high = _ratio("aspect_ratio", ratio)
    long = _even(short * max(wide, high) / min(wide, high))
    return (long, short) if wide >= high else (short, long)


def seedance_size(given: Mapping[str, Any], *, lines: int) -> Size:
    """As `video_size`, with the frames Seedance really makes."""
    resolution = str(given.get("resolution") or f"{lines}p").lower().removesuffix("p")
    ratio = str(given.get("aspect_ratio") or "16:9")
    ratio = "16:9" if ratio.lower() in _ANY_RATIO else ratio
    return SEEDANCE.get(resolution, {}).get(ratio) or video_size(given, lines=lines)


def _lines(resolution: str) -> int | None:
    if not resolution:
        return None
    match = re.match(r"^(\d{3,4})p?$", resolution)
    if not match:
        raise BadSize("resolution", f"'{resolution}' is not a resolution this model knows")
    return int(match.group(1))


def _named(field: str, name: str, scale: float) -> Size:
    if name.lower() in NAMED:
        width, height = NAMED[name.lower()]
        return _checked(field, width * scale, height * scale)
    if match := _PIXELS.match(name):
        return _checked(field, *(int(part) for part in match.groups()))
    if name.lower() in _LINES:
        return _by_ratio(field, "1:1", _SCALES.get(name.lower(), scale))
    return _by_ratio(field, name, scale)


def _by_ratio(field: str, ratio: str, scale: float) -> Size:
    if ratio.lower() in _ANY_RATIO:
        ratio = "1:1"
    wide, high = _ratio(field, ratio)
    base = ONE_MEGAPIXEL.get(ratio)
    if base is None:
        area = 1024 * 1024
        base = (_grid(math.sqrt(area * wide / high)), _grid(math.sqrt(area * high / wide)))
    return _checked(field, base[0] * scale, base[1] * scale)


def _scale(given: Mapping[str, Any], default: float) -> float:
    megapixels = given.get("megapixels") or given.get("output_megapixels")
    if megapixels is not None:
        try:
            return math.sqrt(float(megapixels))
        except ValueError:
            raise BadSize("megapixels", f"'{megapixels}' is not a number of megapixels") from None
    asked = str(given.get("resolution") or given.get("image_resolution") or "").lower()
    if match := re.match(r"^([\d.]+) ?mp$", asked):
        return math.sqrt(float(match.group(1)))
    return _SCALES.get(asked, default)


def _ratio(field: str, text: str) -> Size:
    match = _RATIO.match(text)
    if not match:
        raise BadSize(field, f"'{text}' is not a size or an aspect ratio this model knows")
    wide, high = int(match.group(1)), int(match.group(2))
    if not 0 < wide <= 10 * high or high > 10 * wide:
        raise BadSize(field, f"'{text}' is too narrow")
    return wide, high


def _checked(field: str, width: Any, height: Any) -> Size:
    try:
        sides = int(width), int(height)
    except (TypeError, ValueError):
        raise BadSize(field, "width and height must be whole numbers") from None
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in sides):
        raise BadSize(field, f"each side must be between {MIN_SIDE} and {MAX_SIDE} pixels")
    return sides


def _grid(side: float) -> int:
    return max(MIN_SIDE, round(side / 16) * 16)


def _even(side: float) -> int:
    return round(side / 2) * 2
