"""Real pictures, videos and sounds, made where they are needed."""

import io
import subprocess
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

TEST_PICTURE = "testsrc2=size={size}:rate={rate}:duration={seconds}"


def picture(
    path: Path, kind: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object
) -> Path:
    Image.effect_mandelbrot(size, (-2, -1.5, 1, 1.5), 20).convert(mode).save(path, kind, **options)
    return path


def picture_bytes(kind: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, kind)
    return buffer.getvalue()


def ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True, capture_output=True)


def video(path: Path, *options: str, size: str = "96x64", rate: str = "25", seconds: str = "1") -> Path:
    ffmpeg("-f", "lavfi", "-i", TEST_PICTURE.format(size=size, rate=rate, seconds=seconds), *options, str(path))
    return path


def sound(path: Path, *options: str, seconds: str = "1.5") -> Path:
    ffmpeg("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:duration={seconds}", *options, str(path))
    return path
