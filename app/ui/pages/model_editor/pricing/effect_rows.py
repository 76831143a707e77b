"""Per-attribute prices as rows: a table of every enum, and a list of what the table cannot show. Pure."""

from collections.abc import Mapping
from typing import Any

from app.catalogue.judging import Placed
from app.kernel.text import t
from app.pricing.conditions import word
from app.pricing.parameters import Kind, Parameter
from app.pricing.rule import EFFECTS
from app.ui.pages.model_editor.json_values import encoded, items, mapping
from app.ui.pages.model_editor.pricing.condition_rows import condition_row, values_of
from app.ui.pages.model_editor.pricing.effect_edits import effect_index
from app.ui.pages.model_editor.pricing.figure_rows import effect_figures
from app.ui.pages.model_editor.pricing.rows import AdjustRow, ConditionRow, EffectRow, GroupRow
from app.ui.pages.model_editor.pricing.sight import Sight
from app.ui.pages.model_editor.problem_rows import fix_words

#: Values of one parameter shown before those without effect are folded away.
MOST_SHOWN = 6


def is_listed(parameter: Parameter) -> bool:
    return bool(parameter.enum) or parameter.kind is Kind.BOOLEAN


def group_row(parameter: Parameter, sight: Sight, used: set[int]) -> GroupRow:
    rows = [_effect_row(parameter, value, sight, used) for value in values_of(parameter)]
    idle = [row for row in rows if not any(figure["value"] for figure in row["figures"])]
    is_folded = len(rows) > MOST_SHOWN and parameter.name not in sight.unfolded and len(idle) > 1
    if is_folded:
        kept = {id(row) for row in [*(row for row in rows if row not in idle), *idle][:MOST_SHOWN]}
        hidden = [row for row in rows if id(row) not in kept]
        rows = [row for row in rows if id(row) in kept]
        more = t("model_editor.effects.more", count=len(hidden), param=parameter.name)
    else:
        more = ""
    for index, row in enumerate(rows):
        row["first"] = index == 0
    return GroupRow(param=parameter.name, rows=rows, more=more, folded=is_folded)


def adjust_rows(sight: Sight, used: set[int]) -> list[AdjustRow]:
    found = []
    live = items(mapping(sight.live).get("attributes"))
    for index, given in enumerate(items(sight.raw.get("attributes"))):
        if index in used:
            continue
        entry, path = mapping(given), f"attributes[{index}]"
        problem = _own_problem_of_attribute(sight, path)
        for effect in [name for name in EFFECTS if name in entry] or ["add"]:
            found.append(
                AdjustRow(
                    index=index,
                    condition=_attribute_condition(index, entry, path, sight),
                    effect=effect,
                    figures=effect_figures(sight, effect, entry.get(effect)),
                    changed=entry not in live,
                    wrong=sight.problem(path, within=True) is not None,
                    problem=problem.message if problem else "",
                )
            )
    return found


def not_priced(sight: Sight) -> list[str]:
    """Parameters no price looks at and nothing is measured by."""
    tiers = [mapping(mapping(one).get("match")) for one in items(sight.raw.get("tiers"))]
    asked = {name for match in tiers for name in match}
    asked |= {str(mapping(one).get("param")) for one in items(sight.raw.get("attributes"))}
    return [
        one.name
        for one in sight.schema.parameters
        if one.name not in asked and one.meter is None and not is_listed(one)
    ]


def _effect_row(parameter: Parameter, value: object, sight: Sight, used: set[int]) -> EffectRow:
    attributes = items(sight.raw.get("attributes"))
    index = effect_index(attributes, parameter.name, value)
    entry = attributes[index] if index is not None else {}
    if index is not None:
        used.add(index)
    chosen = sight.pending.get(f"{parameter.name}={encoded(value)}", "add")
    effect = next((name for name in EFFECTS if name in entry), chosen)
    problem = sight.problem(f"attributes[{index}]", within=True) if index is not None else None
    return EffectRow(
        param=parameter.name,
        first=False,
        value=encoded(value),
        label=word(value),
        effect=effect,
        figures=effect_figures(sight, effect, entry.get(effect)),
        changed=_effect_changed(sight, parameter.name, value, effect, entry.get(effect)),
        problem=problem.message if problem else "",
    )


def _effect_changed(sight: Sight, param: str, value: object, effect: str, figure: object) -> bool:
    if sight.live is None:
        return figure is not None
    live = items(sight.live.get("attributes"))
    index = effect_index(live, param, value)
    before = live[index].get(effect) if index is not None else None
    return bool(before != figure)


def _attribute_condition(index: int, entry: Mapping[str, Any], path: str, sight: Sight) -> ConditionRow:
    condition = condition_row("attributes", index, str(entry.get("param", "")), entry.get("is"), f"{path}.is", sight)
    named = sight.problem(f"{path}.param")
    if named is not None:
        condition["problem"] = named.message
        condition["fix"], condition["fix_id"] = fix_words(named)
    return condition


def _own_problem_of_attribute(sight: Sight, path: str) -> Placed | None:
    inside = [one for one in sight.problems if one.path == path or one.path.startswith(f"{path}.")]
    return next((one for one in inside if not one.path.startswith((f"{path}.is", f"{path}.param"))), None)
