"""Why a route stands where it stands, as a sentence for operators. Pure."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from app.generation.routing import Reason
from app.kernel.money import USD, Money
from app.kernel.text import t
from app.ui import present


def why_words(reason: Reason) -> str:
    """One reason as a sentence."""
    return words_of(reason.code, reason.values)


def words_of(code: str, values: Mapping[str, Any]) -> str:
    """The sentence for a code and its values, also from the JSON that an attempt keeps."""
    margin, least = values.get("margin"), values.get("least")
    cost, took = values.get("cost_micros"), values.get("milliseconds")
    return t(
        f"admin_routing.why.{code}",
        priority=values.get("priority", ""),
        share=values.get("share", ""),
        provider=values.get("provider", ""),
        parameters=values.get("parameters", ""),
        because=values.get("because", ""),
        margin="" if margin is None else present.percent(Fraction(int(margin), 10_000)),
        least="" if least is None else present.percent(Fraction(int(least), 10_000)),
        cost="" if cost is None else present.cost(Money(int(cost), USD)),
        took="" if took is None else present.duration(Fraction(int(took), 1000)),
    )
