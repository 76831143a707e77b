"""What the two open pages show: the sign-in card's message, the demo's doors, and a real price with its matrix."""

import asyncio
from typing import ClassVar, TypedDict

import reflex as rx

from app.kernel.text import t
from app.ui import present, wiring
from app.ui.guard import PageState, visitor
from app.ui.remember import Remembered
from app.ui.roles import Role, home_of
from app.ui.wiring import Showcase

#: What `?error=` may say, and the sentence it shows.
ERRORS = {
    "wrong_credentials": "login.error.wrong_credentials",
    "bad_credentials": "login.error.wrong_credentials",
    "too_many_attempts": "login.error.too_many_attempts",
    "account_disabled": "login.error.account_disabled",
    "session_ended": "login.error.session_ended",
    "session_expired": "login.error.session_ended",
    "cross_origin": "login.error.cross_origin",
}
LONGEST_EMAIL = 254


CATALOGUE_SECONDS = 30.0


async def _catalogue() -> tuple[int, Showcase | None]:
    wired = wiring.current()
    return await asyncio.to_thread(wired.priced_models), await asyncio.to_thread(wired.showcase)


#: Every visitor is shown the same, so a crowd of them prices the catalogue once.
_CATALOGUE = Remembered(_catalogue, CATALOGUE_SECONDS)


class CellRow(TypedDict):
    price: str
    margin: str
    status: str


class MatrixRow(TypedDict):
    name: str
    cells: list[CellRow]


class FrontState(PageState):
    """Open to everyone: it holds nothing that a visitor may not read."""

    REQUIRED_ROLE: ClassVar[Role] = Role.ANYONE

    ready: bool = False
    host: str = ""
    version: str = ""
    next_page: str = ""
    error: str = ""
    email: str = ""
    is_demo: bool = False
    is_sandbox: bool = False
    demo_detail: str = ""
    is_signed_in: bool = False
    home: str = "/"
    priced: str = ""
    # the slip and the matrix
    has_showcase: bool = False
    shows_margin: bool = False
    model: str = ""
    request: str = ""
    line: str = ""
    reason: str = ""
    amount: str = ""
    price_usd: str = ""
    cost_usd: str = ""
    margin: str = ""
    bills: str = ""
    generation_id: str = ""
    done: str = ""
    column_names: list[str] = []
    matrix: list[MatrixRow] = []
    losses: str = ""

    @rx.event
    async def load_card(self):
        """The sign-in card: why one is here, where one goes next, and the demo's doors."""
        wired = wiring.current()
        query = self.router.url.query_parameters
        self.next_page = local_path(query.get("next", ""))
        self.error = error_text(query.get("error", ""))
        self.email = query.get("email", "")[:LONGEST_EMAIL]
        self.host = self.router.url.netloc or wired.host
        self.version = t("landing.footer", version=wired.version)
        self.is_demo, self.is_sandbox = wired.demo, wired.sandbox
        person = visitor()
        self.is_signed_in, self.home = person is not None, home_of(person)
        self.demo_detail = t("login.demo.customer_detail_plain")
        self.ready = True
        if wired.demo:
            yield  # the card first; the figure follows
            credits = await asyncio.to_thread(wired.demo_credits)
            if credits is not None:
                self.demo_detail = t("login.demo.customer_detail", credits=present.credit_words(credits))

    @rx.event
    async def load_showcase(self):
        """One model of the live catalogue, as a slip and as a matrix; nothing when none is priced."""
        models, shown = await _CATALOGUE.get()
        self.priced = (
            t("landing.priced", models=present.plural(models, t("landing.model")))
            if models
            else t("landing.every_price")
        )
        self.has_showcase = shown is not None
        if shown is None:
            return
        self.model, self.request, self.line, self.reason = shown.model, shown.request, shown.line, shown.reason
        self.amount, self.generation_id = shown.amount, shown.generation_id
        self.price_usd, self.cost_usd, self.margin = shown.price_usd, shown.cost_usd, shown.margin
        self.shows_margin = bool(shown.margin)
        self.bills = t("landing.slip.bills", provider=shown.provider) if shown.provider else ""
        self.done = t("landing.slip.done", duration=shown.duration) if shown.duration else ""
        self.column_names = list(shown.column_names)
        self.matrix = [
            MatrixRow(
                name=name,
                cells=[CellRow(price=cell.price, margin=cell.margin, status=cell.status) for cell in cells],
            )
            for name, cells in zip(shown.row_names, shown.cells, strict=True)
        ]
        self.losses = t("landing.matrix.losses", count=shown.losses) if shown.losses else ""


def error_text(code: str) -> str:
    """The sentence for `?error=code`; an unknown code gets a general one and is never echoed."""
    return t(ERRORS.get(code, "login.error.other")) if code else ""


def local_path(wanted: str) -> str:
    """`wanted` if it is a path on this site, else nothing: a sign-in must not lead elsewhere."""
    is_local = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_local and not any(ord(letter) < 32 for letter in wanted) else ""
