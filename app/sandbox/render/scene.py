"""A landscape for every prompt: sky, sun or moon, stars, and hills in depth, all drawn from one seed.

It is drawn at a working size and enlarged, so that a 4K picture costs little more than a small one.
"""

import colorsys
import math
import random
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

Size = tuple[int, int]
Colour = tuple[int, int, int]

WORKING_SIDE = 1280
LAYERS = 5
GRADIENT_ROWS = 160


@dataclass(frozen=True, slots=True)
class Palette:
    top: Colour
    middle: Colour
    horizon: Colour
    light: Colour
    far: Colour
    near: Colour
    stars: bool


COLOURS = ("top", "middle", "horizon", "light", "far", "near")
PALETTES = (
    Palette((44, 62, 117), (214, 120, 128), (255, 205, 148), (255, 240, 205), (150, 108, 140), (30, 22, 48), False),
    Palette((21, 60, 110), (94, 158, 206), (226, 238, 240), (255, 252, 232), (122, 164, 180), (22, 58, 58), False),
    Palette((10, 14, 40), (30, 42, 92), (88, 92, 150), (240, 244, 255), (52, 62, 112), (8, 10, 26), True),
    Palette((64, 30, 70), (196, 66, 76), (255, 164, 84), (255, 226, 160), (146, 62, 82), (34, 12, 36), False),
    Palette((16, 52, 66), (42, 128, 124), (198, 226, 178), (250, 255, 220), (74, 140, 130), (8, 34, 42), False),
    Palette((52, 40, 92), (128, 98, 172), (244, 186, 206), (255, 236, 244), (118, 96, 156), (28, 20, 54), True),
    Palette((110, 70, 44), (222, 152, 88), (250, 220, 164), (255, 246, 214), (190, 126, 84), (66, 32, 26), False),
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture with a transparent sky, to be moved sideways at its own pace."""

    image: Image.Image
    depth: float  # 0 far … 1 near


def still(seed: int, size: Size) -> Image.Image:
    """The whole scene as one RGB picture."""
    work = _working(size)
    scene = backdrop(seed, work)
    for layer in hills(seed, work):
        scene.paste(layer.image, (0, 0), layer.image)
    return scene.resize(size, Image.Resampling.BICUBIC) if scene.size != size else scene


def changed(given: Image.Image, seed: int, size: Size) -> Image.Image:
    """Somebody's picture in another light: cut to size and washed with the palette of the seed."""
    palette = palette_of(seed)
    fitted = ImageOps.fit(given, size, Image.Resampling.BICUBIC)
    wash = _gradient(size, ((0.0, palette.top), (0.5, palette.middle), (1.0, palette.horizon)))
    return Image.blend(fitted, ImageChops.soft_light(fitted, wash), 0.7)


def backdrop(seed: int, size: Size) -> Image.Image:
    """Sky with its sun or moon."""
    dice = random.Random(f"sky {seed}")
    palette = palette_of(seed)
    sky = _gradient(size, ((0.0, palette.top), (0.45, palette.middle), (0.78, palette.horizon), (1.0, palette.horizon)))
    if palette.stars:
        _stars(sky, dice)
    centre = (int(size[0] * dice.uniform(0.2, 0.8)), int(size[1] * dice.uniform(0.22, 0.5)))
    _sun(sky, centre, int(min(size) * dice.uniform(0.06, 0.11)), palette)
    _clouds(sky, dice, palette)
    return sky


def hills(seed: int, size: Size, *, stretch: float = 1.0) -> list[Layer]:
    """The ranges from far to near; `stretch` makes each wider than the frame, to be panned over."""
    palette = palette_of(seed)
    wide = (int(size[0] * stretch), size[1])
    layers = []
    for index in range(LAYERS):
        depth = index / (LAYERS - 1)
        dice = random.Random(f"hill {seed} {index}")
        colour = _blend(palette.far, palette.near, depth**0.8)
        layers.append(Layer(_range(wide, dice, depth, colour, size[0], palette.horizon), depth))
    return layers


def palette_of(seed: int) -> Palette:
    dice = random.Random(f"palette {seed}")
    base = dice.choice(PALETTES)
    shift = dice.uniform(-0.035, 0.035)
    turned: dict[str, Any] = {name: _turned(getattr(base, name), shift) for name in COLOURS}
    return replace(base, **turned)


def _working(size: Size) -> Size:
    scale = min(1.0, WORKING_SIDE / max(size))
    return max(16, round(size[0] * scale)), max(16, round(size[1] * scale))


def _gradient(size: Size, stops: tuple[tuple[float, Colour], ...]) -> Image.Image:
    rows = min(size[1], GRADIENT_ROWS)
    column = Image.new("RGB", (1, rows))
    column.putdata([_shade(y / max(1, rows - 1), stops) for y in range(rows)])
    return column.resize((1, size[1]), Image.Resampling.BILINEAR).resize(size, Image.Resampling.NEAREST)


def _shade(at: float, stops: tuple[tuple[float, Colour], ...]) -> Colour:
    lower = max((stop for stop in stops if stop[0] <= at), key=lambda stop: stop[0])
    upper = min((stop for stop in stops if stop[0] >= at), key=lambda stop: stop[0])
    span = upper[0] - lower[0]
    return _blend(lower[1], upper[1], (at - lower[0]) / span if span else 0)


def _stars(sky: Image.Image, dice: random.Random) -> None:
    draw = ImageDraw.Draw(sky)
    for _ in range(sky.width * sky.height // 5000):
        x, y = dice.randrange(sky.width), int(sky.height * 0.62 * dice.random() ** 1.4)
        shine = dice.uniform(0.25, 0.95)
        here = sky.getpixel((x, y))
        colour = _blend(here if isinstance(here, tuple) else (0, 0, 0), (255, 255, 255), shine)
        radius = 1 if dice.random() < 0.12 else 0
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _sun(sky: Image.Image, centre: Size, radius: int, palette: Palette) -> None:
    for spread, strength in ((9, 0.55), (3, 0.6)):
        side = max(4, radius * 2 * spread)
        glow = Image.radial_gradient("L").point(_falloff(strength)).resize((side, side), Image.Resampling.BILINEAR)
        sky.paste(palette.light, (centre[0] - side // 2, centre[1] - side // 2), glow)
    big = Image.new("L", (radius * 8, radius * 8))
    ImageDraw.Draw(big).ellipse((0, 0, radius * 8 - 1, radius * 8 - 1), fill=255)
    disc = big.resize((radius * 2, radius * 2), Image.Resampling.LANCZOS)
    sky.paste(_blend(palette.light, (255, 255, 255), 0.5), (centre[0] - radius, centre[1] - radius), disc)


def _falloff(strength: float) -> list[int]:
    """Light by the gradient's level: strong in the middle, nothing at the middle of each edge (level 180)."""
    return [int(255 * strength * max(0.0, 1 - level / 178) ** 2) for level in range(256)]


def _clouds(sky: Image.Image, dice: random.Random, palette: Palette) -> None:
    small = (max(8, sky.width // 4), max(8, sky.height // 4))
    mask = Image.new("L", small)
    draw = ImageDraw.Draw(mask)
    for _ in range(dice.randint(2, 5)):
        y, x = dice.uniform(0.08, 0.5) * small[1], dice.uniform(-0.1, 1.0) * small[0]
        for _ in range(dice.randint(3, 6)):
            half, thick = small[0] * dice.uniform(0.05, 0.16), small[1] * dice.uniform(0.006, 0.016)
            cx, cy = x + dice.uniform(-0.12, 0.12) * small[0], y + dice.uniform(-0.02, 0.02) * small[1]
            draw.ellipse((cx - half, cy - thick, cx + half, cy + thick), fill=dice.randint(60, 130))
    soft = mask.filter(ImageFilter.GaussianBlur(max(1.0, small[1] / 110))).resize(sky.size, Image.Resampling.BICUBIC)
    sky.paste(_blend(palette.light, palette.middle, 0.25), (0, 0), soft)


def _range(size: Size, dice: random.Random, depth: float, colour: Colour, frame: int, haze: Colour) -> Image.Image:
    """One range of hills: a silhouette, lighter towards its foot where the haze lies."""
    width, height = size
    base = height * (0.58 + 0.34 * depth)
    rise = height * (0.16 - 0.05 * depth)
    waves = [(dice.uniform(0.6, 1.4) * (2**i), dice.uniform(0, 2 * math.pi), 0.55**i) for i in range(6)]
    step = max(1, frame // 300)
    ridge = [(x, base - rise * _height(x / frame, waves)) for x in range(0, width + step, step)]
    # Drawn twice as large and reduced: that is the anti-aliasing.
    mask = Image.new("L", (width * 2, height * 2))
    outline = [(x * 2, y * 2) for x, y in ridge]
    ImageDraw.Draw(mask).polygon([(0, height * 2), *outline, (width * 2, height * 2)], fill=255)
    foot = _blend(colour, haze, 0.34 * (1 - depth))
    top = min(0.98, max(0.0, (base - rise) / height))
    layer = _gradient(size, ((0.0, colour), (top, colour), (1.0, foot)))
    layer.putalpha(mask.reduce(2))
    return layer


def _height(x: float, waves: list[tuple[float, float, float]]) -> float:
    """Between about 0 and 1: rounded hills with a little ruggedness."""
    total = sum(weight for _, _, weight in waves)
    return sum(weight * (0.5 + 0.5 * math.sin(turns * 4 * x + phase)) for turns, phase, weight in waves) / total


def _blend(one: tuple[int, ...], other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one[:3], other, strict=True))
    return red, green, blue


def _turned(colour: Colour, shift: float) -> Colour:
    hue, light, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    red, green, blue = (round(part * 255) for part in colorsys.hls_to_rgb((hue + shift) % 1, light, saturation))
    return red, green, blue
