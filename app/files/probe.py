"""What a file really holds: its type, its size in pixels, its length. Opened, not believed.

The libraries that open them are loaded with the first file: a start does not wait for them.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from app.files import sniff
from app.files.sniff import Format
from app.kernel.errors import InvalidInput
from app.kernel.money import round_to

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 80_000_000  # under Pillow's own alarm, and room for 8K
MICROS = 1_000_000
AV_TIME_BASE = 1_000_000  # FFmpeg counts the length of a container in these
#: A large picture takes a few hundred MB while it is decoded.
DECODERS = threading.BoundedSemaphore(2)
#: A header counts what is heard; what the encoder put before and after it is there as well.
HEADER_MAY_BE_SHORT_BY = 1
AAC_SAMPLES = 1_024  # in a packet
EXIF_ORIENTATION = 0x0112
TURNED_BY_90 = frozenset({5, 6, 7, 8})


class Unreadable(InvalidInput):
    """The bytes are not a picture, video or sound we can open."""

    code = "unreadable_file"


@dataclass(frozen=True, slots=True)
class Measured:
    """`seconds` is exact to the millionth; width and height are as shown, after the camera's rotation."""

    kind: str  # image | video | audio
    mime: str
    extension: str
    width: int | None = None
    height: int | None = None
    seconds: Decimal | None = None


def probe(given: Path | bytes) -> Measured:
    """Open the file and measure it; `Unreadable` says what is wrong with it."""
    with io.BytesIO(given) if isinstance(given, bytes) else given.open("rb") as file:
        head = file.read(sniff.HEAD_BYTES)
        found = sniff.sniff(head)
        if found is None:
            raise Unreadable(_why(head))
        file.seek(0)
        return _image(file, found) if found.is_image else _media(file, found)


@contextmanager
def opened_image(file: BinaryIO, found: Format) -> Iterator["Image"]:
    """The picture, not decoded yet, and not one that would fill the memory when it is."""
    from PIL import Image

    try:
        with Image.open(file, formats=[found.reader]) as image:
            refuse_bombs(image.width, image.height)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable("The picture has too many pixels.") from None
    except Unreadable:
        raise
    except Exception as error:  # decoders fail in any way at all on bytes made to break them
        raise Unreadable("The picture is damaged or incomplete.") from error


@contextmanager
def opened_media(file: BinaryIO, found: Format) -> Iterator[Any]:
    """The container. FFmpeg gets our open file and one format, so it cannot be led to other files or addresses."""
    import av

    try:
        with av.open(file, format=found.reader, metadata_errors="ignore") as container:
            yield container
    except (av.FFmpegError, ValueError, OSError) as error:
        raise Unreadable("The recording is damaged or incomplete.") from error


def picture_of(container: Any) -> Any | None:
    """The video stream that moves; an album's cover is not one."""
    from av.stream import Disposition

    cover = Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & cover), None)


def refuse_bombs(width: int, height: int) -> None:
    """`Unreadable` for a picture that would not fit into memory when it is opened, or has no size."""
    if width <= 0 or height <= 0:
        raise Unreadable("The picture has no size.")
    if width * height > MOST_PIXELS:
        raise Unreadable(
            f"The picture has {width} × {height} pixels; at most {MOST_PIXELS // MICROS} million are kept."
        )


def _image(file: BinaryIO, found: Format) -> Measured:
    with opened_image(file, found) as image:
        image.verify()
    file.seek(0)
    # verify() spends the picture it checks, and only decoding proves that it is complete.
    with DECODERS, opened_image(file, found) as image:
        image.load()
        turned = image.getexif().get(EXIF_ORIENTATION) in TURNED_BY_90
        width, height = (image.height, image.width) if turned else image.size
    return Measured("image", found.mime, found.extension, width, height)


def _media(file: BinaryIO, found: Format) -> Measured:
    with opened_media(file, found) as container:
        picture = picture_of(container)
        sound = next(iter(container.streams.audio), None)
        stream = picture or sound
        if stream is None:
            raise Unreadable("The recording has neither picture nor sound.")
        actual = (sniff.WITH_PICTURE if picture else sniff.WITHOUT_PICTURE).get(found, found)
        if picture is None:
            return Measured("audio", actual.mime, actual.extension, seconds=_seconds(container, stream))
        width, height = _shown_size(container, picture)
        return Measured("video", actual.mime, actual.extension, width, height, _seconds(container, stream))


def _seconds(container: Any, stream: Any) -> Decimal:
    """What the header says, if the packets bear it out: files are priced by their length, and anybody can write a
    header. One without a length, as recorders make them, is measured by its packets alone."""
    said = Fraction(0)
    if stream.duration:
        said = Fraction(stream.duration) * stream.time_base
    elif container.duration:
        said = Fraction(container.duration, AV_TIME_BASE)
    there = _read_through(container, stream)
    if not said and not there:
        raise Unreadable("The recording is empty.")
    return _decimal(there if not said or there > said + HEADER_MAY_BE_SHORT_BY else said)


def _read_through(container: Any, stream: Any) -> Fraction:
    """The length of what is there, in seconds: by the packets' clock, or by their number where each holds as much."""
    container.seek(0)
    first, last, count = None, 0, 0
    for packet in container.demux(stream):
        if packet.pts is not None:
            first = packet.pts if first is None else min(first, packet.pts)
            last = max(last, packet.pts + (packet.duration or 0))
            count += 1
    by_clock = Fraction(0) if first is None else (last - first) * stream.time_base
    codec = stream.codec_context
    if codec is None or codec.name != "aac" or not codec.sample_rate:
        return by_clock
    return max(by_clock, Fraction(count * AAC_SAMPLES, codec.sample_rate))


def _decimal(seconds: Fraction) -> Decimal:
    return Decimal(int(round_to(seconds * MICROS))).scaleb(-6)


def _shown_size(container: Any, picture: Any) -> tuple[int, int]:
    """Width and height as shown: a phone held upright notes its rotation on the frames, so one has to be decoded."""
    width, height = int(picture.width), int(picture.height)
    refuse_bombs(width, height)
    with DECODERS:
        frame = next(container.decode(picture), None)
    if frame is None:
        raise Unreadable("The recording shows no picture.")
    return (height, width) if frame.rotation % 180 == 90 else (width, height)


def _why(head: bytes) -> str:
    if not head:
        return "The file is empty."
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<svg", b"<?xml", b"<!doctype", b"<html")):
        return "Web pages and SVG drawings are not accepted. Use PNG, JPEG, WebP, MP4, WebM, WAV or MP3."
    return "This type of file is not known. Use PNG, JPEG, WebP, GIF, AVIF, MP4, WebM, WAV, MP3, FLAC or Ogg."
