"""The nearest thing the writer may have meant, for refusals that help."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(wrong: object, known: Iterable[object]) -> str | None:
    """The known name closest to a misspelt one, letter case and `_`/`-` aside; None when nothing is near."""
    names = {_plain(str(name)): str(name) for name in known}
    found = get_close_matches(_plain(str(wrong)), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def did_you_mean(wrong: object, known: Iterable[object]) -> str:
    """A sentence to append to a refusal: the nearest name, or else every name there is (twelve at most)."""
    names = [str(name) for name in known]
    if (near := nearest(wrong, names)) is not None:
        return f" Did you mean {near}?"
    if not names:
        return ""
    return f" Known: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}."


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")
