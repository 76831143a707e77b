"""Keeps the code that `dataclasses` generates, as Python keeps what it compiled of a source file.

A dataclass writes its methods out as text and compiles them, in every process again; with a few hundred of them that
was a fifth of a start. The code is found by the whole text it was made from, so what is kept can be superfluous but
never wrong. `remember` before the imports, `keep` after them.
"""

import dataclasses
import marshal
import os
import sys
from contextlib import suppress
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import Any

_known: dict[str, CodeType] = {}
_used: dict[str, CodeType] = {}


def kept_at() -> Path:
    """Beside this module's own bytecode, and like that one per version of Python."""
    return Path(cache_from_source(__file__)).with_suffix(".classes")


def remember(file: Path | None = None) -> None:
    """From here on, `dataclasses` finds what was kept in `file`; until `keep`."""
    _known.clear()
    _used.clear()
    _known.update(_read(file or kept_at()))
    vars(dataclasses)["exec"] = _run  # what the module calls is looked up here before it is looked up in the builtins


def keep(file: Path | None = None) -> bool:
    """Leave `dataclasses` as it was, and keep what was generated if any of it was new; whether it was written."""
    vars(dataclasses).pop("exec", None)
    news = _used.keys() - _known.keys()
    if news and not sys.dont_write_bytecode:
        with suppress(OSError):  # an installation that nobody may write to
            _write(file or kept_at(), _used)
            return True
    return False


def _run(text: str, names: dict[str, Any], found: dict[str, Any]) -> None:
    code = _known.get(text) or _used.get(text) or compile(text, "<string>", "exec")
    _used[text] = code
    exec(code, names, found)  # noqa: S102 - what `dataclasses` itself does with this text


def _read(file: Path) -> dict[str, CodeType]:
    try:
        magic, codes = marshal.loads(file.read_bytes())  # noqa: S302 - as trusted as the bytecode beside it
    except (OSError, EOFError, ValueError, TypeError):
        return {}
    return dict(codes) if magic == MAGIC_NUMBER else {}


def _write(file: Path, codes: dict[str, CodeType]) -> None:
    file.parent.mkdir(exist_ok=True)
    passing = file.with_name(f"{file.name}.{os.getpid()}")  # two processes may start at once
    try:
        passing.write_bytes(marshal.dumps((MAGIC_NUMBER, codes)))
        passing.replace(file)
    finally:
        passing.unlink(missing_ok=True)
