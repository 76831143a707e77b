"""What the editor reads from the house, and the keeping of its draft."""

from collections.abc import Mapping
from dataclasses import dataclass

from app import services
from app.catalogue.drafts import Draft
from app.catalogue.overview import ModelPage
from app.catalogue.workbench import Bench, read_bench
from app.kernel import clock


@dataclass(frozen=True)
class Loaded:
    page: ModelPage
    bench: Bench
    kinds: Mapping[str, str]  # provider id → kind


def read_editor(wanted: str) -> Loaded:
    """Everything the editor starts from, by id or alias; NotFound when there is no such model."""
    house = services.current()
    model_id = wanted
    if not wanted.startswith("mdl_"):
        model_id = next((row.model_id for row in house.editing.models() if row.alias == wanted), wanted)
    page = house.editing.read(model_id)
    with house.db.reading() as session:
        bench = read_bench(session, model_id, clock.now())
    return Loaded(page, bench, {card.provider_id: card.kind for card in house.editing.providers()})


def keep(model_id: str, draft: Draft, is_changed: bool) -> Draft:
    """Save the draft, or drop it where it says what the live version says; answers what is now kept."""
    editing = services.current().editing
    if is_changed:
        editing.save_draft(model_id, draft)
    else:
        editing.discard_draft(model_id)
    return editing.read_draft(model_id)
