"""Every sentence a page asks for is in the catalogue, and nothing in the catalogue is left unasked."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

from app.kernel.text import sentences
from tests.support.sources import APP, FILES, nodes


def _nodes() -> Iterator[tuple[Path, ast.AST]]:
    return ((path, node) for path in FILES for node in nodes(path))


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Every `t(…)` in the house, with the place it stands at."""
    for path, node in _nodes():
        if isinstance(node, ast.Call) and _name(node.func) == "t" and node.args:
            yield f"{path.relative_to(APP.parent)}:{getattr(node, 'lineno', 0)}", node


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _constants() -> set[str]:
    """Every literal string of the sources: a key may come from a table rather than stand in the call."""
    return {node.value for _, node in _nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _prefixes() -> set[str]:
    """Beginnings of keys that are completed at run time, such as `t(f"logs.state.{state}")`."""
    return {
        part.value
        for _, node in _nodes()
        if isinstance(node, ast.JoinedStr)
        for part in node.values[:1]
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and "." in part.value
    }


def test_every_sentence_asked_for_exists():
    known = sentences()
    missing = [f"{where}: {key}" for where, call in _calls() if (key := _literal(call.args[0])) and key not in known]
    assert not missing, "\n".join(missing)


def test_every_sentence_is_given_the_names_it_holds():
    known = sentences()
    wrong = []
    for where, call in _calls():
        key = _literal(call.args[0])
        if key is None or key not in known or any(keyword.arg is None for keyword in call.keywords):
            continue
        holds = {name for _, name, _, _ in string.Formatter().parse(known[key]) if name}
        given = {keyword.arg for keyword in call.keywords}
        if holds != given:
            wrong.append(f"{where}: {key} holds {sorted(holds)}, is given {sorted(given)}")
    assert not wrong, "\n".join(wrong)


def test_every_sentence_is_asked_for():
    constants, prefixes = _constants(), tuple(_prefixes())
    unused = [key for key in sentences() if key not in constants and not key.startswith(prefixes)]
    assert not unused, "\n".join(unused)
