"""Small pictures of large things: a thumbnail of an image, a poster frame of a video. WebP, made once, kept beside."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.files import sniff
from app.files.probe import DECODERS, Unreadable, opened_image, opened_media, picture_of

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 512
SUFFIX = ".thumb.webp"
QUALITY = 80


def preview_path(original: Path) -> Path:
    """Where the preview of a stored file lies."""
    return original.with_name(original.stem + SUFFIX)


def preview(original: Path) -> Path:
    """The preview of an image or video, made if it is not there; `Unreadable` when it cannot be."""
    target = preview_path(original)
    if target.is_file():
        return target
    with DECODERS:
        if target.is_file():
            return target
        small = _picture(original)
        passing = target.with_name(f"{target.name}.{secrets.token_hex(4)}")  # two processes may make it at once
        try:
            small.save(passing, "WEBP", quality=QUALITY)
            passing.replace(target)
        finally:
            passing.unlink(missing_ok=True)
    return target


def _picture(original: Path) -> "Image":
    from PIL import ImageOps  # with the first preview: a start does not wait for it

    with original.open("rb") as file:
        found = sniff.sniff(file.read(sniff.HEAD_BYTES))
        file.seek(0)
        if found is None:
            raise Unreadable("There is nothing to show of this file.")
        if found.is_image:
            with opened_image(file, found) as image:
                image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                return _shrink(ImageOps.exif_transpose(image))
        with opened_media(file, found) as container:
            return _shrink(_first_frame(container))


def _first_frame(container: Any) -> "Image":
    picture = picture_of(container)
    frame = None if picture is None else next(container.decode(picture), None)
    if frame is None:
        raise Unreadable("There is nothing to show of this recording.")
    image: Image = frame.to_image()
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


def _shrink(image: "Image") -> "Image":
    shown = image.convert("RGBA" if image.has_transparency_data else "RGB")
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return shown
