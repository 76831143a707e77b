"""The typefaces we ship and what each can draw.

A character is drawn by the first face that has it: the text face, then the face of its script, then the one for
Chinese, Japanese and Korean, then emoji. Nothing is taken from the machine's own fonts, so a document looks the same,
and is the same to the byte, wherever it is drawn. The full files are opened once per process and never embedded: a
document carries a cut of each with its own characters only.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import uharfbuzz as hb

FONTS = Path(__file__).parent / "fonts"
TEXT, STRONG = "NotoSans-Regular.ttf", "NotoSans-SemiBold.ttf"
EAST_ASIAN, EMOJI = "NotoSansCJKsc-Regular.otf", "NotoEmoji-Regular.ttf"

#: First and last code point, and the file that draws them.
SCRIPTS = (
    (0x0530, 0x058F, "NotoSansArmenian-Regular.ttf"),
    (0x0590, 0x05FF, "NotoSansHebrew-Regular.ttf"),
    (0x0600, 0x06FF, "NotoSansArabic-Regular.ttf"),
    (0x0750, 0x077F, "NotoSansArabic-Regular.ttf"),
    (0x08A0, 0x08FF, "NotoSansArabic-Regular.ttf"),
    (0x0900, 0x097F, "NotoSansDevanagari-Regular.ttf"),
    (0x0980, 0x09FF, "NotoSansBengali-Regular.ttf"),
    (0x0A00, 0x0A7F, "NotoSansGurmukhi-Regular.ttf"),
    (0x0A80, 0x0AFF, "NotoSansGujarati-Regular.ttf"),
    (0x0B80, 0x0BFF, "NotoSansTamil-Regular.ttf"),
    (0x0C00, 0x0C7F, "NotoSansTelugu-Regular.ttf"),
    (0x0C80, 0x0CFF, "NotoSansKannada-Regular.ttf"),
    (0x0D00, 0x0D7F, "NotoSansMalayalam-Regular.ttf"),
    (0x0D80, 0x0DFF, "NotoSansSinhala-Regular.ttf"),
    (0x0E00, 0x0E7F, "NotoSansThai-Regular.ttf"),
    (0x0E80, 0x0EFF, "NotoSansLao-Regular.ttf"),
    (0x1000, 0x109F, "NotoSansMyanmar-Regular.ttf"),
    (0x10A0, 0x10FF, "NotoSansGeorgian-Regular.ttf"),
    (0x1200, 0x139F, "NotoSansEthiopic-Regular.ttf"),
    (0x1780, 0x17FF, "NotoSansKhmer-Regular.ttf"),
    (0x1C90, 0x1CBF, "NotoSansGeorgian-Regular.ttf"),
    (0x2D80, 0x2DDF, "NotoSansEthiopic-Regular.ttf"),
    (0xA8E0, 0xA8FF, "NotoSansDevanagari-Regular.ttf"),
    (0xFB1D, 0xFB4F, "NotoSansHebrew-Regular.ttf"),
    (0xFB50, 0xFDFF, "NotoSansArabic-Regular.ttf"),
    (0xFE70, 0xFEFE, "NotoSansArabic-Regular.ttf"),
)
_STARTS = [first for first, _, _ in SCRIPTS]

EMOJI_STYLE = 0xFE0F
#: Joiners and variation selectors: a face need not have them, they only steer how their neighbours are drawn.
SILENT = frozenset({0x200C, 0x200D, 0xFE0E, EMOJI_STYLE})


@dataclass(frozen=True, slots=True)
class Face:
    """One file of `fonts/`. `heavy` asks for strokes around the letters: the script has no bolder file here."""

    file: str
    heavy: bool = False

    @property
    def name(self) -> str:
        return Path(self.file).stem.lower()


def face_for(cluster: str, *, strong: bool) -> Face | None:
    """The face that has every character of `cluster`, or None when we ship none that does."""
    points = [ord(letter) for letter in cluster]
    wanted = [point for point in points if point not in SILENT] or points[:1]
    for file in _candidates(points):
        if all(point in covered(file) for point in wanted):
            if file == TEXT:
                return Face(STRONG if strong else TEXT)
            return Face(file, heavy=strong and file != EMOJI)
    return None


def _candidates(points: list[int]) -> Iterable[str]:
    first = points[0]
    at = bisect_right(_STARTS, first) - 1
    script = [SCRIPTS[at][2]] if at >= 0 and first <= SCRIPTS[at][1] else []
    rest = [EMOJI, EAST_ASIAN] if EMOJI_STYLE in points or first >= 0x1F000 else [EAST_ASIAN, EMOJI]
    return [*rest[:1], TEXT] if EMOJI_STYLE in points else [TEXT, *script, *rest]


@cache
def covered(file: str) -> frozenset[int]:
    """The code points a file has."""
    return frozenset(_face(file).unicodes)


@cache
def _face(file: str) -> hb.Face:
    return hb.Face(hb.Blob.from_file_path(str(FONTS / file)))


@cache
def _font(file: str) -> hb.Font:
    return hb.Font(_face(file))


def width(face: Face, text: str, *, leftward: bool) -> float:
    """How wide `text` is at size 1, by the same shaping that draws it. Raises ValueError for a missing letter."""
    buffer = hb.Buffer()
    buffer.cluster_level = hb.BufferClusterLevel.MONOTONE_CHARACTERS
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if leftward else "ltr"
    font = _font(face.file)
    hb.shape(font, buffer)
    if any(glyph.codepoint == 0 for glyph in buffer.glyph_infos):
        raise ValueError(f"{face.file} has not every letter of {text!r}")
    return float(sum(place.x_advance for place in buffer.glyph_positions)) / float(font.face.upem)


def plain_width(face: Face, text: str) -> float:
    """The same without shaping: letters side by side, as wide as each is alone."""
    return sum(_advance(face.file, letter) for letter in text)


@cache
def _advance(file: str, letter: str) -> float:
    glyph = _font(file).get_nominal_glyph(ord(letter))
    if not glyph:
        raise ValueError(f"{file} has no {letter!r}")
    return float(_font(file).get_glyph_h_advance(glyph)) / float(_face(file).upem)


def cut(file: str, letters: Iterable[str]) -> bytes:
    """A font file with these characters only, and what joining and reordering them needs."""
    wanted = hb.SubsetInput()
    wanted.unicode_set.update({ord(letter) for letter in letters} | {0x20})
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE
    return bytes(hb.subset(_face(file), wanted).blob.data)
