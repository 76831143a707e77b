"""What one exchange would buy, checked and priced before anything is held: the body to send, its most and its price.

plan = plan_chat(offer, body, size_bytes)       text.py
outcome = await run_inline(desk, ask, plan)     inline/run.py
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.catalogue.offers import Offer, RouteOffer
from app.files.tables import StoredFile
from app.generation.start import Ask
from app.kernel.errors import PriceAboveMax
from app.kernel.money import Money, plain
from app.pricing.brief import brief, most_micros
from app.pricing.quote import Quote, final
from app.pricing.usage import Usage
from app.providers.port import Answer, Upload


@dataclass(frozen=True, slots=True)
class Kept:
    """What an answer brought. `usage` is what the customer pays for, `billed` what the provider bills; `answer` is what
    a repetition is answered from. `files` lie on their shelf and get their rows with the charge. `estimated`: the
    provider told no usage where the price needs it."""

    usage: Usage
    billed: Usage
    answer: dict[str, Any]
    files: tuple[StoredFile, ...] = ()
    estimated: bool = False
    is_nothing: bool = False


#: Keeps what an answer brought: given the ids of the generation and of the provider, and the answer.
Keep = Callable[[str, str, Answer], Awaitable[Kept]]


#: Keeps the text an answer came to, given the id of the generation.
KeepText = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """`body` is in OpenAI's shape under our parameter names; `params` are what is kept of the request, and what the
    price's conditions look at. `most` is the usage that is held for, `expected` the likely one.

    `count_input` says how many tokens went in, for an answer that does not tell.
    """

    offer: Offer
    operation: str
    body: Mapping[str, Any]
    params: Mapping[str, Any]
    expected: Usage
    most: Usage
    count_input: Callable[[], int]
    files: tuple[Upload, ...] = ()
    keep: Keep | None = None
    keep_text: KeepText | None = None
    forced: str | None = None  # the provider the caller named
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """What it takes of a limit on tokens at most."""
        return int((self.most.input_tokens or 0) + (self.most.output_tokens or 0))

    @property
    def hold(self) -> Money:
        """The most it can cost."""
        return Money(most_micros(self.offer.card, self.offer.schema, self.most, self.params))

    def estimate(self, hold: Money) -> dict[str, Any]:
        """The quote to store beside the hold: what is held for, at its price."""
        return brief(self.offer.card, self.most, self.params)[1] | {"maximum_micros": hold.micros}

    def cost_on(self, route: RouteOffer) -> int | None:
        """What this should cost us there, in micro-USD; None without a cost profile."""
        return None if route.cost_card is None else route.cost_card.amount(self.expected, self.params)

    def quote(self) -> Quote:
        """The quote in full, for somebody who asks before buying."""
        return final(self.offer.card, self.expected, self.params)


def agree(ask: Ask, hold: Money) -> None:
    """Refuse a price above the maximum the caller set."""
    if ask.max_credits is not None and hold > Money.from_exact(ask.max_credits):
        raise PriceAboveMax(
            f"This request may cost {plain(hold.amount)} credits, more than max_credits {ask.max_credits}.",
            param="max_credits",
        )
