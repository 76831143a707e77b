"""Two changes of one text, both kept: somebody types in the JSON while the form changes it elsewhere. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Change:
    """`start` to `end` of the text before became `put`."""

    start: int
    end: int
    put: str


def merged(before: str, theirs: str, typed: str) -> str:
    """`typed`, with what was changed meanwhile; what was typed wins where both changed the same place."""
    if before in (theirs, typed):
        return theirs if before == typed else typed
    first, second = sorted((_change(before, theirs), _change(before, typed)), key=lambda one: (one.start, one.end))
    if first.end > second.start or first.start == second.start:
        return typed
    return before[: first.start] + first.put + before[first.end : second.start] + second.put + before[second.end :]


def _change(before: str, after: str) -> _Change:
    """The smallest single change of whole words that makes one text the other."""
    most = min(len(before), len(after))
    start = next((at for at in range(most) if before[at] != after[at]), most)
    rest = most - start
    same = next((at for at in range(rest) if before[len(before) - 1 - at] != after[len(after) - 1 - at]), rest)
    while start and _in_word(before[start - 1]):
        start -= 1
    while same and _in_word(before[len(before) - same]):
        same -= 1
    return _Change(start, len(before) - same, after[start : len(after) - same])


def _in_word(letter: str) -> bool:
    """Figures and names change whole: 15 and 20 out of one 10 are not 25."""
    return letter.isalnum() or letter in "._-"
