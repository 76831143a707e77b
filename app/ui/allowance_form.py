"""The form of what a key or a workspace may use: text in the fields, an `Allowance` behind them. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict

from app.accounts.allowances import Allowance
from app.generation.spend import Used
from app.kernel.errors import InvalidInput
from app.kernel.money import Money, exact, plain
from app.kernel.text import t
from app.ui import present

COUNTS = ("requests_per_minute", "tokens_per_minute", "concurrent_jobs")
BUDGETS = ("credits_per_day_micros", "credits_per_month_micros")
FIELDS = (*COUNTS, *BUDGETS)
NO_ALERT = "none"
ALERTS = (NO_ALERT, "50", "80")
LONGEST = 20


class ModelChoice(TypedDict):
    id: str
    label: str
    chosen: bool


def empty() -> dict[str, str]:
    return dict.fromkeys(FIELDS, "")


def form_of(allowance: Allowance) -> dict[str, str]:
    """What stands in the fields."""
    counts = {name: getattr(allowance, name) for name in COUNTS}
    budgets = {name: getattr(allowance, name) for name in BUDGETS}
    shown = {name: "" if value is None else str(value) for name, value in counts.items()}
    return shown | {name: "" if value is None else plain(Money(value).amount) for name, value in budgets.items()}


def allowance_of(form: Mapping[str, str], models: Collection[str] | None, alert: str) -> Allowance:
    """The fields as limits; `InvalidInput` names the field that is no number. `models` None is every model."""
    return Allowance(
        requests_per_minute=_count(form, "requests_per_minute"),
        tokens_per_minute=_count(form, "tokens_per_minute"),
        concurrent_jobs=_count(form, "concurrent_jobs"),
        credits_per_day_micros=_credits(form, "credits_per_day_micros"),
        credits_per_month_micros=_credits(form, "credits_per_month_micros"),
        allowed_models=None if models is None else frozenset(models),
        alert_percent=None if alert == NO_ALERT else int(alert),
    )


def choices(models: Sequence[tuple[str, str]], allowed: Collection[str] | None) -> list[ModelChoice]:
    """Every model, ticked where it is allowed; `models` are ids and aliases."""
    return [ModelChoice(id=key, label=alias, chosen=allowed is None or key in allowed) for key, alias in models]


def in_words(allowance: Allowance) -> str:
    """The limits in one line, such as "60 requests/min · 500 credits/day"; "none" where there is none."""
    said = [
        t(f"allowance.short.{name}", figure=_figure(name, value))
        for name in FIELDS
        if (value := getattr(allowance, name)) is not None
    ]
    if allowance.allowed_models is not None:
        said.append(t("allowance.short.models", count=len(allowance.allowed_models)))
    return " · ".join(said) or t("allowance.short.nothing")


def hurts(before: Allowance, after: Allowance, used: Used) -> str:
    """What a change would refuse from now on, as a sentence; empty where programs would not notice it at once."""
    spent_day, spent_month = used.day_micros + used.held_micros, used.month_micros + used.held_micros
    for name, spent in (("credits_per_day_micros", spent_day), ("credits_per_month_micros", spent_month)):
        limit, was = getattr(after, name), getattr(before, name)
        if limit is not None and limit != was and spent >= limit:
            return t("allowance.hurts.spent", spent=present.credits(Money(spent)))
    models = after.allowed_models
    if models is not None and models != before.allowed_models and not models >= (before.allowed_models or {"any"}):
        return t("allowance.hurts.models", count=len(models))
    return ""


def _figure(name: str, value: int) -> str:
    return present.credits(Money(value)) if name in BUDGETS else f"{value:,}"


def _count(form: Mapping[str, str], name: str) -> int | None:
    text = form[name].replace(",", "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST:
        raise InvalidInput(t("allowance.wrong"), param=name)
    return int(text)


def _credits(form: Mapping[str, str], name: str) -> int | None:
    text = form[name].replace(",", "").strip()
    if not text:
        return None
    try:
        return Money.from_exact(exact(text[:LONGEST])).micros
    except (ValueError, OverflowError):
        raise InvalidInput(t("allowance.wrong"), param=name) from None
