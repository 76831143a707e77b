"""Two `set`s that could both apply make a price ambiguous; this finds the combination that shows it."""

from collections.abc import Iterable
from itertools import combinations

from app.pricing.conditions import Condition, Value, word
from app.pricing.parameters import ParamSchema
from app.pricing.space import candidates
from app.pricing.terms import Attribute, Problem


def ambiguous_sets(attributes: tuple[Attribute, ...], schema: ParamSchema | None) -> Iterable[Problem]:
    """A problem for every pair of `set`s with a combination in which both hold.

    A condition looks at one parameter, so two of them clash when one value satisfies both, or when they look at
    different parameters and each can be satisfied at all: exact, without walking the whole space.
    """
    setting = [(index, attribute.when) for index, attribute in enumerate(attributes) if attribute.set is not None]
    for (first, one), (second, other) in combinations(setting, 2):
        clash = _clash(one, other, schema)
        if clash is not None:
            shown = ", ".join(f"{name} = {word(value)}" for name, value in clash.items())
            yield Problem(
                f"attributes[{second}].set",
                f"Ambiguous: with {shown} both attributes[{first}] and attributes[{second}] set the price. "
                "Use tiers, whose order decides, or make the conditions exclude each other.",
            )


def _clash(one: Condition, other: Condition, schema: ParamSchema | None) -> dict[str, Value] | None:
    if one.param == other.param:
        for value in candidates(one.param, schema, (one, other)):
            if one.test.holds(value) and other.test.holds(value):
                return {one.param: value}
        return None
    found = {}
    for condition in (one, other):
        values = candidates(condition.param, schema, (condition,))
        fitting = [value for value in values if condition.test.holds(value)]
        if not fitting:
            return None
        found[condition.param] = fitting[0]
    return found
