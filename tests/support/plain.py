"""A sandbox for tests that do not look at what is drawn: files of the kind, size, length and format that were asked
for, each in a colour of its own. Drawing landscapes took most of its time; `tests/sandbox` looks at those.
"""

import array
import fcntl
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

from app.sandbox.plan import Plan
from app.sandbox.render import audio, image, video

FEW = 8  # frames


def draw_plainly(clips: Path) -> None:
    """In this process, from now on. Clips are encoded once for all processes that name the same folder."""

    def clip(plan: Plan, label: str, path: Path, given: Image.Image | None = None) -> Fraction:
        name = f"{plan.width}x{plan.height}-{plan.frames}-{plan.seconds.numerator}-{plan.seconds.denominator}"
        kept = clips / f"{name}{'-sound' if plan.sound else ''}.mp4"
        with kept.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a process that dies lets go of it
            if not kept.exists():
                _encode(plan, unfinished := kept.with_suffix(".unfinished.mp4"))
                unfinished.rename(kept)
        free = struct.pack(">I4sQ", 16, b"free", image.seed_of(plan, 0))  # no two are the same file
        path.write_bytes(kept.read_bytes() + free)
        return plan.seconds

    image.render, video.render, audio._speech = _picture, clip, _hum


def _picture(plan: Plan, index: int, label: str, path: Path, given: Image.Image | None = None) -> None:
    color = image.seed_of(plan, index).to_bytes(8, "big")[:3]
    Image.new("RGB", plan.size, tuple(color)).save(path, plan.format.upper())


def _hum(plan: Plan) -> "array.array[int]":
    return array.array("h", [plan.seed % 20_000]) * round(plan.seconds * audio.RATE)


def _encode(plan: Plan, path: Path) -> None:
    """A few frames, and those again and again: of a still picture it takes no more."""
    rate, few = f"{plan.rate.numerator}/{plan.rate.denominator}", path.with_suffix(".few.mp4")
    scale = ("-movie_timescale", "90000", "-video_track_timescale", "90000")
    color = ("-f", "lavfi", "-i", f"color=c=teal:s={plan.width}x{plan.height}:r={rate}", "-frames:v", str(FEW))
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-pix_fmt", "yuv420p", "-threads", video.THREADS)
    _run(*color, *codec, *scale, str(few))
    silence = ("-f", "lavfi", "-i", "anullsrc=r=48000") if plan.sound else ()
    length = ("-frames:v", str(plan.frames), "-t", str(float(plan.seconds)))
    again = ("-stream_loop", str(plan.frames // FEW), "-i", str(few))
    _run(*again, *silence, "-c:v", "copy", "-c:a", "aac", *length, "-movflags", "+faststart", *scale, str(path))
    few.unlink()


def _run(*arguments: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-nostdin", *arguments]
    subprocess.run(command, check=True, capture_output=True)
