"""Words into lines: what to draw of a string, with which face, in which order, and where it breaks.

Any text may come in: control characters and direction overrides are dropped, a character that no shipped face has is
replaced by its plain equivalent (𝓕 by F) or by “�”, and a word too long for its column is broken.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fpdf.bidi import BidiParagraph

from app.invoicing.pdf.faces import EMOJI_STYLE, TEXT, Face, face_for, plain_width, width
from app.invoicing.tidy import MISSING, tidy

ELLIPSIS = "…"
JOINER = 0x200D
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
NO_BREAK_BEFORE = frozenset("、。，．：；？！）」』】〉》’”ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ・…")
BREAK_AFTER = frozenset("-‐–—/@&")


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one face and one direction; `size_one` is their width at size 1.

    `shaped` says that the letters act on each other: they join, change places, or stand closer. Running text and
    figures of the plain face do not, which keeps columns of figures even and drawing them fast.
    """

    text: str
    face: Face
    leftward: bool
    shaped: bool
    size_one: float


@dataclass(frozen=True, slots=True)
class Line:
    """Runs from left to right as the eye meets them."""

    runs: tuple[Run, ...]
    text: str

    @property
    def size_one(self) -> float:
        return sum(run.size_one for run in self.runs)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a reader takes for one character, and the face that draws it."""

    text: str
    face: Face


def is_printable(text: str) -> bool:
    """Whether every character of `text` is drawn as itself or by its plain equivalent."""
    return MISSING not in text and all(cluster.text != MISSING for cluster in clusters(tidy(text), strong=False))


@lru_cache(maxsize=4096)
def clusters(text: str, *, strong: bool) -> tuple[Cluster, ...]:
    """`text`, already tidy, cut into what can be drawn."""
    found: list[Cluster] = []
    for piece in _pieces(text):
        face = face_for(piece, strong=strong)
        if face is None:
            found.extend(_replaced(piece, strong=strong))
        else:
            found.append(Cluster(piece, face))
    return tuple(found)


def _replaced(piece: str, *, strong: bool) -> Iterator[Cluster]:
    plain = unicodedata.normalize("NFKD", piece)
    for letter in plain if plain != piece else MISSING:
        face = face_for(letter, strong=strong)
        missing = face_for(MISSING, strong=strong)
        assert missing is not None  # noqa: S101 — the text face has it, and a test says so
        yield Cluster(letter, face) if face else Cluster(MISSING, missing)


def _pieces(text: str) -> Iterator[str]:
    """A base character with all that belongs to it: marks, joiners and what they join, both letters of a flag."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not _goes_on(text, start, at):
            yield text[start:at]
            start = at


def _goes_on(text: str, start: int, at: int) -> bool:
    here, before = ord(text[at]), ord(text[at - 1])
    if text[start] == " ":
        return False
    if before == JOINER or here in {JOINER, 0x200C, 0x20E3} or 0x1F3FB <= here <= 0x1F3FF:
        return True
    if 0xFE00 <= here <= EMOJI_STYLE or 0xE0020 <= here <= 0xE007F:
        return True
    if 0x1F1E6 <= here <= 0x1F1FF and 0x1F1E6 <= before <= 0x1F1FF:
        return (at - start) % 2 == 1
    return unicodedata.category(text[at]) in {"Mn", "Mc", "Me"}


@lru_cache(maxsize=4096)
def line_of(text: str, *, strong: bool = False) -> Line:
    """`text` as one line, however long."""
    parts = clusters(tidy(text), strong=strong)
    runs: list[Run] = []
    for level, level_parts in _ordered(parts):
        of_level = list(_merged(level_parts, leftward=level % 2 == 1))
        runs.extend(reversed(of_level) if level % 2 else of_level)
    return Line(tuple(runs), "".join(part.text for part in parts))


def _ordered(parts: Sequence[Cluster]) -> list[tuple[int, list[Cluster]]]:
    """Stretches of one direction in the order of the eye (UAX 9, rule L2)."""
    text = "".join(part.text for part in parts)
    if not any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in text):
        return [(0, list(parts))] if parts else []
    letters = BidiParagraph(text).get_characters_with_embedding_level()
    levels = {letter.character_index: letter.embedding_level for letter in letters}
    stretches: list[tuple[int, list[Cluster]]] = []
    at = 0
    for part in parts:
        level = levels.get(at, stretches[-1][0] if stretches else 0)
        at += len(part.text)
        if stretches and stretches[-1][0] == level:
            stretches[-1][1].append(part)
        else:
            stretches.append((level, [part]))
    for deepest in range(max(level for level, _ in stretches), 0, -1):
        stretches = _reversed_from(stretches, deepest)
    return stretches


def _reversed_from(stretches: list[tuple[int, list[Cluster]]], level: int) -> list[tuple[int, list[Cluster]]]:
    turned: list[tuple[int, list[Cluster]]] = []
    held: list[tuple[int, list[Cluster]]] = []
    for stretch in stretches:
        if stretch[0] >= level:
            held.append(stretch)
        else:
            turned += [*reversed(held), stretch]
            held = []
    return turned + held[::-1]


def _merged(parts: Sequence[Cluster], *, leftward: bool) -> Iterator[Run]:
    """Neighbours of one face become one run, so that their letters join."""
    start = 0
    for at in range(1, len(parts) + 1):
        if at == len(parts) or parts[at].face != parts[start].face:
            text = "".join(part.text for part in parts[start:at])
            face = parts[start].face
            shaped = face.file != TEXT or leftward or any(unicodedata.combining(letter) for letter in text)
            wide = _width(face, text, leftward) if shaped else plain_width(face, text)
            yield Run(text, face, leftward, shaped, wide)
            start = at


@lru_cache(maxsize=16384)
def _width(face: Face, text: str, leftward: bool) -> float:
    return width(face, text, leftward=leftward)


def wrap(text: str, limit: float, *, strong: bool = False) -> list[Line]:
    """`text` in lines no wider than `limit` (in units of the type's size); no text is one empty line."""
    whole = line_of(text, strong=strong)
    if whole.size_one <= limit:
        return [whole]
    lines: list[str] = []
    current, used = "", 0.0
    for word in _words(clusters(tidy(text), strong=strong)):
        wide = _measure(word, strong)
        if current and used + wide > limit:
            lines.append(current.rstrip())
            current, used = "", 0.0
        if wide > limit:
            *full, rest = _chopped(current + word, limit, strong)
            lines += full
            current, used = rest, _measure(rest, strong)
        else:
            current, used = current + word, used + wide
        if word.endswith(" "):
            used += _measure("n n", strong) - _measure("nn", strong)
    if current.strip():
        lines.append(current.rstrip())
    return [line_of(line, strong=strong) for line in lines]


def clip(lines: list[Line], most: int, limit: float, *, strong: bool = False) -> list[Line]:
    """The first `most` of `lines`, the last of them ending in an ellipsis when there were more."""
    if len(lines) <= most:
        return lines
    last = lines[most - 1].text
    while last and _measure(last + ELLIPSIS, strong) > limit:
        last = last[:-1]
    return [*lines[: most - 1], line_of(last.rstrip() + ELLIPSIS, strong=strong)]


def _measure(text: str, strong: bool) -> float:
    return line_of(text.rstrip(), strong=strong).size_one


def _words(parts: Sequence[Cluster]) -> Iterator[str]:
    """Stretches that stay together: a break may come after a space, a hyphen, and around East Asian characters."""
    word = ""
    for part in parts:
        if word and _may_break(word[-1], part.text[0]):
            yield word
            word = ""
        word += part.text
    if word:
        yield word


def _may_break(before: str, after: str) -> bool:
    if after == " " or after in NO_BREAK_BEFORE:
        return False
    return before == " " or before in BREAK_AFTER or _stands_alone(before) or _stands_alone(after)


def _stands_alone(letter: str) -> bool:
    """East Asian characters break anywhere; Korean is written with spaces and breaks at those."""
    return unicodedata.east_asian_width(letter) in {"W", "F"} and not "\uac00" <= letter <= "\ud7a3"


def _chopped(word: str, limit: float, strong: bool) -> list[str]:
    """One long word in pieces that fit, each at least one character, none cut inside a cluster; the last has room."""
    pieces: list[list[str]] = [[]]
    used = 0.0
    for part in clusters(word, strong=strong):
        alone = line_of(part.text, strong=strong).size_one
        if pieces[-1] and used + alone > limit:
            pieces.append([])
            used = 0.0
        pieces[-1].append(part.text)
        used += alone
    return ["".join(piece) for piece in pieces]
