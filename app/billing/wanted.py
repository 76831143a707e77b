"""What a draft is to be about, kept with it as JSON, so that it can be worked out again in the same words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Self

from app.billing.rating import RatedLine
from app.metering.aggregate import Span


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an invoice is about: usage of `used`, fixed prices in arrear of the same, fixed prices ahead for `ahead`.

    Each is a part of a whole period, as it was when the draft was made. `ahead_lines`, by id with their ends, are the
    lines to be paid ahead where a later change of plan, or the end, must not touch them any more. `plan_id` is the plan
    that says what is included in `used`, also after the subscription has gone on to another."""

    span: Span
    used: Span | None = None
    ahead: Span | None = None
    others: tuple[RatedLine, ...] = ()
    used_whole: Span | None = None
    ahead_whole: Span | None = None
    ahead_lines: Mapping[str, str | None] | None = None
    plan_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As an invoice keeps it, to be worked out again."""
        return {
            "used": times(self.used),
            "ahead": times(self.ahead),
            "others": [_other(line) for line in self.others],
            "used_whole": times(self.used_whole),
            "ahead_whole": times(self.ahead_whole),
            "ahead_lines": None if self.ahead_lines is None else dict(self.ahead_lines),
            "plan_id": self.plan_id,
        }

    @classmethod
    def from_json(cls, span: Span, kept: Mapping[str, Any]) -> Self:
        others = tuple(_read_other(each) for each in kept.get("others") or ())
        wholes = read_span(kept.get("used_whole")), read_span(kept.get("ahead_whole"))
        used, ahead = read_span(kept.get("used")), read_span(kept.get("ahead"))
        return cls(span, used, ahead, others, *wholes, kept.get("ahead_lines"), kept.get("plan_id"))


def times(span: Span | None) -> list[str] | None:
    """A span as an invoice keeps it."""
    return None if span is None else [span.start.isoformat(), span.end.isoformat()]


def read_span(times: Sequence[str] | None) -> Span | None:
    """What `times` wrote."""
    return Span(*(datetime.fromisoformat(each) for each in times)) if times else None


def _other(line: RatedLine) -> dict[str, Any]:
    said = {"kind": line.kind, "name": line.name, "exact": str(line.exact), "quantity": str(line.quantity)}
    return {**said, "reason": line.reason, "purpose": line.purpose, "span": times(line.span), "line_id": line.line_id}


def _read_other(kept: Mapping[str, Any]) -> RatedLine:
    return RatedLine(
        None,
        kept["kind"],
        kept["name"],
        Fraction(kept["quantity"]),
        Fraction(kept["exact"]),
        kept["reason"],
        kept["purpose"],
        span=read_span(kept["span"]),
        line_id=kept.get("line_id", ""),
    )
