"""The visual rule, every part of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.catalogue.judging import Judged, Placed, Written
from app.catalogue.param_schema import parse_schema
from app.catalogue.workbench import Bench
from app.kernel.errors import InvalidInput
from app.kernel.text import t
from app.pricing.parameters import Meter, ParamSchema
from app.pricing.units import UNITS
from app.ui.pages.model_editor.json_values import figure_text, items, mapping
from app.ui.pages.model_editor.pricing.effect_rows import adjust_rows, group_row, is_listed, not_priced
from app.ui.pages.model_editor.pricing.figure_rows import figures, live_price
from app.ui.pages.model_editor.pricing.price_edits import PICTURES
from app.ui.pages.model_editor.pricing.rows import AdjustRow, FigureRow, GroupRow, TierRow
from app.ui.pages.model_editor.pricing.rule_edits import EXTRA_KEYS
from app.ui.pages.model_editor.pricing.sight import Sight
from app.ui.pages.model_editor.pricing.tier_rows import tier_row
from app.ui.pages.model_editor.rows import OptionRow, option


@dataclass(frozen=True)
class PriceView:
    """What the left column shows; `readable` is false while the JSON is none."""

    readable: bool = True
    billing: str = "charge_on_complete"
    unit: str = ""
    unit_hint: str = ""
    has_classes: bool = False
    classes: str = "0"
    has_cached: bool = False
    has_pictures: bool = False
    can_cache: bool = False
    base: list[FigureRow] = field(default_factory=list)
    has_base_fee: bool = False
    takes_included: bool = True
    tiers: list[TierRow] = field(default_factory=list)
    otherwise: str = ""
    groups: list[GroupRow] = field(default_factory=list)
    adjustments: list[AdjustRow] = field(default_factory=list)
    adjustable: list[OptionRow] = field(default_factory=list)
    not_priced: str = ""
    minimum: str = ""
    add_flat: str = ""
    round_to: str = ""
    round_mode: str = "half_up"
    overage: str = "cap"
    refund: bool = True
    option_problems: dict[str, str] = field(default_factory=dict)
    credit_problem: str = ""
    credit_was: str = ""


def price_view(
    judged: Judged, written: Written, bench: Bench, unfolded: frozenset[str], pending: Mapping[str, str]
) -> PriceView:
    """The whole form."""
    live_rule = mapping(bench.live.pricing_rule) if bench.live else {}
    credit = next(iter(judged.of("credit_cost")), None)
    shown: dict[str, Any] = {
        "credit_problem": credit.message if credit else "",
        "credit_was": _was(written.credit_cost, bench),
    }
    if written.pricing_rule is None:
        return PriceView(**shown)
    if judged.raw_rule is None:
        return PriceView(**shown, readable=False)
    raw, problems = judged.raw_rule, judged.of("pricing_rule")
    shown_findings = judged.priced[0].matrix.findings if judged.priced and judged.driven_by == "draft" else ()
    schema = judged.schema if judged.driven_by in ("draft", "rest") else _own_schema(judged)
    sight = Sight(raw, live_rule or None, schema, problems, shown_findings, unfolded, pending)
    return PriceView(**shown, **_options(raw, problems), **_unit(raw, schema), **_rows(sight))


def _own_schema(judged: Judged) -> ParamSchema:
    """The draft's own parameters where they can be read, though the matrix is driven by something older."""
    if judged.raw_schema is None:
        return judged.schema
    try:
        return parse_schema(judged.raw_schema)
    except InvalidInput:
        return judged.schema


def _was(credit_cost: str, bench: Bench) -> str:
    live = (bench.live.credit_cost or "") if bench.live else ""
    return live if live and live != credit_cost.strip() else ""


def _rows(sight: Sight) -> dict[str, Any]:
    used: set[int] = set()
    base = figures(sight, mapping(sight.raw.get("price")), live_price(sight), "price")
    rates = [row for row in base if row["key"] not in EXTRA_KEYS]
    names = ", ".join(not_priced(sight))
    return {
        "base": base,
        "has_base_fee": any(row["key"] == "base" for row in base),
        "takes_included": len(rates) == 1,
        "tiers": [tier_row(index, one, sight) for index, one in enumerate(items(sight.raw.get("tiers")))],
        "otherwise": " · ".join(f"{row['value']} {row['label']}" for row in base),
        "groups": [group_row(parameter, sight, used) for parameter in sight.schema.parameters if is_listed(parameter)],
        "adjustments": adjust_rows(sight, used),
        "adjustable": [option(one.name) for one in sight.schema.parameters if not is_listed(one)],
        "not_priced": t("model_editor.effects.not_priced", names=names) if names else "",
    }


def _options(raw: Mapping[str, Any], problems: Sequence[Placed]) -> dict[str, Any]:
    rounding = mapping(raw.get("rounding"))
    places = {"minimum": "minimum", "addFlat": "add_flat", "rounding.to": "round_to", "unit": "unit"}
    return {
        "billing": str(raw.get("billingMode", "charge_on_complete")),
        "minimum": figure_text(raw.get("minimum")),
        "add_flat": figure_text(raw.get("addFlat")),
        "round_to": figure_text(rounding.get("to")),
        "round_mode": str(rounding.get("mode", "half_up")),
        "overage": str(raw.get("overage", "cap")),
        "refund": raw.get("refundOnFailure", True) is not False,
        "option_problems": {
            name: next((one.message for one in problems if one.path == path), "") for path, name in places.items()
        },
    }


def _unit(raw: Mapping[str, Any], schema: ParamSchema) -> dict[str, Any]:
    name = str(raw.get("unit", ""))
    unit = UNITS.get(name)
    price = mapping(raw.get("price"))
    has_classes = unit is not None and len(unit.choices) > 1
    in_classes = has_classes and unit is not None and any(key.key in price for key in unit.choices[1])
    return {
        "unit": name,
        "unit_hint": _measured_by(name, schema),
        "has_classes": has_classes,
        "classes": "1" if in_classes else "0",
        "can_cache": in_classes,
        "has_cached": "per1kCachedInputTokens" in price,
        "has_pictures": any(key in price for key in PICTURES),
    }


_METERS = {
    "image": (Meter.IMAGE,),
    "second": (Meter.SECOND,),
    "character": (Meter.CHARACTER,),
    "video_token": (Meter.SECOND,),
}


def _measured_by(unit: str, schema: ParamSchema) -> str:
    """The parameters the quantity is estimated from."""
    if unit == "megapixel":
        return ", ".join(schema.size_by)
    return ", ".join(one.name for meter in _METERS.get(unit, ()) for one in schema.metered(meter))
