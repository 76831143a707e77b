"""Every colour has a name, every name a value in both themes, and text can be read on what it stands on."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from app.ui.theme import SERIES, STYLESHEETS

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "assets"
SHEETS = [ASSETS / name.lstrip("/") for name in STYLESHEETS]
CSS = "\n".join(sheet.read_text(encoding="utf-8") for sheet in SHEETS)
TOKENS = (ASSETS / "farebox.css").read_text(encoding="utf-8")
SOURCES = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "app/ui").rglob("*.py")))
FOUNDATION = [
    file.read_text(encoding="utf-8")
    for folder in ("ui", "ui/components")
    for file in (ROOT / "app" / folder).glob("*.py")
]
SCRIPTS = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in ("farebox.js", "number_field.jsx"))

#: The steps of Radix's scales that carry or stand behind text.
RADIX = {
    "light": {
        "slate-2": "#f9f9fb", "slate-3": "#f0f0f3", "slate-11": "#60646c", "slate-12": "#1c2024", "indigo-3": "#edf2fe",
        "indigo-9": "#3e63dd", "jade-3": "#e6f7ed", "amber-3": "#fff7c2", "amber-4": "#ffee9c", "red-2": "#fff7f7",
        "red-3": "#feebec", "red-4": "#ffdbdc",
    },
    "dark": {"indigo-3": "#182449", "indigo-9": "#3e63dd", "indigo-11": "#9eb1ff"},
}  # fmt: skip
READ_ON = [
    *[(text, surface) for text in ("text", "text-2", "text-3") for surface in ("bg", "sheet", "card", "sub")],
    ("accent-text", "sheet"), ("accent-text", "accent-soft"), ("on-accent", "accent"),
    *[(tone, f"{tone}-{place}") for tone in ("good", "thin", "loss") for place in ("cell", "chip")],
    ("loss", "sheet"), ("loss", "loss-wash"), ("good", "card"), ("thin", "card"), ("dot-unknown-text", "sheet"),
]  # fmt: skip


def block(selector: str) -> dict[str, str]:
    """The tokens a rule of farebox.css sets."""
    rules = re.findall(rf"^{re.escape(selector)} {{(.*?)^}}", TOKENS, re.MULTILINE | re.DOTALL)
    return {name: value.strip() for rule in rules for name, value in re.findall(r"--fb-([\w-]+):\s*([^;]+);", rule)}


LIGHT = block(":root, .light")
SHARED = block(":root")
DARK = {**LIGHT, **block(".dark")}


def hex_of(token: str, theme: str) -> str:
    value = (LIGHT if theme == "light" else DARK)[token]
    named = re.fullmatch(r"var\(--([\w-]+)\)", value)
    return RADIX[theme][named.group(1)] if named else value


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "surface"), READ_ON)
def test_text_can_be_read(text, surface, theme):
    brighter, darker = sorted((luminance(hex_of(name, theme)) for name in (text, surface)), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= 4.5


def test_every_token_that_is_used_exists():
    set_here = set(re.findall(r"--fb-([\w-]+):", CSS))
    set_by_elements = set(re.findall(r'["\x27]--fb-([\w-]+)["\x27]:', SOURCES + SCRIPTS))
    used = set(re.findall(r"var\(--fb-([\w-]+)", CSS + SOURCES + SCRIPTS))
    assert used <= set_here | set_by_elements


def test_every_colour_written_out_has_its_dark_twin():
    written_out = {name for name, value in LIGHT.items() if "#" in value or "rgb" in value}
    same_in_both = {"on-accent"}
    assert written_out - same_in_both <= set(block(".dark"))


def test_every_class_of_the_foundation_is_styled():
    """A class nobody styles is a typing mistake, or left over."""
    classes = [text for source in FOUNDATION for text in re.findall(r'"([^"\n]*\bfb-[^"\n]*)"', source)]
    named = {name for text in classes for name in re.findall(r"(?<![\w-])fb-[\w-]+\w", text)}
    styled = set(re.findall(r"\.(fb-[\w-]+\w)", CSS))
    completed_later = {"fb-size", "fb-icon-tile-normal"}  # `fb-size-{size}`; the normal size is the plain class
    assert named - styled <= completed_later


def test_the_frame_and_the_components_write_no_colour_out():
    """A colour is a token; what remains are the providers' own tiles and white knobs."""
    brands = {"#fff", "#3A3F47", "#6A28D9", "#191B1F", "#0B7285", "#1F4FD8", "#20242A", "#434B56", "#3A3E45"}
    tooltip = {"#17181C", "#34373D", "#EDEEF0"}  # plotly's hover box cannot take a variable
    sheets = "\n".join((ASSETS / f"farebox-{name}.css").read_text() for name in ("shell", "components", "front"))
    assert set(re.findall(r"#[0-9A-Fa-f]{3,6}\b", sheets)) <= brands | tooltip


def test_the_type_scale_grows():
    names = ("caption", "small", "body", "total", "title", "figure", "balance", "landing")
    sizes = [float(SHARED[f"size-{name}"].removesuffix("px")) for name in names]
    assert all(smaller < larger for smaller, larger in pairwise(sizes))


def test_charts_and_sheet_agree_on_the_first_series():
    assert SERIES[0].lower() == RADIX["light"]["indigo-9"]
    assert len(SERIES) == len([name for name in LIGHT if name.startswith("series-")])


@pytest.mark.parametrize("face", re.findall(r"url\((/fonts/[^)]+)\)", TOKENS))
def test_every_font_is_shipped(face):
    assert (ASSETS / face.lstrip("/")).stat().st_size > 1_000


def test_the_fonts_come_with_their_licences():
    for name in ("inter", "geist-mono"):
        assert "SIL Open Font License" in (ASSETS / "fonts" / f"{name}-LICENSE.txt").read_text(encoding="utf-8")


def test_nothing_is_fetched_from_elsewhere():
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", re.sub(r"/\*.*?\*/|//.*", "", CSS + SCRIPTS, flags=re.DOTALL))
