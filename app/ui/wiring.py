"""What the shell and the front page need from the rest of the house, handed in once by `app.py`.

Pages ask the services; these few questions are asked on every page, before any page's own state exists.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from app.accounts.identity import Who
from app.catalogue.offers import Offer
from app.generation.views import Seen
from app.kernel.money import Money
from app.ui import live
from app.ui.live import Live


@dataclass(frozen=True, slots=True)
class Banner:
    """What a customer must know on every page: `name` is a key of [shell.banner], `words` fill it."""

    name: str
    tone: str
    href: str
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a workspace can spend now."""

    available: Money
    held: Money
    is_postpaid: bool = False
    banners: tuple[Banner, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Something an id or a name leads to."""

    kind: str  # "generation", "key", "customer", …: a key of [shell.kind]
    label: str
    detail: str
    href: str


@dataclass(frozen=True, slots=True)
class ShowcaseCell:
    price: str
    margin: str = ""  # empty when upstream cost is nobody's business
    status: str = "plain"  # good | thin | loss | unpriced | plain


@dataclass(frozen=True, slots=True)
class Showcase:
    """One model of the catalogue as the front page shows it: a priced request and its price matrix, all as text."""

    model: str
    request: str  # "2 images, high, 1536 × 1152"
    line: str  # "2 images × 16"
    reason: str  # "tier 1, quality = high"
    amount: str  # "32"
    column_names: tuple[str, ...]
    row_names: tuple[str, ...]
    cells: tuple[tuple[ShowcaseCell, ...], ...]
    losses: int = 0
    price_usd: str = ""
    cost_usd: str = ""
    margin: str = ""
    provider: str = ""
    generation_id: str = ""
    duration: str = ""


@dataclass(frozen=True, slots=True)
class Wiring:
    look_up: Callable[[str], Who | None] = lambda _token: None  # a session token's person
    epoch: Callable[[], int] = lambda: 0  # another one when what `look_up` said may be wrong by now
    standing: Callable[[str], Standing | None] = lambda _workspace_id: None
    find: Callable[[Who, str], Sequence[Found]] = lambda _person, _text: ()
    showcase: Callable[[], Showcase | None] = lambda: None
    priced_models: Callable[[], int] = lambda: 0
    demo_credits: Callable[[], Money | None] = lambda: None  # what the demo customer has
    api_generation: Callable[[Seen], Mapping[str, Any]] = lambda _seen: {}  # what the API answers about it
    api_model: Callable[[Offer], Mapping[str, Any]] = lambda _offer: {}
    demo: bool = False
    sandbox: bool = False
    host: str = ""
    version: str = "0.1"
    live: Live | None = None


_current = Wiring()


def install(wiring: Wiring) -> None:
    """Called once, before the first event."""
    global _current
    _current = wiring


def current() -> Wiring:
    return _current


def follow(page: rx.State, workspace_id: str, event: Any) -> None:
    """Send this event to the page's tab whenever something of the workspace changes, until the tab leaves the page."""
    if _current.live is not None:
        _current.live.follow(page.router.session.client_token, live.workspace(workspace_id), event)
