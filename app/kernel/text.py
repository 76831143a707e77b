"""The catalogue of user-facing sentences: `app/kernel/locale/<language>/<area>.toml`, looked up by `area.key`.

A sentence may hold `{names}`. An unknown key is a programming error and raises, so a page can never show a bare key.
"""

import tomllib
from functools import cache
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
DEFAULT_LANGUAGE = "en"


@cache
def sentences(language: str = DEFAULT_LANGUAGE) -> dict[str, str]:
    """Every sentence of a language as `{"area.key": text}`; nested tables become dots."""
    found: dict[str, str] = {}
    for file in sorted((LOCALE / language).glob("*.toml")):
        found.update(_flatten(file.stem, tomllib.loads(file.read_text(encoding="utf-8"))))
    return found


def t(key: str, language: str = DEFAULT_LANGUAGE, /, **names: object) -> str:
    """The sentence for `key`, with its `{names}` filled in."""
    text = sentences(language)[key]
    return text.format_map(names) if names else text


def _flatten(prefix: str, table: dict[str, object]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        path = f"{prefix}.{key}"
        flat.update(_flatten(path, value) if isinstance(value, dict) else {path: str(value)})
    return flat
