"""Writing the pictures a plan asks for."""

import hashlib
from pathlib import Path

from PIL import Image

from app.sandbox.plan import Plan
from app.sandbox.render import caption, scene

MIMES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_OPTIONS = {"png": {"compress_level": 3}, "jpeg": {"quality": 90}, "webp": {"quality": 84, "method": 1}}


def seed_of(plan: Plan, index: int) -> int:
    """The same prompt and seed give the same picture; every index another one."""
    return int.from_bytes(hashlib.sha256(f"{plan.prompt}|{plan.seed}|{index}".encode()).digest()[:8], "big")


def render(plan: Plan, index: int, label: str, path: Path, given: Image.Image | None = None) -> None:
    """Draw picture `index` of the plan to `path`, or change the `given` one; `label` (the model) goes on the strip."""
    seed = seed_of(plan, index)
    picture = scene.changed(given, seed, plan.size) if given else scene.still(seed, plan.size)
    number = f" · {index + 1}/{plan.count}" if plan.count > 1 else ""
    details = f"{label} · {plan.width}x{plan.height} {plan.format} · seed {plan.seed}{number}"
    caption.onto(picture, plan.prompt, details)
    picture.save(path, plan.format.upper(), **_OPTIONS[plan.format])
