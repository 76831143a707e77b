"""The house's own sources as syntax trees, parsed once in a process for every test that reads them.

Files that ask for them are named in `TOGETHER` of conftest.py, and follow one another in one process.
"""

import ast
import gc
from functools import cache
from pathlib import Path

APP = Path(__file__).resolve().parents[2] / "app"
FILES = tuple(sorted(APP.rglob("*.py")))

#: What somebody asks about. A tree has a million nodes, and most are of other kinds.
KINDS = (ast.Attribute, ast.Call, ast.Constant, ast.Import, ast.ImportFrom, ast.JoinedStr)


def nodes(path: Path) -> tuple[ast.AST, ...]:
    """The nodes of a file that are of one of these `KINDS`, in the order of `ast.walk`."""
    return _all()[path]


@cache
def _all() -> dict[Path, tuple[ast.AST, ...]]:
    """Every file at once: nothing in a tree is garbage, and looking for it meanwhile would take most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    found = {path: _wanted(ast.parse(path.read_text(encoding="utf-8"))) for path in FILES}
    gc.freeze()
    if was_on:
        gc.enable()
    return found


def _wanted(tree: ast.AST) -> tuple[ast.AST, ...]:
    return tuple(node for node in ast.walk(tree) if isinstance(node, KINDS))
