"""A problem's one-click fix: the suggestion put in its place, kept only where it helps. Pure."""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from app.catalogue.param_schema import parse_schema
from app.kernel.errors import InvalidInput, RuleRefused
from app.pricing.parameters import ParamSchema
from app.pricing.rule import parse_rule
from app.ui.pages.model_editor.json_values import figure_in
from app.ui.pages.model_editor.pricing.rule_edits import Rule

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def apply_fix(
    raw: Mapping[str, Any], path: str, suggestion: str, replaces: str, check: Callable[[Rule], set[str]]
) -> Rule | None:
    """`raw` with the suggestion put in its place; `check` answers the paths that are still wrong. None if it does
    not help.
    """
    number = figure_in(suggestion)
    for value in dict.fromkeys((suggestion, number)) if replaces == "value" else (suggestion,):
        fixed = _replaced(raw, steps_of(path), value, replaces)
        if fixed is not None and path not in check(fixed):
            return fixed
    return None


def wrong_paths(schema: ParamSchema) -> Callable[[Rule], set[str]]:
    """The check of `apply_fix` for a pricing rule."""

    def check(raw: Rule) -> set[str]:
        try:
            parse_rule(raw, schema)
        except RuleRefused as refused:
            return {found["path"] for found in refused.details.get("problems", ())}
        return set()

    return check


def wrong_schema_paths(raw: Rule) -> set[str]:
    """The check of `apply_fix` for a `paramSchema`."""
    try:
        parse_schema(raw)
    except InvalidInput as refused:
        return {found["path"] for found in refused.details.get("problems", ())}
    return set()


def steps_of(path: str) -> list[str | int]:
    """`tiers[2].match.size` → ["tiers", 2, "match", "size"]."""
    return [int(found[2]) if found[2] else found[1] for found in _STEP.finditer(path)]


def _replaced(raw: Mapping[str, Any], steps: list[str | int], value: Any, replaces: str) -> Rule | None:
    copy = deepcopy(dict(raw))
    holder: Any = copy
    try:
        for step in steps[:-1]:
            holder = holder[step]
        last = steps[-1]
        if replaces == "key" and isinstance(holder, dict):
            renamed = {(value if name == last else name): one for name, one in holder.items()}
            holder.clear()
            holder.update(renamed)
        else:
            holder[last] = value
    except (KeyError, IndexError, TypeError):
        return None
    return copy
