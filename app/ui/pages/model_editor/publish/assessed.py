"""What publishing would do, as the dialog shows it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypedDict

from app.catalogue.assess import Assessment, Change
from app.kernel.text import t
from app.pricing.matrix import Status
from app.ui import present
from app.ui.pages.model_editor.versions.history import combination_words

SHOWN = 7
MOST_SHOWN = 500


class ChangeRow(TypedDict):
    values: list[str]
    old: str
    new: str
    change: str
    change_kind: str
    old_margin: str
    new_margin: str
    tone: str


class SignRow(TypedDict):
    key: str
    name: str
    label: str
    detail: str


@dataclass(frozen=True)
class PublishView:
    detail: str = ""
    cheaper: str = "0"
    cheaper_words: str = ""
    dearer: str = "0"
    dearer_words: str = ""
    unchanged: str = "0"
    fresh: str = "0"
    margin: str = ""
    margin_words: str = ""
    axes: list[str] = field(default_factory=list)
    rows: list[ChangeRow] = field(default_factory=list)
    more: int = 0
    losses: list[SignRow] = field(default_factory=list)
    cost_words: str = ""
    filters: dict[str, str] = field(default_factory=dict)


def publish_view(assessed: Assessment, chosen: str = "worst", *, all_rows: bool = False) -> PublishView:
    """`chosen` is worst (changed combinations), cheaper, dearer or all."""
    changes = assessed.changes
    changed = [one for one in changes if one.kind != "unchanged"]
    kept = {
        "worst": changed or list(changes),
        "cheaper": [one for one in changes if one.kind == "cheaper"],
        "dearer": [one for one in changes if one.kind == "dearer"],
    }.get(chosen, list(changes))
    shown = kept[: MOST_SHOWN if all_rows else SHOWN]
    axes = list(changes[0].combination) if changes else []
    return PublishView(
        detail=_detail(assessed, len(changed), len(changes)),
        cheaper=present.count(assessed.cheaper),
        cheaper_words=_range(changes, "cheaper"),
        dearer=present.count(assessed.dearer),
        dearer_words=_range(changes, "dearer"),
        unchanged=present.count(assessed.unchanged),
        fresh=present.count(assessed.count("new")),
        margin=_margins(assessed),
        margin_words=t("model_editor.publish.margin_words"),
        axes=axes,
        rows=[change_row(one, axes) for one in shown],
        more=len(kept) - len(shown),
        losses=[_loss(one) for one in assessed.losses],
        cost_words=_cost(assessed),
        filters={
            "worst": t("model_editor.publish.worst"),
            "cheaper": t("model_editor.publish.cheaper_n", count=assessed.cheaper),
            "dearer": t("model_editor.publish.dearer_n", count=assessed.dearer),
            "all": t("model_editor.publish.all_n", count=len(changes)),
        },
    )


def change_row(one: Change, axes: Sequence[str]) -> ChangeRow:
    """A combination before and after."""
    return ChangeRow(
        values=[one.combination.get(name, "") for name in axes] or [t("model_editor.matrix.every")],
        old=present.credits(one.old_price) if one.old_price is not None else present.NOTHING,
        new=present.credits(one.new_price) if one.new_price is not None else present.NOTHING,
        change=_change(one),
        change_kind=one.kind,
        old_margin=present.percent(one.old_margin),
        new_margin=present.percent(one.new_margin),
        tone=_tone(one),
    )


def _tone(one: Change) -> str:
    if one.status is Status.GOOD and one.new_margin is None:
        return "neutral"
    return "loss" if one.status is Status.UNPRICED else one.status.value


def _change(one: Change) -> str:
    if one.old_price is None or one.new_price is None:
        return t(f"model_editor.publish.kind.{one.kind}")
    if one.old_price == one.new_price:
        return present.NOTHING
    return present.change(one.old_price, one.new_price)


def _range(changes: Sequence[Change], kind: str) -> str:
    """From the smallest to the largest change of that kind: `−13% to −20%`."""
    shares = [
        Fraction(one.new_price.micros - one.old_price.micros, one.old_price.micros)
        for one in changes
        if one.kind == kind and one.old_price and one.new_price is not None
    ]
    if not shares:
        return ""
    low, high = sorted((min(shares, key=abs), max(shares, key=abs)), key=abs)
    first, last = _signed(low), _signed(high)
    return first if first == last else t("model_editor.publish.range", low=first, high=last)


def _signed(share: Fraction) -> str:
    return f"{present.signed(share * 100, 0, 0)}%"


def _margins(assessed: Assessment) -> str:
    after = present.percent(assessed.margin_after)
    if assessed.margin_before is None:
        return after
    return f"{present.percent(assessed.margin_before)} {present.ARROW} {after}"


def _detail(assessed: Assessment, changed: int, total: int) -> str:
    if not assessed.live_number:
        return t("model_editor.publish.first", total=present.plural(total, t("model_editor.matrix.combination")))
    return t("model_editor.publish.detail", changed=changed, total=total, number=assessed.live_number)


def _loss(one: Change) -> SignRow:
    name = combination_words(one.combination)
    if one.provider:
        name = t("model_editor.publish.at", name=name, provider=one.provider)
    return SignRow(
        key=one.key,
        name=name,
        label=t("model_editor.publish.sign", name=name),
        detail=t(
            "model_editor.publish.sign_detail",
            price=present.credit_words(one.new_price) if one.new_price is not None else present.NOTHING,
            cost=present.cost(one.cost) if one.cost is not None else present.NOTHING,
            margin=present.percent(one.new_margin),
        ),
    )


def _cost(assessed: Assessment) -> str:
    if assessed.costed is None:
        return t("model_editor.publish.no_cost")
    since = present.date(assessed.costed.since)
    return t("model_editor.publish.cost", provider=assessed.costed.provider_name, since=since)
