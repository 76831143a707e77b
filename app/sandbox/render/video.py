"""A clip: the prompt's landscape drawn once, its hills moving past at different paces.

The layers move at a small size and the frame is enlarged at the end; only the caption is drawn at full size. That keeps
eight seconds of 1080p at a few seconds of work.
"""

import tempfile
from fractions import Fraction
from pathlib import Path

from PIL import Image

from app.sandbox.plan import Plan
from app.sandbox.render import caption, scene
from app.sandbox.render.ffmpeg import run
from app.sandbox.render.image import seed_of

MOVING_SIDE = 640
STRETCH = 1.35
THREADS = "2"


def render(plan: Plan, label: str, path: Path, given: Image.Image | None = None) -> Fraction:
    """Write the clip and say how long it is; a `given` picture is panned over instead of the landscape."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        pictures = _draw(plan, label, Path(folder), given)
        inputs = [part for picture in pictures for part in ("-framerate", _rate(plan), "-i", str(picture))]
        sound = ["-f", "lavfi", "-i", _sound(plan)] if plan.sound else []
        voice = ["-map", f"{len(pictures)}:a", "-c:a", "aac", "-b:a", "96k"] if plan.sound else []
        run(
            *inputs,
            *sound,
            "-filter_complex",
            _filters(plan, len(pictures)),
            "-map",
            "[out]",
            *voice,
            *("-frames:v", str(plan.frames), "-t", str(float(plan.seconds))),
            *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "27", "-pix_fmt", "yuv420p", "-threads", THREADS),
            *("-movflags", "+faststart", "-movie_timescale", "90000", "-r", _rate(plan), str(path)),
        )
    return plan.seconds


def _draw(plan: Plan, label: str, folder: Path, given: Image.Image | None) -> list[Path]:
    """Sky, ranges and caption as PNG files, far to near."""
    seed, small = seed_of(plan, 0), _small(plan)
    drawn = [scene.backdrop(seed, small)]
    if given:
        drawn.append(scene.changed(given, seed, (int(small[0] * STRETCH), small[1])))
    else:
        drawn += [layer.image for layer in scene.hills(seed, small, stretch=STRETCH)]
    sound = " · with sound" if plan.sound else ""
    length = f"{float(plan.seconds):g} s · {float(plan.rate):g} fps"
    details = f"{label} · {plan.width}x{plan.height} · {length} · seed {plan.seed}{sound}"
    drawn.append(caption.strip(plan.width, plan.height, plan.prompt, details))
    paths = [folder / f"{index}.png" for index in range(len(drawn))]
    for picture, target in zip(drawn, paths, strict=True):
        picture.save(target, compress_level=1)
    return paths


def _filters(plan: Plan, pictures: int) -> str:
    """Each range slides by its own share of the spare width; then enlarge, then lay the caption on.

    Only the sky is looped: overlay repeats the single frame of its second input by itself, so nothing is decoded twice.
    """
    layers, spare = pictures - 2, int(_small(plan)[0] * (STRETCH - 1))
    steps, below = ["[0:v]format=yuv444p,loop=loop=-1:size=1[l0]"], "l0"
    for index in range(1, layers + 1):
        travel = spare * index / layers
        steps.append(f"[{index}:v]format=yuva444p[h{index}]")
        steps.append(f"[{below}][h{index}]overlay=x='-{travel:.2f}*n/{plan.frames}':y=0:format=yuv444[l{index}]")
        below = f"l{index}"
    steps.append(f"[{below}]scale={plan.width}:{plan.height}:flags=bilinear,format=yuv420p[big]")
    steps.append(f"[{pictures - 1}:v]format=yuva420p[strip]")
    steps.append("[big][strip]overlay=x=0:y=H-h[out]")
    return ";".join(steps)


def _sound(plan: Plan) -> str:
    """Wind: brown noise that swells slowly."""
    return f"anoisesrc=color=brown:amplitude=0.35:seed={plan.seed % 10_000}:sample_rate=48000,tremolo=f=0.2:d=0.7"


def _small(plan: Plan) -> tuple[int, int]:
    scale = min(1.0, MOVING_SIDE / max(plan.size))
    return max(16, round(plan.width * scale / 2) * 2), max(16, round(plan.height * scale / 2) * 2)


def _rate(plan: Plan) -> str:
    return f"{plan.rate.numerator}/{plan.rate.denominator}"
