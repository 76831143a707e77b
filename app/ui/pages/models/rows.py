"""A model as a line of the list and as a page of its own: pure."""

import json
from collections.abc import Mapping
from typing import Any, TypedDict

from app.catalogue.offers import Offer
from app.catalogue.operations import AS_JOBS, MODALITIES
from app.catalogue.price_words import PriceLine, PriceWords
from app.kernel.money import Money, plain
from app.kernel.text import t
from app.pricing.parameters import Kind, Parameter
from app.ui import present
from app.ui.pages.models.at_once import example_of
from app.ui.pages.playground.look import is_run_here
from app.ui.pages.playground.snippets import Request, snippet

ALL = "all"


class ModelRow(TypedDict):
    alias: str
    title: str
    letter: str
    modality: str
    price: str
    href: str
    chosen: bool


class WhenRow(TypedDict):
    when: str
    price: str


class ParamRow(TypedDict):
    name: str
    title: str
    help: str
    allowed: str
    default: str
    is_required: bool
    counts: bool


class Facts(TypedDict):
    alias: str
    title: str
    letter: str
    description: str
    modality: str
    kind: str
    price: str
    version: str
    params: str
    per_minute: str
    jobs: str
    per_day: str
    refund: str
    example: str
    curl: str
    answer: str
    playground: str


NO_FACTS = Facts(
    alias="",
    title="",
    letter="",
    description="",
    modality="",
    kind="",
    price="",
    version="",
    params="",
    per_minute="",
    jobs="",
    per_day="",
    refund="",
    example="",
    curl="",
    answer="",
    playground="",
)


def model_row(offer: Offer, headline: str, chosen: str) -> ModelRow:
    """A line of the list."""
    return ModelRow(
        alias=offer.alias,
        title=offer.title,
        letter=letter_of(offer),
        modality=offer.modality,
        price=headline,
        href=f"/models?model={offer.alias}",
        chosen=offer.alias == chosen,
    )


def letter_of(offer: Offer) -> str:
    return next((letter.upper() for letter in offer.title if letter.isalnum()), "·")


def facts(offer: Offer, words: PriceWords, answer: Mapping[str, Any], host: str) -> Facts:
    """The page of one model. `answer` is what the API says about it, `host` where the API answers."""
    limits = offer.limits
    day = limits.credits_per_day_micros
    return Facts(
        alias=offer.alias,
        title=offer.title,
        letter=letter_of(offer),
        description=offer.description,
        modality=offer.modality,
        kind=t(f"models.tab.{offer.modality}") if offer.modality in MODALITIES else offer.modality,
        price=words.headline,
        version=t("models.price.version", number=offer.version_number),
        params=t("models.params.detail", count=len(offer.schema.parameters)),
        per_minute=_limit(limits.requests_per_minute),
        jobs=_limit(limits.concurrent_jobs),
        per_day=_limit(None) if day is None else present.credits(Money(day)),
        refund=t(f"models.limits.{'refund' if offer.refund_on_failure else 'no_refund'}"),
        example=_example(offer, host),
        curl=f'curl {host}/v1/models/{offer.alias} \\\n  -H "Authorization: Bearer $FAREBOX_KEY"',
        answer=json.dumps(answer, indent=2, ensure_ascii=False, default=str),
        playground=f"/playground?model={offer.alias}" if is_run_here(offer) else "",
    )


def _example(offer: Offer, host: str) -> str:
    if not offer.example:
        return ""
    if offer.operation not in AS_JOBS:
        return example_of(offer.operation, host, offer.alias, offer.example)
    return snippet(Request(host, offer.alias, offer.operation, offer.example), "curl", dry_run=True)


def _limit(figure: int | None) -> str:
    return t("models.limits.none") if figure is None else present.count(figure)


def when_rows(lines: tuple[PriceLine, ...]) -> list[WhenRow]:
    return [WhenRow(when=line.when or t("models.price.always"), price=line.price) for line in lines]


def param_rows(offer: Offer) -> list[ParamRow]:
    """The parameters in the form's order."""
    return [_param(parameter, offer) for parameter in offer.schema.parameters]


def _param(parameter: Parameter, offer: Offer) -> ParamRow:
    counts = parameter.meter is not None or parameter.name in (*offer.card.params, *offer.schema.shaped_by)
    return ParamRow(
        name=parameter.name,
        title=parameter.title,
        help=parameter.help,
        allowed=allowed(parameter),
        default="" if parameter.default is None else _value(parameter.default),
        is_required=parameter.required,
        counts=counts,
    )


def allowed(parameter: Parameter) -> str:
    """What may be said: the values of a choice, a range, or what kind of thing it is."""
    if parameter.enum:
        return ", ".join(map(_value, parameter.enum))
    match parameter.kind:
        case Kind.STRING:
            return _text(parameter)
        case Kind.BOOLEAN:
            return t("models.params.switch")
        case Kind.FILE:
            return t(f"models.params.file_{parameter.media or 'file'}")
        case Kind.ARRAY:
            item = allowed(parameter.item) if parameter.item else ""
            if parameter.max_items is None:
                return t("models.params.list_any", item=item)
            return t("models.params.list_of", count=parameter.max_items, item=item)
        case _:
            return _number(parameter)


def _text(parameter: Parameter) -> str:
    if parameter.max_length is None:
        return t("models.params.text")
    return t("models.params.text_up_to", count=present.count(parameter.max_length))


def _number(parameter: Parameter) -> str:
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        said = t("models.params.range", low=plain(low), high=plain(high))
    elif low is not None:
        said = t("models.params.at_least", low=plain(low))
    elif high is not None:
        said = t("models.params.at_most", high=plain(high))
    else:
        said = t(f"models.params.{'whole' if parameter.kind is Kind.INTEGER else 'number'}")
    step = parameter.step
    if step is None or (step == 1 and parameter.kind is Kind.INTEGER):
        return said
    return t("models.params.step", range=said, step=plain(step))


def _value(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)
