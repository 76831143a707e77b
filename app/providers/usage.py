"""Reading figures out of providers' answers: exact numbers or nothing, an explicit zero is a figure."""

import re
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from typing import Any, TypeGuard

from app.pricing.numbers import FINEST_EXPONENT, LARGEST

MAX_SENTENCE_CHARACTERS = 500
FINEST = Decimal(1).scaleb(FINEST_EXPONENT)
EXACT = Context(prec=40)
#: Parameters a model may resolve by itself (quality `auto` → `high`); nothing else of an answer is a condition.
RESOLVED = ("quality", "size", "image_size", "resolution", "duration")
#: What stands for "you choose" and therefore resolves nothing.
UNRESOLVED = (None, "", "auto", "default")

#: Words by which providers that have no code for it say that a content filter struck.
_FILTERED = re.compile(r"content polic|safety|flagged|nsfw|sensitive|moderat|prohibited", re.IGNORECASE)
_PROGRESS_BAR = re.compile(r"(\d{1,3})%\s*\|")


def number(value: Any) -> Decimal | None:
    """A non-negative figure, from a number or its text; anything else is not reported at all, and neither is a figure
    beyond all reason: no book can hold it, and exact arithmetic with 1e999999999 would not end."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        figure = Decimal(value)
    except ArithmeticError:
        return None
    if not figure.is_finite() or not 0 <= figure <= LARGEST:
        return None
    if not figure:
        return Decimal(0)
    is_fine = int(figure.as_tuple().exponent) < FINEST_EXPONENT
    return figure.quantize(FINEST, context=EXACT) if is_fine else figure


def whole(value: Any) -> int | None:
    figure = number(value)
    return int(figure) if figure is not None and figure == figure.to_integral_value() else None


def tokens(reported: Any) -> dict[str, Decimal]:
    """Token counts in the two usual spellings. Ours are disjoint: cached tokens are taken out of the input's."""
    if not isinstance(reported, dict):
        return {}
    details = reported.get("input_tokens_details") or reported.get("prompt_tokens_details")
    found = {
        "input_tokens": _first(reported, "input_tokens", "prompt_tokens"),
        "cached_input_tokens": number(details.get("cached_tokens")) if isinstance(details, dict) else None,
        "output_tokens": _first(reported, "output_tokens", "completion_tokens"),
    }
    if found["input_tokens"] is not None and found["cached_input_tokens"] is not None:
        found["input_tokens"] = max(found["input_tokens"] - found["cached_input_tokens"], Decimal(0))
    return {name: figure for name, figure in found.items() if figure is not None}


def _first(mapping: Mapping[str, Any], *names: str) -> Decimal | None:
    figures = (number(mapping.get(name)) for name in names)
    return next((figure for figure in figures if figure is not None), None)


def resolved(answer: Any) -> dict[str, Any]:
    """The parameters as really used, by the provider's names; a fraction as its text, so that it stays exact."""
    if not isinstance(answer, dict):
        return {}
    used = {name: answer[name] for name in RESOLVED if answer.get(name) not in UNRESOLVED}
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in used.items()
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    }


def percent_in_logs(lines: Iterable[str]) -> int | None:
    """The last progress bar ("40%|####") a model printed."""
    bars = [match for line in lines for match in _PROGRESS_BAR.findall(line)]
    return min(int(bars[-1]), 100) if bars else None


def is_file_url(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith(("https://", "http://", "data:"))


def failure_code(message: str) -> str:
    """Our code for a failure that is only told in a sentence."""
    return "content_policy_violation" if _FILTERED.search(message) else "generation_failed"


def sentence(text: str) -> str:
    """Somebody else's message on one line, cut to what a page can show."""
    return " ".join(text.split())[:MAX_SENTENCE_CHARACTERS]
