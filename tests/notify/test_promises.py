"""Whoever promises a mail tells the letter what it needs: read from the sources, so none is found broken later."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.notify.letters import LETTERS

APP = Path(__file__).resolve().parents[2] / "app"


def _promises() -> Iterator[tuple[str, ast.Call]]:
    """Every `outbox.mail(…)` of the house, and where it stands."""
    for path in sorted(APP.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if "outbox.mail(" in source else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "outbox.mail":
                yield f"{path.relative_to(APP)}:{node.lineno}", node


PROMISES = dict(_promises())


@pytest.mark.parametrize("where", PROMISES)
def test_a_promised_mail_exists_and_is_told_what_it_needs(where: str) -> None:
    call = PROMISES[where]
    template = call.args[1]
    if not isinstance(template, ast.Constant):
        return  # chosen at run time
    letter = LETTERS[str(template.value)]
    (params,) = (keyword.value for keyword in call.keywords if keyword.arg == "params")
    if not isinstance(params, ast.Dict) or not all(isinstance(key, ast.Constant) for key in params.keys):
        return  # put together elsewhere
    told = {str(key.value) for key in params.keys if isinstance(key, ast.Constant)}
    assert told <= letter.known, f"{where} tells {sorted(told - letter.known)}, which the letter does not know"
    assert told >= set(letter.needs), f"{where} does not tell {sorted(set(letter.needs) - told)}"


def test_mails_are_promised_at_all() -> None:
    assert len(PROMISES) >= 5
