"""A line of the table of models, and which lines a view or a search leaves. Pure but for the reading."""

from datetime import datetime
from typing import TypedDict

from app import services
from app.catalogue.listing import Listed, Listings
from app.kernel.text import t
from app.pricing.matrix import Status
from app.ui import present

VIEWS = ("all", "enabled", "off", "draft", "attention")


class ModelLine(TypedDict):
    model_id: str
    href: str
    alias: str
    title: str
    modality: str
    kinds: list[str]
    providers: str
    price: str
    margin: str
    tone: str
    worst: str
    version: str
    enabled: bool
    verified: bool
    draft: str
    needs: bool


_listings = Listings()


def read_lines(now: datetime) -> list[ModelLine]:
    """Every model as text."""
    house = services.current()
    with house.db.reading() as session:
        listed = _listings.read(session, now, house.editing.credit_value)
    return [line_of(one, now) for one in listed]


def line_of(one: Listed, now: datetime) -> ModelLine:
    """One line of the table."""
    seen, standing = one.row, one.standing
    saved = seen.draft_saved_at
    tone = {Status.LOSS: "loss", Status.THIN: "thin", Status.UNPRICED: "loss"}.get(
        standing.status or Status.GOOD, "good"
    )
    known = standing.margin is not None
    return ModelLine(
        model_id=seen.model_id,
        href=f"/admin/models/{seen.model_id}",
        alias=seen.alias,
        title=seen.title,
        modality=seen.modality,
        kinds=list(one.kinds),
        providers=", ".join(seen.providers),
        price=standing.price or t("admin_models.no_price"),
        margin=present.percent(standing.margin) if known else present.NOTHING,
        tone=tone if known or standing.status is Status.LOSS else "neutral",
        worst=standing.worst,
        version=f"v{seen.live_number}" if seen.live_number else present.NOTHING,
        enabled=seen.enabled,
        verified=seen.verified,
        draft=t("admin_models.draft_since", time=present.moment(saved, now)) if saved else "",
        needs=standing.losses > 0 or not seen.verified or not seen.live_number or not seen.providers,
    )


def shows(view: str, line: ModelLine) -> bool:
    match view:
        case "enabled":
            return line["enabled"]
        case "off":
            return not line["enabled"]
        case "draft":
            return bool(line["draft"])
        case "attention":
            return line["needs"]
        case _:
            return True


def haystack(line: ModelLine) -> str:
    return f"{line['alias']} {line['title']} {line['providers']} {line['modality']} {line['price']}".casefold()
