"""From a model's name and its input to what will be made: kind, how many, how big, how long, in which format."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from app.sandbox.faults import without_markers
from app.sandbox.jobs import Failure, FaultSet, Input
from app.sandbox.sizes import BadSize, Size, image_size, seedance_size, video_size

IMAGE, VIDEO, AUDIO = "image", "video", "audio"
CHARACTERS_PER_SECOND = 15
MAX_SECONDS = 60
MAX_COUNT = 10
MAX_CHARACTERS = 20_000

_IMAGE = re.compile(r"text-to-image|image-to-image|/edit$")
_MOVING = re.compile(r"to-video")
_AUDIO = re.compile(r"speech|tts|elevenlabs|audio|music|voice|\bdia\b", re.I)
_VIDEO = re.compile(r"veo|kling|seedance|\bwan\b|wan-|hailuo|video|sora|runway|luma|ltx|pixverse|mochi|vidu", re.I)
#: (model, default resolution in lines, default seconds)
_VIDEO_DEFAULTS = (
    ("seedance-1-lite|seedance/v1/lite|seedance-2", 720, 5),
    ("seedance", 1080, 5),
    ("hailuo-02/pro", 1080, 6),
    ("hailuo", 768, 6),
    ("veo", 720, 8),
    ("kling", 1080, 5),
    ("sora", 720, 4),
    ("", 720, 5),
)
_COUNTS = ("num_images", "num_outputs", "n", "max_images", "num_samples")
_PNG_MODELS = re.compile(r"nano-banana|gpt-image|seedream|imagen|gemini")


class BadInput(ValueError):
    """The input cannot be run. `problems`: `{field, message, type}` each."""

    def __init__(self, *problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{problem['field']}: {problem['message']}" for problem in problems))
        self.problems = problems

    def failure(self) -> Failure:
        return Failure(422, self.problems[0]["type"], str(self), tuple(self.problems))


@dataclass(frozen=True, slots=True)
class Plan:
    kind: str
    count: int
    width: int
    height: int
    seconds: Fraction
    frames: int
    format: str  # png | jpeg | webp | mp4 | mp3 | wav
    sound: bool
    characters: int
    prompt: str
    seed: int

    @property
    def size(self) -> Size:
        return self.width, self.height

    @property
    def rate(self) -> Fraction:
        """Frames per second, exact."""
        return Fraction(self.frames) / self.seconds


def plan_of(provider: str, model: str, given: Input) -> Plan:
    """What this input asks for; `BadInput` says everything that is wrong with it."""
    kind = kind_of(model)
    text = _text(given)
    problems = list(_missing(model, given, text))
    try:
        count = _count(given) if kind == IMAGE else 1
        width, height = _size(kind, model, given)
        seconds, frames = _length(kind, model, given, text)
    except BadSize as error:
        problems.append(
            _problem(error.field, str(error), "image_too_large" if "pixels" in str(error) else "value_error")
        )
    except BadInput as error:
        problems.extend(error.problems)
    if problems:
        raise BadInput(*problems)
    return Plan(
        kind=kind,
        count=count,
        width=width,
        height=height,
        seconds=seconds,
        frames=frames,
        format=_format(kind, provider, model, given),
        sound=kind == VIDEO and _sound(model, given),
        characters=len(text),
        prompt=without_markers(text),
        seed=_seed(given, text),
    )


def kind_of(model: str) -> str:
    """Image, video or audio, told from the model's name."""
    if _IMAGE.search(model):
        return IMAGE
    if _AUDIO.search(model) and not _MOVING.search(model):
        return AUDIO
    return VIDEO if _VIDEO.search(model) else IMAGE


def altered(plan: Plan, faults: FaultSet) -> Plan:
    """What will really be delivered when a fault says other than what was asked."""
    if "none" in faults:
        return replace(plan, count=0)
    if "fewer" in faults:
        return replace(plan, count=max(0, plan.count - int(faults["fewer"])))
    if "long-output" in faults and plan.kind != IMAGE:
        asked = faults["long-output"]
        return replace(plan, seconds=Fraction(asked) if asked else plan.seconds + Fraction(8, 1000))
    return plan


def _missing(model: str, given: Input, text: str) -> list[Mapping[str, str]]:
    found = []
    if not text.strip():
        found.append(
            _problem(
                "text" if kind_of(model) == AUDIO and "prompt" not in given else "prompt", "Field required", "missing"
            )
        )
    if len(text) > MAX_CHARACTERS:
        found.append(_problem("prompt", f"at most {MAX_CHARACTERS} characters", "string_too_long"))
    if "image-to-video" in model and not any(
        given.get(name) for name in ("image_url", "image_urls", "image", "start_image")
    ):
        found.append(_problem("image_url", "Field required", "missing"))
    return found


def _text(given: Input) -> str:
    for field in ("prompt", "text"):
        value = given.get(field)
        if isinstance(value, str) and value:
            return value
    return ""


def _count(given: Input) -> int:
    for field in _COUNTS:
        if given.get(field) is not None:
            count = _integer(field, given[field])
            if not 1 <= count <= MAX_COUNT:
                raise BadInput(_problem(field, f"must be between 1 and {MAX_COUNT}", "value_error"))
            return count
    return 1


def _size(kind: str, model: str, given: Input) -> Size:
    if kind == AUDIO:
        return 0, 0
    if kind == VIDEO:
        lines = _defaults(model)[0]
        return seedance_size(given, lines=lines) if "seedance" in model else video_size(given, lines=lines)
    if "seedream" in model and "4.5" in model:
        return image_size(given, scale=4.0 if given.get("quality") == "high" else 2.0)
    return image_size(given, scale=2.0 if "ultra" in model and "flux" in model else 1.0)


def _length(kind: str, model: str, given: Input, text: str) -> tuple[Fraction, int]:
    """Seconds and frames; a still has neither."""
    if kind == IMAGE:
        return Fraction(0), 0
    if kind == AUDIO:
        voice = given.get("voice_setting")
        asked = voice.get("speed") if isinstance(voice, Mapping) else given.get("speed")
        speed = _number("speed", asked or 1)
        return max(Fraction(1, 2), Fraction(len(text), CHARACTERS_PER_SECOND) / max(speed, Fraction(1, 4))), 0
    fps = _number(
        "frames_per_second",
        given.get("frames_per_second") or given.get("fps") or (16 if "num_frames" in given or "a14b" in model else 24),
    )
    if not 1 <= fps <= 60:
        raise BadInput(_problem("frames_per_second", "must be between 1 and 60", "value_error"))
    if given.get("num_frames") is not None or "a14b" in model:
        frames = _integer("num_frames", given.get("num_frames") or 81)
        if not 1 <= frames <= MAX_SECONDS * 60:
            raise BadInput(_problem("num_frames", "is out of range", "value_error"))
        return Fraction(frames) / fps, frames
    seconds = _seconds(model, given)
    return seconds, max(1, round(seconds * fps))


def _seconds(model: str, given: Input) -> Fraction:
    for field in ("duration", "seconds", "n_frames"):
        value = given.get(field)
        if value in (None, "", "auto"):
            continue
        seconds = _number(field, str(value).removesuffix("s"))
        if not 0 < seconds <= MAX_SECONDS:
            raise BadInput(_problem(field, f"must be between 1 and {MAX_SECONDS} seconds", "value_error"))
        return seconds
    return Fraction(_defaults(model)[1])


def _defaults(model: str) -> tuple[int, int]:
    return next((lines, seconds) for pattern, lines, seconds in _VIDEO_DEFAULTS if re.search(pattern, model))


def _sound(model: str, given: Input) -> bool:
    asked = given.get("generate_audio", given.get("sound"))
    return bool(asked) if asked is not None else "veo" in model or "sora" in model


def _format(kind: str, provider: str, model: str, given: Input) -> str:
    if kind == VIDEO:
        return "mp4"
    asked = str(given.get("output_format") or given.get("outputFormat") or given.get("response_format") or "").lower()
    if kind == AUDIO:
        settings = given.get("audio_setting")
        inner = str(settings.get("format") or "") if isinstance(settings, Mapping) else ""
        return "wav" if (inner or asked).startswith(("wav", "pcm")) else "mp3"
    if asked in {"png", "webp"}:
        return asked
    if asked in {"jpg", "jpeg"}:
        return "jpeg"
    if provider == "replicate":
        return "webp"
    return "png" if provider == "kie" or _PNG_MODELS.search(model) else "jpeg"


def _seed(given: Input, text: str) -> int:
    seed = given.get("seed") or given.get("seeds")
    if isinstance(seed, int) and not isinstance(seed, bool):
        return seed
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _integer(field: str, value: Any) -> int:
    number = _number(field, value)
    if number.denominator != 1:
        raise BadInput(_problem(field, "Input should be a valid integer", "int_parsing"))
    return number.numerator


def _number(field: str, value: Any) -> Fraction:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or isinstance(value, bool):
        raise BadInput(_problem(field, "Input should be a valid number", "float_parsing"))
    return Fraction(number)


def _problem(field: str, message: str, kind: str) -> Mapping[str, str]:
    return {"field": field, "message": message, "type": kind}
