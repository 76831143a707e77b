"""Short ways to a schema, a card and a quote, for tests that read as sentences."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.catalogue.param_schema import coerce, parse_schema
from app.pricing.parameters import ParamSchema
from app.pricing.quote import Quote, estimate, final
from app.pricing.rate_card import RateCard, compile_rule
from app.pricing.rule import parse_rule
from app.pricing.usage import Output, Usage

N = {"type": "integer", "minimum": 1, "maximum": 10, "default": 1, "x-meter": "image"}


def choice(*values: Any, default: Any = None, **more: Any) -> dict[str, Any]:
    """An enum parameter; without a default it may be absent."""
    kind = "integer" if all(type(value) is int for value in values) else "string"
    return {"type": kind, "enum": list(values), **({"default": default} if default is not None else {}), **more}


def schema(properties: Mapping[str, Any] | None = None, **top: Any) -> ParamSchema:
    """A schema of these properties; `size`, `divisor`, `fps` and `required` become its top-level keys."""
    names = {"size": "x-size", "divisor": "x-megapixel-divisor", "fps": "x-fps", "required": "required"}
    return parse_schema(
        {"type": "object", "properties": dict(properties or {}), **{names[key]: value for key, value in top.items()}}
    )


def rule(unit: str, price: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "formula", "unit": unit, "price": dict(price), **more}


def card(raw: Mapping[str, Any], of: ParamSchema | None = None, unit: str = "credit") -> RateCard:
    return compile_rule(parse_rule(raw, of), unit)


def ask(raw: Mapping[str, Any], of: ParamSchema, **given: Any) -> Quote:
    """The estimate for a request, through the coercion door."""
    return estimate(card(raw, of), of, coerce(of, given))


def charge(raw: Mapping[str, Any], of: ParamSchema | None, usage: Usage, **conditions: Any) -> Decimal:
    """What a delivery costs, in credits."""
    return final(card(raw, of), usage, conditions).total.amount


def images(count: int) -> Usage:
    return Usage(outputs=(Output(),) * count)


def film(*seconds: str) -> Usage:
    return Usage(outputs=tuple(Output(seconds=Decimal(each)) for each in seconds))


def pictures(*sizes: tuple[int, int]) -> Usage:
    return Usage(outputs=tuple(Output(width=width, height=height) for width, height in sizes))
