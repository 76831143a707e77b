"""Text that people typed, as a document may hold it. PURE."""

import unicodedata

MISSING = "�"
KEPT_FORMAT = frozenset({"\u200c", "\u200d"})  # joiners change letters; all other format characters only hide things


def tidy(text: str) -> str:
    """One line of printable characters: composed, without controls, spaces never doubled."""
    kept = []
    for letter in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(letter)
        if kind in {"Zs", "Zl", "Zp", "Cc"}:
            kept.append(" ")
        elif kind in {"Cs", "Co", "Cn"}:
            kept.append(MISSING)
        elif kind != "Cf" or letter in KEPT_FORMAT or 0xE0020 <= ord(letter) <= 0xE007F:
            kept.append(letter)
    return " ".join("".join(kept).split())
