"""The strip at the foot of every picture that says what was asked."""

from functools import cache

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def strip(width: int, frame_height: int, prompt: str, details: str) -> Image.Image:
    """A translucent RGBA band as wide as the picture: the prompt above, the parameters below."""
    unit = max(9, min(width, frame_height) // 34)
    pad = max(4, unit * 2 // 3)
    large, small = _font(unit), _font(max(8, unit * 3 // 4))
    band = Image.new("RGBA", (width, _even(unit + small_height(unit) + pad * 3)), (10, 12, 20, 168))
    draw = ImageDraw.Draw(band)
    badge = "SANDBOX"
    badge_width = draw.textlength(badge, font=small)
    draw.text(
        (pad, pad), fitted(prompt or "(no prompt)", large, width - 2 * pad), font=large, fill=(255, 255, 255, 255)
    )
    line = pad * 2 + unit
    draw.text((pad, line), fitted(details, small, width - 4 * pad - badge_width), font=small, fill=(214, 220, 232, 255))
    if width > badge_width * 4:
        draw.text((width - pad - badge_width, line), badge, font=small, fill=(255, 214, 140, 255))
    return band


def onto(picture: Image.Image, prompt: str, details: str) -> Image.Image:
    """The picture with its strip; a picture too small for words is left alone."""
    if min(picture.size) < 96:
        return picture
    band = strip(picture.width, picture.height, prompt, details)
    picture.paste(band, (0, picture.height - band.height), band)
    return picture


def fitted(text: str, font: Font, width: float) -> str:
    """As much of the text as fits on the line."""
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle] + "…") <= width else (low, middle - 1)
    return text[:low].rstrip() + "…"


def small_height(unit: int) -> int:
    return max(8, unit * 3 // 4)


@cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _even(height: int) -> int:
    return height + height % 2
