"""What the form asks the services in one go: the draft's price, what can be spent, and the figures beside the choices.

Everything here blocks; the states call it in a thread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import services
from app.billing.worth import worth_of
from app.catalogue.offers import Offer
from app.catalogue.operations import AS_JOBS
from app.files.tables import StoredFile
from app.generation.dialogue import is_dialogue
from app.generation.inputs import lengths
from app.generation.preview import Preview, preview
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.fiat import Fiat
from app.kernel.ids import is_id
from app.kernel.money import Money
from app.kernel.text import t
from app.payments import policy
from app.pricing.choices import choice_prices, least
from app.pricing.parameters import Parameter
from app.ui import present
from app.ui.pages.playground import fields
from app.ui.pages.playground.seen import size_of

#: The least a version's request can cost, by version; versions never change.
_LEAST: dict[str, int | None] = {}


@dataclass(frozen=True, slots=True)
class Draft:
    """A form as it stands: text by parameter, files by parameter."""

    alias: str
    values: Mapping[str, str]
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def given(self, offer: Offer) -> dict[str, Any]:
        return fields.given(offer.schema, self.values, self.files)


@dataclass(frozen=True, slots=True)
class Looked:
    """The answer: `prices` by parameter and value, `asides` say what they are prices of."""

    found: Preview
    given: Mapping[str, Any]
    available: Money
    prices: Mapping[str, Mapping[str, str]]
    asides: Mapping[str, str]


def look(draft: Draft, workspace_id: str, segments: Mapping[str, bool]) -> Looked:
    """Price a draft for a workspace. `segments` are the parameters whose values have room for a figure, and whether
    their field is wide."""
    house = services.current()
    offer = house.offers.find(draft.alias)
    given = draft.given(offer)
    found = preview(house.desk, draft.alias, given, workspace_id)
    prices, asides = _choices(found, segments)
    return Looked(found, given, house.ledger.balance(workspace_id).available, prices, asides)


def priced_names(offer: Offer) -> frozenset[str]:
    """The parameters that can change the price: through conditions, quantities or sizes."""
    metered = {one.name for one in offer.schema.parameters if one.meter is not None}
    return frozenset({*offer.card.params, *metered, *offer.schema.shaped_by})


def model_rows() -> list[dict[str, str]]:
    """Every model that is sold and has a price, as the picker shows it."""
    return [_model_row(offer) for offer in services.current().offers.list() if is_run_here(offer)]


def is_run_here(offer: Offer) -> bool:
    """Whether the playground can run it: it makes files or answers a question, and something of it has a price."""
    return (offer.operation in AS_JOBS or is_dialogue(offer)) and least_of(offer) is not None


def least_of(offer: Offer) -> int | None:
    """The least a request of this offer can cost, in micro-credits; None when nothing of it has a price."""
    if offer.version_id not in _LEAST:
        if len(_LEAST) > 1_000:
            _LEAST.clear()
        _LEAST[offer.version_id] = least(offer.card, offer.schema)
    return _LEAST[offer.version_id]


def file_row(value: str, workspace_id: str, media: str, label: str = "") -> dict[str, str]:
    """An input file as the form shows it; InvalidInput when it is not this workspace's or of another kind."""
    if not is_id(value, "file"):
        return {"value": value, "kind": media, "label": value, "detail": ""}
    row = _owned(value, workspace_id)
    if media not in ("file", row.kind):
        wanted, is_kind = t(f"playground.kind.{media}"), t(f"playground.kind.{_known(row.kind)}")
        raise InvalidInput(t("playground.file.wrong_kind", wanted=wanted, given=is_kind))
    size = size_of({"width": row.width, "height": row.height, "duration_micros": row.duration_micros})
    detail = f" {present.DOT} ".join(part for part in (size, present.file_size(row.size_bytes)) if part)
    return {"value": value, "kind": row.kind, "label": label or present.short_id(value), "detail": detail}


def file_rows(parameter: Parameter, value: Any, workspace_id: str) -> tuple[list[dict[str, str]], bool]:
    """The files of a request made before, and whether one of them is no longer here."""
    values = value if isinstance(value, list) else [value]
    rows, gone = [], False
    for one in values:
        try:
            rows.append(file_row(str(one), workspace_id, fields.media_of(parameter)))
        except InvalidInput:
            gone = True
    return rows, gone


def _owned(file_id: str, workspace_id: str) -> StoredFile:
    gone = InvalidInput(t("playground.file.gone"))
    try:
        row = services.current().files.find(file_id)
    except NotFound:
        raise gone from None
    if row.workspace_id != workspace_id or row.expired_at is not None:
        raise gone
    return row


def _known(kind: str) -> str:
    return kind if kind in ("image", "video", "audio") else "file"


def _model_row(offer: Offer) -> dict[str, str]:
    route = offer.routes[0] if offer.routes else None
    provider = route.provider_name if route else ""
    parts = [offer.alias, t(f"playground.modality.{offer.modality}").lower(), provider]
    return {
        "alias": offer.alias,
        "title": offer.title,
        "description": offer.description,
        "detail": f" {present.DOT} ".join(part for part in parts if part),
        "modality": offer.modality,
        "kind": route.provider_kind if route else "",
        "provider": provider,
        "price": t("playground.picker.from", amount=present.credits(Money(least_of(offer) or 0))),
        "letter": offer.title[:1].upper(),
    }


def _choices(found: Preview, segments: Mapping[str, bool]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    if found.quote is None:
        return {}, {}
    offer = found.offer
    known = lengths(services.current().files, offer.schema, found.params)
    prices: dict[str, dict[str, str]] = {}
    asides: dict[str, str] = {}
    for parameter in (one for one in offer.schema.parameters if one.name in segments):
        priced = choice_prices(offer.card, offer.schema, found.params, parameter, lengths=known)
        if priced is None:
            continue
        figures = zip(parameter.enum, priced.figures, strict=True)
        prices[parameter.name] = {
            fields.as_text(value): "" if figure is None else present.number(figure) for value, figure in figures
        }
        asides[parameter.name] = _aside(priced.per, is_wide=segments[parameter.name])
    return prices, asides


def _aside(per: str, *, is_wide: bool) -> str:
    if not per:
        return t("common.credits")
    key = "playground.field.credits_per" if is_wide else "playground.field.cr_per"
    return t(key, unit=t(f"catalogue.per.{per}"))


def costliness(workspace: str, amount: Money) -> tuple[int, Fiat]:
    """From how many credits on a run is asked about (0: from none), and what an amount is worth in the workspace's
    currency."""
    house = services.current()
    with house.db.read() as connection:
        chosen = policy.read(connection).confirm_above
        worth = worth_of(connection, workspace, amount, house.editing.credit_value, house.desk.clock())
    return house.settings.confirm_above_credits if chosen is None else chosen, worth
