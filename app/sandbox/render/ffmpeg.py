"""The ffmpeg that comes with imageio-ffmpeg."""

import subprocess
from functools import cache

import imageio_ffmpeg

TIMEOUT_SECONDS = 300


class RenderFailed(RuntimeError):
    """ffmpeg's own words."""


@cache
def _binary() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def run(*arguments: str) -> None:
    """Run ffmpeg quietly at low priority, so that rendering never starves the server."""
    command = ["nice", "-n", "10", _binary(), "-hide_banner", "-loglevel", "error", "-y", "-nostdin", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode != 0:
        raise RenderFailed(done.stderr.strip() or f"ffmpeg ended with {done.returncode}")
