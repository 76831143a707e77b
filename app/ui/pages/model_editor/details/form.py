"""The fields of the Details tab: what stands in them, and the writing down of it."""

from dataclasses import replace

from app import services
from app.catalogue.offers import Limits
from app.catalogue.operations import MODALITIES, OPERATIONS, operation_of
from app.catalogue.overview import ModelPage
from app.catalogue.routes import RouteForm
from app.kernel.errors import InvalidInput
from app.kernel.money import Money, exact, plain
from app.kernel.text import t

LIMITS = ("per_minute", "tokens", "at_once", "per_day", "per_month")
FIELDS = ("title", "alias", "description", "modality", "operation", "upstream", *LIMITS)


def form_of(page: ModelPage) -> dict[str, str]:
    """A model's details as the fields show them."""
    details, first = page.details, page.routes[0] if page.routes else None
    limits = details.limits
    return {
        "title": details.title,
        "alias": details.alias,
        "description": details.description,
        "modality": details.modality,
        "operation": operation_of(details.modality, details.operation),
        "upstream": first.form.upstream_model if first else "",
        "per_minute": _shown(limits.requests_per_minute),
        "tokens": _shown(limits.tokens_per_minute),
        "at_once": _shown(limits.concurrent_jobs),
        "per_day": _shown_credits(limits.credits_per_day_micros),
        "per_month": _shown_credits(limits.credits_per_month_micros),
    }


def save_details(model_id: str, form: dict[str, str], author: str) -> None:
    """The form's details and the first route's upstream id; InvalidInput names what cannot be."""
    editing = services.current().editing
    page = editing.read(model_id)
    if form["modality"] not in MODALITIES:
        raise InvalidInput(t("model_editor.details.modality_wrong"), param="modality")
    details = replace(
        page.details,
        title=form["title"],
        alias=form["alias"].strip(),
        description=form["description"],
        modality=form["modality"],
        operation="" if form["operation"] == operation_of(form["modality"], "") else form["operation"],
        limits=Limits(
            _count(form, "per_minute"),
            _count(form, "at_once"),
            _credits(form, "per_day"),
            _count(form, "tokens"),
            _credits(form, "per_month"),
        ),
    )
    editing.edit_details(model_id, details, author)
    if page.routes and form["upstream"].strip() != page.routes[0].form.upstream_model:
        changed: RouteForm = replace(page.routes[0].form, upstream_model=form["upstream"].strip())
        editing.edit_route(page.routes[0].route_id, changed, author)


def changed(form: dict[str, str], name: str, text: str) -> dict[str, str]:
    """The form with a field filled in; another modality begins with its usual operation."""
    form = {**form, name: text}
    if name == "modality" and text in OPERATIONS:
        form["operation"] = OPERATIONS[text][0]
    return form


def _shown(count: int | None) -> str:
    return "" if count is None else str(count)


def _shown_credits(micros: int | None) -> str:
    return "" if micros is None else plain(Money(micros).amount)


def _count(form: dict[str, str], name: str) -> int | None:
    text = form[name].strip()
    if not text:
        return None
    if not text.isdigit() or len(text) > 9:
        raise InvalidInput(t("model_editor.details.count_wrong"), param=name)
    return int(text)


def _credits(form: dict[str, str], name: str) -> int | None:
    text = form[name].strip()
    if not text:
        return None
    try:
        return Money.from_exact(exact(text)).micros
    except (ValueError, OverflowError):
        raise InvalidInput(t("model_editor.details.count_wrong"), param=name) from None


def field_of(param: str | None) -> str:
    """Which field a refusal is about."""
    names = {
        "requests_per_minute": "per_minute",
        "concurrent_jobs": "at_once",
        "credits_per_day": "per_day",
        "tokens_per_minute": "tokens",
        "credits_per_month": "per_month",
        "upstream_model": "upstream",
    }
    return names.get(param or "", param or "")


def nothing_wrong() -> dict[str, str]:
    return dict.fromkeys(FIELDS, "")
