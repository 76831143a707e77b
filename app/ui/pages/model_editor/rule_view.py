"""A rule as the visual editor shows it: figures, tiers with their conditions, the per-attribute table. Pure, and
tolerant: the rule may be wrong in any way.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.catalogue.judging import Placed
from app.kernel.text import t
from app.pricing.conditions import ABSENT, PRESENT, word
from app.pricing.findings import Finding
from app.pricing.numbers import measure_in
from app.pricing.parameters import AUTO, Kind, Parameter, ParamSchema
from app.pricing.rule import EFFECTS
from app.pricing.units import UNITS, Unit
from app.ui.pages.model_editor.rows import (
    AdjustRow,
    ChoiceRow,
    ConditionRow,
    EffectRow,
    FigureRow,
    GroupRow,
    OptionRow,
    TierRow,
)
from app.ui.pages.model_editor.rule_edits import EXTRA_KEYS, effect_index, figure_text, items, mapping, same

#: Values of one parameter shown before those without effect are folded away.
MOST_SHOWN = 6
ENDS = {"gte": "at_least", "gt": "over", "lte": "at_most", "lt": "under"}


@dataclass(frozen=True)
class RuleView:
    """Rows for every part of the form."""

    base: list[FigureRow] = field(default_factory=list)
    tiers: list[TierRow] = field(default_factory=list)
    groups: list[GroupRow] = field(default_factory=list)
    adjustments: list[AdjustRow] = field(default_factory=list)
    adjustable: list[OptionRow] = field(default_factory=list)
    not_priced: str = ""


@dataclass(frozen=True)
class Sight:
    """What is looked at: the rule and the live one, the parameters, what is wrong, what was found."""

    raw: Mapping[str, Any]
    live: Mapping[str, Any] | None
    schema: ParamSchema
    problems: Sequence[Placed] = ()
    findings: Sequence[Finding] = ()
    unfolded: frozenset[str] = frozenset()
    pending: Mapping[str, str] = field(default_factory=dict)  # effects chosen before a figure was typed

    @property
    def unit(self) -> Unit | None:
        name = self.raw.get("unit")
        return UNITS.get(name) if isinstance(name, str) else None

    @property
    def keys(self) -> list[str]:
        """The price keys of the base price in the table's order."""
        given = mapping(self.raw.get("price"))
        known = [key.key for key in self.unit.keys if key.key in given] if self.unit else []
        return known or [key for key in given if key not in EXTRA_KEYS]

    def problem(self, path: str, *, within: bool = False) -> Placed | None:
        """The first problem exactly at `path`, or anywhere under it."""
        for one in self.problems:
            if one.path == path or (within and one.path.startswith((f"{path}.", f"{path}["))):
                return one
        return None


def rule_view(sight: Sight) -> RuleView:
    """Every row of the form."""
    used: set[int] = set()
    groups = [_group(parameter, sight, used) for parameter in sight.schema.parameters if _listed(parameter)]
    return RuleView(
        base=_figures(sight, mapping(sight.raw.get("price")), _live_price(sight), "price"),
        tiers=[_tier(index, one, sight) for index, one in enumerate(items(sight.raw.get("tiers")))],
        groups=groups,
        adjustments=_adjustments(sight, used),
        adjustable=[_option(one.name) for one in sight.schema.parameters if not _listed(one)],
        not_priced=", ".join(_not_priced(sight)),
    )


def encoded(value: object) -> str:
    """A parameter's value as the browser hands it back."""
    return json.dumps(value, ensure_ascii=False, default=float)


def fix_words(problem: Placed | None) -> tuple[str, str]:
    """The words and the id of a problem's one-click fix; empty where there is none."""
    if problem is None or not problem.suggestion:
        return "", ""
    return t("model_editor.fix.use", value=problem.suggestion), f"{problem.part}|{problem.path}"


# ---- figures ----


def _figures(sight: Sight, given: Mapping[str, Any], live: Mapping[str, Any] | None, path: str) -> list[FigureRow]:
    base = mapping(sight.raw.get("price"))
    keys = [*sight.keys, *(key for key in given if key not in sight.keys and key not in EXTRA_KEYS)]
    keys += [key for key in EXTRA_KEYS if key in base or key in given]
    return [_figure(sight, key, given, live, path) for key in keys]


def _figure(sight: Sight, key: str, given: Mapping[str, Any], live: Mapping[str, Any] | None, path: str) -> FigureRow:
    value = figure_text(given.get(key))
    was = figure_text(live[key]) if live is not None and key in live else ""
    problem = sight.problem(f"{path}.{key}")
    return FigureRow(
        key=key,
        label=per(key),
        name=t(f"model_editor.figure.{key}") if key in KNOWN_FIGURES else key,
        value=value,
        was="" if was == value else was,
        problem=problem.message if problem else "",
    )


KNOWN_FIGURES = {*EXTRA_KEYS, *(key.key for unit in UNITS.values() for key in unit.keys)}


def per(key: str) -> str:
    """What a figure is for, as a field shows it: `/ image`."""
    return t(f"model_editor.per.{key}") if key in KNOWN_FIGURES else key


def _live_price(sight: Sight) -> Mapping[str, Any] | None:
    if sight.live is None or sight.live.get("unit") != sight.raw.get("unit"):
        return None
    return mapping(sight.live.get("price"))


# ---- tiers ----


def _tier(index: int, given: object, sight: Sight) -> TierRow:
    tier, path = mapping(given), f"tiers[{index}]"
    match, live = mapping(tier.get("match")), _live_tier(sight, tier.get("match"))
    own = _own_problem(sight, path)
    fix, fix_id = fix_words(own)
    found = next((one for one in sight.findings if one.path == path), None)
    return TierRow(
        index=index,
        number=str(index + 1),
        conditions=[
            _condition("tiers", index, str(name), what, f"{path}.match.{name}", sight) for name, what in match.items()
        ],
        prices=_figures(
            sight, mapping(tier.get("price")), mapping(live.get("price")) if live else None, f"{path}.price"
        ),
        free=[_option(one.name) for one in sight.schema.parameters if one.name not in match],
        changed=live is None or live.get("price") != tier.get("price") or _live_index(sight, live) != index,
        wrong=sight.problem(path, within=True) is not None,
        problem=own.message if own else "",
        fix=fix,
        fix_id=fix_id,
        note=found.message if found and found.kind in ("unreachable", "unchanged") else "",
    )


def _own_problem(sight: Sight, path: str) -> Placed | None:
    """A problem of the tier that no condition and no figure of it shows itself."""
    shown = (f"{path}.match.", f"{path}.price.")
    inside = [one for one in sight.problems if one.path == path or one.path.startswith((f"{path}.", f"{path}["))]
    return next((one for one in inside if not one.path.startswith(shown)), None)


def _live_tier(sight: Sight, match: object) -> Mapping[str, Any] | None:
    tiers = items(mapping(sight.live).get("tiers"))
    return next((one for one in tiers if isinstance(one, Mapping) and one.get("match") == match), None)


def _live_index(sight: Sight, live: Mapping[str, Any] | None) -> int:
    tiers = items(mapping(sight.live).get("tiers"))
    return next((index for index, one in enumerate(tiers) if one is live), -1)


# ---- conditions ----


def _condition(place: str, index: int, param: str, what: object, path: str, sight: Sight) -> ConditionRow:
    parameter = sight.schema.get(param)
    problem = sight.problem(path, within=True)
    fix, fix_id = fix_words(problem)
    op = _op(what, parameter)
    values = what if isinstance(what, list) else [what]
    low, high = _ends(what)
    kind = _kind(op, parameter)
    return ConditionRow(
        place=place,
        index=index,
        param=param,
        op=op,
        op_words=t(f"model_editor.op.{op}"),
        shown=_shown(op, what, values),
        kind=kind,
        choices=[_choice(value, values) for value in _values(parameter)] if kind == "choices" else [],
        low=low,
        high=high,
        ops=[OptionRow(value=name, label=t(f"model_editor.op.{name}")) for name in _ops(parameter, op)],
        problem=problem.message if problem else "",
        fix=fix,
        fix_id=fix_id,
    )


def _op(what: object, parameter: Parameter | None) -> str:
    if isinstance(what, Mapping):
        ends = list(what)
        if len(ends) == 1 and ends[0] in ENDS:
            return ENDS[ends[0]]
        return "between" if set(ends) == {"gte", "lte"} else "custom"
    if isinstance(what, list):
        return "any"
    if what == ABSENT and (parameter is None or ABSENT not in parameter.enum):
        return "absent"
    return "present" if what == PRESENT and parameter is not None and parameter.is_presence else "is"


def _ops(parameter: Parameter | None, present: str) -> list[str]:
    if parameter is None:
        return [present]
    if parameter.is_presence:
        return ["present", "absent"]
    found = ["is", "any"] if parameter.enum else ["is"]
    if _is_ordered(parameter):
        found += ["at_least", "over", "at_most", "under", "between"]
    if parameter.may_be_absent:
        found.append("absent")
    return found if present in found else [*found, present]


def _is_ordered(parameter: Parameter) -> bool:
    if not parameter.enum:
        return parameter.kind in (Kind.INTEGER, Kind.NUMBER)
    return all(measure_in(member) for member in parameter.enum if member != AUTO)


def _kind(op: str, parameter: Parameter | None) -> str:
    if op in ("absent", "present", "custom"):
        return "presence" if op != "custom" else "custom"
    if op in ("at_least", "over"):
        return "low"
    if op in ("at_most", "under"):
        return "high"
    if op == "between":
        return "ends"
    return "choices" if _values(parameter) else "text"


def _values(parameter: Parameter | None) -> list[Any]:
    if parameter is None:
        return []
    return list(parameter.enum) or ([True, False] if parameter.kind is Kind.BOOLEAN else [])


def _choice(value: object, chosen: Iterable[object]) -> ChoiceRow:
    return ChoiceRow(value=encoded(value), label=word(value), on=any(same(value, one) for one in chosen))


def _ends(what: object) -> tuple[str, str]:
    ends = mapping(what)
    low = next((ends[key] for key in ("gte", "gt") if key in ends), None)
    high = next((ends[key] for key in ("lte", "lt") if key in ends), None)
    if not ends and not isinstance(what, Mapping | list) and what is not None:
        return _said(what), ""
    return figure_text(low), figure_text(high)


def _shown(op: str, what: object, values: Sequence[object]) -> str:
    if op in ("absent", "present"):
        return ""
    if op == "custom":
        return encoded(what)
    if isinstance(what, Mapping):
        return " – ".join(figure_text(one) for one in what.values())
    return ", ".join(map(_said, values))


def _said(value: object) -> str:
    try:
        return word(value)
    except ValueError:
        return encoded(value)


# ---- per-attribute prices ----


def _listed(parameter: Parameter) -> bool:
    return bool(parameter.enum) or parameter.kind is Kind.BOOLEAN


def _group(parameter: Parameter, sight: Sight, used: set[int]) -> GroupRow:
    rows = [_effect_row(parameter, value, sight, used) for value in _values(parameter)]
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


def effect_figures(sight: Sight, effect: str, given: object) -> list[FigureRow]:
    """The fields of an effect: one, or one for each price of the rule."""
    keys = sight.keys if effect in ("set", "add") and len(sight.keys) > 1 else [""]
    only = sight.keys[0] if sight.keys else ""
    shown = []
    for key in keys:
        value = mapping(given).get(key or only) if isinstance(given, Mapping) else given
        shown.append(
            FigureRow(
                key=key,
                label=per(key) if key else "",
                name=t(f"model_editor.effect.{effect}"),
                value=figure_text(value),
                was="",
                problem="",
            )
        )
    return shown


def _effect_changed(sight: Sight, param: str, value: object, effect: str, figure: object) -> bool:
    if sight.live is None:
        return figure is not None
    live = items(sight.live.get("attributes"))
    index = effect_index(live, param, value)
    before = live[index].get(effect) if index is not None else None
    return bool(before != figure)


def _adjustments(sight: Sight, used: set[int]) -> list[AdjustRow]:
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


def _attribute_condition(index: int, entry: Mapping[str, Any], path: str, sight: Sight) -> ConditionRow:
    condition = _condition("attributes", index, str(entry.get("param", "")), entry.get("is"), f"{path}.is", sight)
    named = sight.problem(f"{path}.param")
    if named is not None:
        condition["problem"] = named.message
        condition["fix"], condition["fix_id"] = fix_words(named)
    return condition


def _own_problem_of_attribute(sight: Sight, path: str) -> Placed | None:
    inside = [one for one in sight.problems if one.path == path or one.path.startswith(f"{path}.")]
    return next((one for one in inside if not one.path.startswith((f"{path}.is", f"{path}.param"))), None)


def _not_priced(sight: Sight) -> list[str]:
    """Parameters no price looks at and nothing is measured by."""
    tiers = [mapping(mapping(one).get("match")) for one in items(sight.raw.get("tiers"))]
    asked = {name for match in tiers for name in match}
    asked |= {str(mapping(one).get("param")) for one in items(sight.raw.get("attributes"))}
    return [
        one.name for one in sight.schema.parameters if one.name not in asked and one.meter is None and not _listed(one)
    ]


def _option(name: str) -> OptionRow:
    return OptionRow(value=name, label=name)
