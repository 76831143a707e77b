"""First requests for somebody who has made nothing yet: four pictures with their words, each on a model on sale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.catalogue.offers import Offer
from app.kernel.text import t


@dataclass(frozen=True, slots=True)
class Starter:
    """`key` names its sentences in the catalogue and its picture in the assets; `models` are tried in order."""

    key: str
    models: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return t(f"gallery.starter.{self.key}.title")

    @property
    def prompt(self) -> str:
        return t(f"gallery.starter.{self.key}.prompt")

    @property
    def picture(self) -> str:
        return f"/starters/{self.key}.svg"

    @property
    def href(self) -> str:
        return f"/playground?start={self.key}"


STARTERS = (
    Starter("tram", ("flux-schnell",)),
    Starter("bottle", ("seedream-4.5", "flux-dev")),
    Starter("leaves", ("flux-schnell", "nano-banana"), {"image_size": "square_hd"}),
    Starter("dunes", ("nano-banana-2", "nano-banana-pro"), {"resolution": "2K"}),
)


def starter(key: str) -> Starter | None:
    """The starter of that key."""
    return next((one for one in STARTERS if one.key == key), None)


def model_for(one: Starter, offers: Sequence[Offer]) -> Offer | None:
    """The first of its models that is sold, else the first image model that takes a prompt."""
    sold = {offer.alias: offer for offer in offers if offer.schema.get("prompt") is not None}
    wanted = (sold[alias] for alias in one.models if alias in sold)
    others = (offer for offer in sold.values() if offer.modality == "image" and _needs_only_words(offer))
    return next(wanted, None) or next(others, None)


def params_for(one: Starter, offer: Offer) -> dict[str, str]:
    """Its words and those of its settings that the model has."""
    fitting = {name: value for name, value in one.params.items() if _takes(offer, name, value)}
    return {"prompt": one.prompt, **fitting}


def _takes(offer: Offer, name: str, value: str) -> bool:
    parameter = offer.schema.get(name)
    return parameter is not None and value in parameter.enum


def _needs_only_words(offer: Offer) -> bool:
    return all(one.name == "prompt" or not one.required for one in offer.schema.parameters)
