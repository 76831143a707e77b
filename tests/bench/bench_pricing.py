"""How many prices a second one core works out, for a rule with five tiers, beside the same sum in plain fractions."""

import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import cycle, islice
from typing import Any

from app.catalogue.param_schema import coerce, parse_schema
from app.pricing.matrix import matrix
from app.pricing.quote import estimate
from app.pricing.rate_card import RateCard, compile_rule
from app.pricing.rule import parse_rule
from app.pricing.usage import Output, Usage

QUALITIES = ("draft", "standard", "high", "ultra", "max", "auto")
RULE: dict[str, Any] = {
    "type": "formula",
    "unit": "image",
    "price": {"perImage": 10},
    "tiers": [
        {"match": {"quality": quality}, "price": {"perImage": price}}
        for quality, price in zip(QUALITIES[1:], ("16", "24", "31.5", "40", "52.25"), strict=True)
    ],
    "attributes": [{"param": "format", "is": "png", "add": 2}, {"param": "size", "is": "large", "multiply": 1.5}],
    "rounding": {"to": 1, "mode": "up"},
}
SCHEMA = parse_schema(
    {
        "properties": {
            "quality": {"enum": list(QUALITIES), "default": "draft"},
            "format": {"enum": ["jpeg", "png"], "default": "jpeg"},
            "size": {"enum": ["small", "large"], "default": "small"},
            "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1, "x-meter": "image"},
        }
    }
)
TARGET_PER_SECOND = 200_000
SPELL_SECONDS = 0.5
SPELLS = 5


def run() -> list[dict[str, Any]]:
    """The rows of `make bench`. Best of five spells, because a busy machine only ever makes a figure worse."""
    requests = [
        ({"quality": quality, "format": form, "size": size}, Usage((Output(),) * count), count)
        for quality in QUALITIES
        for form in ("jpeg", "png")
        for size in ("small", "large")
        for count in (1, 4)
    ]
    card = _card()
    for conditions, usage, count in requests:  # both must say the same before either is timed
        if card.amount(usage, conditions) != _plainly(conditions, count):
            raise AssertionError(f"{conditions} × {count} is priced differently by the yardstick")
    plain = _per_second(lambda conditions, usage, count: _plainly(conditions, count), requests)
    fast = _per_second(lambda conditions, usage, count: card.amount(usage, conditions), requests)
    shown = _per_second(lambda conditions, usage, count: estimate(card, SCHEMA, {**conditions, "n": count}), requests)
    door = _per_second(lambda conditions, usage, count: coerce(SCHEMA, {**conditions, "n": count}), requests)
    return [
        _row("card.amount(), five tiers, 24 combinations in turn", fast, plain, TARGET_PER_SECOND),
        _row("card.amount(), seconds with a base", _seconds(), plain),
        _row("quote with lines, maximum, reason and steps", shown, plain),
        _row("coercion of a request", door, plain),
        _row("price matrix, cells", _cells(card), plain, unit="cells/s"),
    ]


def _card() -> RateCard:
    tiers = [
        {**tier, "price": {"perImage": float(tier["price"]["perImage"])}} for tier in RULE["tiers"]
    ]  # JSON has only floats
    return compile_rule(parse_rule({**RULE, "tiers": tiers}, SCHEMA))


def _plainly(conditions: dict[str, str], count: int) -> int:
    """The yardstick: the same rule read from its JSON with fractions, no compiling and no memory."""
    price = Fraction(RULE["price"]["perImage"])
    for tier in RULE["tiers"]:
        if all(conditions.get(name) == value for name, value in tier["match"].items()):
            price = Fraction(tier["price"]["perImage"])
            break
    if conditions.get("format") == "png":
        price += 2
    if conditions.get("size") == "large":
        price *= Fraction(3, 2)
    total = price * count
    return -(-total.numerator // total.denominator) * 1_000_000


def _per_second(call: Callable[[Any, Any, int], object], requests: list[Any]) -> float:
    best = 0.0
    batch = list(islice(cycle(requests), 2_000))
    for _ in range(SPELLS):
        done, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < SPELL_SECONDS:
            for request in batch:
                call(*request)
            done += len(batch)
        best = max(best, done / elapsed)
    return best


def _seconds() -> float:
    raw = {"type": "formula", "unit": "second", "price": {"perSecond": 0.07, "base": 0.35, "included": 5}}
    card = compile_rule(parse_rule(raw))
    usage = Usage((Output(seconds=Decimal("10.041667")),))
    return _per_second(lambda conditions, usage, count: card.amount(usage, conditions), [({}, usage, 1)])


def _cells(card: RateCard) -> float:
    cells = len(matrix(card, SCHEMA, previous=card).cells)
    started, rounds = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < SPELL_SECONDS * 2:
        matrix(card, SCHEMA, previous=card)
        rounds += 1
    return rounds * cells / elapsed


def _row(name: str, value: float, plain: float, target: int | None = None, unit: str = "calls/s") -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "yardstick": f"{plain:,.0f}/s in plain fractions",
        "ratio": value / plain,
        "target": f"≥ {target:,}/s" if target else None,
        "ok": value >= target if target else None,
    }
