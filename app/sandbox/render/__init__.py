"""Turning a plan into real files."""

import random
from pathlib import Path

from app.sandbox.jobs import Made
from app.sandbox.plan import AUDIO, IMAGE, Plan
from app.sandbox.prices import decimal_text
from app.sandbox.render import audio, image, source, video

MIMES = {**image.MIMES, **audio.MIMES, "mp4": "video/mp4"}
_EXTENSIONS = {"jpeg": "jpg"}


def outputs(
    plan: Plan, label: str, folder: Path, *, picture: str | None = None, damage: str | None = None
) -> list[Made]:
    """Render every output of the plan into `folder`.

    `picture` is the address of an image to work from; `damage` spoils the files afterwards. Raises `UnreadableSource`.
    """
    given = source.load(picture)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for index in range(plan.count):
        path = folder / f"out-{index}.{_EXTENSIONS.get(plan.format, plan.format)}"
        seconds = None
        if plan.kind == IMAGE:
            image.render(plan, index, label, path, given)
        elif plan.kind == AUDIO:
            seconds = audio.render(plan, path)
        else:
            seconds = video.render(plan, label, path, given)
        if damage is not None:
            _spoil(path, damage)
        made.append(_made(plan, path, decimal_text(seconds) if seconds is not None else None))
    return made


def _made(plan: Plan, path: Path, seconds: str | None) -> Made:
    width, height = plan.size if plan.kind != AUDIO else (None, None)
    return Made(path.name, MIMES[plan.format], path.stat().st_size, width, height, seconds)


def _spoil(path: Path, damage: str) -> None:
    whole = path.read_bytes()
    noise = random.Random(len(whole)).randbytes(min(len(whole), 4096))
    path.write_bytes(whole[: len(whole) // 3] if damage == "truncated" else noise)
