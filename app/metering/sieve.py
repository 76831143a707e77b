"""What lets through every id that is known and hardly another one: two bytes of each id's hash, in memory.

Nearly all ids that come are new, and looking for one of them in the pages costs as much as everything else that is done
with an event. A sieve of ten million ids has twenty megabytes, and lets one new id in two hundred through.
"""

from collections.abc import Callable, Iterable
from typing import Final

#: So many of the first bytes of an entry are kept.
KEPT: Final = 2


class Sieve:
    """Of pages, each a row of entries of `entry` bytes that begin with a hash."""

    def __init__(self, entry: int) -> None:
        self._entry = entry
        self._pages: dict[int, bytes] = {}

    def add(self, pages: Iterable[tuple[int, bytes | bytearray]]) -> None:
        """Let the entries of these pages through."""
        kept, entry = self._pages, self._entry
        for page, entries in pages:
            found = bytearray(len(entries) // entry * KEPT)
            for place in range(KEPT):
                found[place::KEPT] = entries[place::entry]
            kept[page] = kept.get(page, b"") + found

    def sift(self, ids: Iterable[str], hashed: Callable[[str], tuple[int, bytes]]) -> list[str]:
        """Those whose entry may be there; of the others it is certain that it is not. (Bytes of two neighbours that
        look like an entry are let through too: whoever asks looks for the entry itself.)"""
        pages = self._pages
        return [each for each in ids for page, rest in (hashed(each),) if rest[:KEPT] in pages.get(page, b"")]
