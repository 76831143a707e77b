"""Stripe's form encoding: `line_items[0][price_data][currency]=eur` is a tree written flat.

Decoding knows no types: every leaf is text, and a list is a mapping of its numbers. `parameters.py` gives them types.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from app.sandbox.stripe.errors import Refused

DEEPEST = 12
_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_STEP = re.compile(r"\[([^\[\]]*)\]")

Tree = dict[str, Any]


def decode(text: str) -> Tree:
    """The tree in a form body or a query string."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=5_000)
    except ValueError as error:
        raise Refused(f"Invalid form: {error}", replayed=False) from None
    return tree(pairs)


def tree(pairs: Iterable[tuple[str, str]]) -> Tree:
    root: Tree = {}
    for name, value in pairs:
        steps = _steps(name)
        node = root
        for step in steps[:-1]:
            node = node.setdefault(_numbered(node, step), {})
            if not isinstance(node, dict):
                raise _misshapen(name)
        last = _numbered(node, steps[-1])
        if isinstance(node.get(last), dict):
            raise _misshapen(name)
        node[last] = value
    return root


def _steps(name: str) -> list[str]:
    found = _NAME.match(name)
    steps = [found.group(1), *_STEP.findall(found.group(2))] if found else []
    if not steps or len(steps) > DEEPEST:
        raise _misshapen(name)
    return steps


def _numbered(node: Tree, step: str) -> str:
    """`expand[]=a&expand[]=b` leaves the numbering to us."""
    return step or str(len(node))


def _misshapen(name: str) -> Refused:
    return Refused(f"Invalid parameter name: {name}", param=name, replayed=False)
