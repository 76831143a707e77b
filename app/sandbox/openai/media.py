"""Pictures, speech and transcripts: made while the client waits."""

import asyncio
import base64
import tempfile
import time
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import av
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app.sandbox.door import hang_up
from app.sandbox.faults import without_markers
from app.sandbox.openai import errors, words
from app.sandbox.openai.counter import Counter, Order, headers, json_object
from app.sandbox.openai.prices import Spent, image_tokens
from app.sandbox.plan import AUDIO, CHARACTERS_PER_SECOND, IMAGE, Plan
from app.sandbox.render import audio, image
from app.sandbox.render.ffmpeg import run
from app.sandbox.sizes import BadSize, image_size

QUALITIES = ("low", "medium", "high", "xhigh", "max")
FORMATS = ("png", "jpeg", "webp")
MOST_IMAGES, MOST_CHARACTERS = 10, 4096
SPEECH_MIMES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
}
IMAGE_TOKENS_IN, AUDIO_TOKENS_A_SECOND, SPEECH_TOKENS_A_SECOND = 323, 10, 20


class Media:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    async def generate(self, request: Request) -> Response:
        return await self._pictures(request, await json_object(request), 0)

    async def edit(self, request: Request) -> Response:
        given, files = await form_of(request)
        pictures = [one for name, one in files if name in ("image", "image[]")]
        if not pictures and not given.get("images"):
            raise errors.bad_request("Missing required parameter: 'image'.", "image")
        return await self._pictures(request, given, len(pictures) or len(given["images"]))

    async def speak(self, request: Request) -> Response:
        given = await json_object(request)
        text = str(given.get("input") or "")
        order = await self._counter.order(request, "speech", given, text)
        form = str(given.get("response_format") or "mp3")
        if not text or len(text) > MOST_CHARACTERS:
            raise errors.bad_request(f"input must have 1 to {MOST_CHARACTERS} characters", "input")
        if form not in SPEECH_MIMES or not given.get("voice"):
            raise errors.bad_request("voice is required and response_format must be known", "response_format")
        said = without_markers(text)
        seconds = max(Fraction(1, 2), Fraction(len(said), CHARACTERS_PER_SECOND))
        spent = Spent(characters=len(text), input=words.count(text), output=int(seconds * SPEECH_TOKENS_A_SECOND))
        job = self._counter.buy(order, spent)
        await self._counter.spoil(order)
        await self._counter.think(order)
        return Response(await asyncio.to_thread(_sound, said, seconds, form), 200, headers(job.id), SPEECH_MIMES[form])

    async def transcribe(self, request: Request) -> Response:
        given, files = await form_of(request)
        sound = next((one for name, one in files if name == "file"), None)
        order = await self._counter.order(request, "transcription", given, str(given.get("prompt") or ""))
        if sound is None:
            raise errors.bad_request("Missing required parameter: 'file'.", "file")
        content = await sound.read()
        try:
            seconds = await asyncio.to_thread(_length, content)
        except (av.error.FFmpegError, ValueError) as error:
            raise errors.bad_request("The audio file could not be decoded or its format is not supported.") from error
        text = words.answer_to(f"{len(content)} {content[:64].hex()}")
        spent = Spent(input=int(seconds * AUDIO_TOKENS_A_SECOND), output=words.count(text), seconds=seconds)
        job = self._counter.buy(order, spent)
        await self._counter.spoil(order)
        await self._counter.think(order)
        form = str(given.get("response_format") or "json")
        if form in ("text", "srt", "vtt"):
            return PlainTextResponse(_captioned(text, seconds, form), headers=headers(job.id))
        body: dict[str, Any] = {"text": text}
        if form == "verbose_json":
            body |= {"task": "transcribe", "language": "english", "duration": float(seconds), "segments": []}
        if "missing-usage" not in order.faults:
            body["usage"] = _heard(order, spent)
        return JSONResponse(body, headers=headers(job.id))

    async def _pictures(self, request: Request, given: Mapping[str, Any], seen: int) -> Response:
        prompt = str(given.get("prompt") or "")
        order = await self._counter.order(request, "images", given, prompt)
        if not prompt:
            raise errors.bad_request("Missing required parameter: 'prompt'.", "prompt")
        count, size, quality, form = _asked(given, order)
        made = max(0, count - int(order.faults["fewer"])) if "fewer" in order.faults else count
        spent = Spent(
            input=words.count(prompt),
            image_input=seen * IMAGE_TOKENS_IN,
            image_output=made * image_tokens(order.model, quality, *size),
        )
        job = self._counter.buy(order, spent)
        await self._counter.spoil(order)
        await self._counter.think(order, 4)
        drawn = [
            await asyncio.to_thread(_picture, without_markers(prompt), size, form, index, order.model)
            for index in range(made)
        ]
        if "cut" in order.faults:
            return hang_up(request)
        body: dict[str, Any] = {
            "created": int(time.time()),
            "background": "opaque",
            "output_format": form,
            "quality": quality,
            "size": f"{size[0]}x{size[1]}",
            "data": [{"b64_json": picture} for picture in drawn],
        }
        if "missing-usage" not in order.faults:
            body["usage"] = _drawn(spent, zero="zero-usage" in order.faults)
        return JSONResponse(body, headers=headers(job.id))


async def form_of(request: Request) -> tuple[dict[str, Any], list[tuple[str, UploadFile]]]:
    """Fields and files of a form; a JSON body has only fields."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await json_object(request), []
    form = await request.form()
    files = [(name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)]
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}, files


def _asked(given: Mapping[str, Any], order: Order) -> tuple[int, tuple[int, int], str, str]:
    """How many, how large, how good and in which format; `auto` becomes what is really made."""
    asked = str(given.get("quality") or "auto")
    quality = order.faults.get("quality-resolved") or ("high" if asked == "auto" else asked)
    size = str(given.get("size") or "auto")
    form = str(given.get("output_format") or "png")
    try:
        count = int(given.get("n") or 1)
        pixels = image_size({"size": "1024x1024" if size == "auto" else size})
    except (BadSize, ValueError) as error:
        raise errors.bad_request(f"Invalid value: {error}", "size") from error
    if not 1 <= count <= MOST_IMAGES or quality not in QUALITIES or form not in FORMATS:
        raise errors.bad_request("n, quality or output_format is not one of those there are", "quality")
    return count, pixels, quality, form


def _drawn(spent: Spent, *, zero: bool) -> dict[str, Any]:
    """Usage as an image answer words it: every class of tokens."""
    spent = Spent() if zero else spent
    return {
        "input_tokens": spent.prompt,
        "input_tokens_details": {"text_tokens": spent.input, "image_tokens": spent.image_input},
        "output_tokens": spent.completion,
        "output_tokens_details": {"text_tokens": spent.output, "image_tokens": spent.image_output},
        "total_tokens": spent.prompt + spent.completion,
    }


def _heard(order: Order, spent: Spent) -> dict[str, Any]:
    spent = Spent() if "zero-usage" in order.faults else spent
    if order.model.startswith("whisper"):
        return {"type": "duration", "seconds": round(float(spent.seconds), 3)}
    return {
        "type": "tokens",
        "input_tokens": spent.input,
        "input_token_details": {"audio_tokens": spent.input, "text_tokens": 0},
        "output_tokens": spent.output,
        "total_tokens": spent.input + spent.output,
    }


@lru_cache(maxsize=32)
def _picture(prompt: str, size: tuple[int, int], form: str, index: int, model: str) -> str:
    """Base64 of a picture. The last ones are remembered: a benchmark asks for the same one over and over."""
    width, height = size
    plan = Plan(IMAGE, 1, width, height, Fraction(0), 0, form, False, len(prompt), prompt, index)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picture.{form}"
        image.render(plan, index, model, path)
        return base64.b64encode(path.read_bytes()).decode()


@lru_cache(maxsize=32)
def _sound(text: str, seconds: Fraction, form: str) -> bytes:
    plan = Plan(AUDIO, 1, 0, 0, seconds, 0, "wav", False, len(text), text, 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        audio.render(plan, path)
        if form in ("wav", "pcm"):
            return path.read_bytes()[44 if form == "pcm" else 0 :]
        target = path.with_suffix(f".{form}")
        run("-i", str(path), str(target))
        return target.read_bytes()


def _length(content: bytes) -> Fraction:
    """Seconds of a sound, to the millisecond."""
    with av.open(BytesIO(content), "r") as opened:
        if opened.duration is None:
            raise ValueError("it does not say how long it is")
        return Fraction(opened.duration // 1000, 1000)


def _captioned(text: str, seconds: Fraction, form: str) -> str:
    if form == "text":
        return text + "\n"
    end = f"00:00:{int(seconds):02d}{',' if form == 'srt' else '.'}{int(seconds % 1 * 1000):03d}"
    start = "00:00:00,000" if form == "srt" else "00:00:00.000"
    return f"1\n{start} --> {end}\n{text}\n" if form == "srt" else f"WEBVTT\n\n{start} --> {end}\n{text}\n"
