"""What is questionable about a rule although it can be priced: tiers that are never reached or change nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from app.kernel.errors import Unpriced
from app.pricing.conditions import Value, all_hold, in_words
from app.pricing.parameters import ParamSchema
from app.pricing.rate_card import RateCard, compile_rule
from app.pricing.space import candidates
from app.pricing.terms import Problem, Rule

#: Combinations of the parameters that conditions mention, looked at for one card.
CAP = 4_096


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is unpriced, ambiguous, loss, uncosted, unreachable, unchanged or unproven.

    `path` is where in the rule, `params` an example (for `loss` the worst), `count` how many combinations.
    """

    kind: str
    message: str
    path: str | None = None
    params: Mapping[str, Value] | None = None
    count: int = 1


def tier_findings(card: RateCard, schema: ParamSchema, cap: int = CAP) -> list[Finding]:
    """Tiers that no allowed combination reaches, and tiers without which every price would be the same."""
    if len(card.branches) < 2:
        return []
    options = {name: candidates(name, schema, card.conditions) for name in card.params}
    size = prod(map(len, options.values()))
    if size > cap:
        message = (
            f"The conditions span {size:,} combinations; with more than {cap:,} unreachable tiers are not looked for."
        )
        return [Finding("unproven", message, count=size)]
    reached: dict[int, list[dict[str, Value]]] = {index: [] for index in range(len(card.branches))}
    shadowed: dict[int, set[int]] = {index: set() for index in range(len(card.branches))}
    for values in product(*options.values()):
        params = dict(zip(options, values, strict=True))
        holding = [index for index, branch in enumerate(card.branches) if all_hold(branch.when, params)]
        reached[holding[0]].append(params)
        for later in holding[1:]:
            shadowed[later].add(holding[0])
    found = []
    for index in range(len(card.branches) - 1):
        if not reached[index]:
            found.append(_unreachable(card, index, shadowed[index]))
        elif not _changes_anything(card, index, reached[index]):
            message = "This tier changes nothing: without it every price would be the same."
            found.append(Finding("unchanged", message, f"tiers[{index}]"))
    return found


def warnings(rule: Rule) -> list[Problem]:
    """What the editor shows beside a valid rule: tiers that are never reached or change nothing."""
    return [
        Problem(finding.path or "tiers", finding.message) for finding in tier_findings(compile_rule(rule), rule.schema)
    ]


def _unreachable(card: RateCard, index: int, by: set[int]) -> Finding:
    if by:
        names = " and ".join(str(number + 1) for number in sorted(by))
        message = f"Never reached: {f'tier {names} matches' if len(by) == 1 else f'tiers {names} match'} first."
    else:
        message = f"Never reached: no combination has {in_words(card.branches[index].when)}."
    return Finding("unreachable", message, f"tiers[{index}]")


def _changes_anything(card: RateCard, index: int, reached: list[dict[str, Value]]) -> bool:
    without = card.without(index)
    try:
        return any(card.priced(params).terms != without.priced(params).terms for params in reached)
    except Unpriced:
        return True  # an ambiguous price is reported as such
