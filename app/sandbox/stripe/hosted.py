"""The pages a buyer is sent to: hosted checkout and 3-D Secure. They work without JavaScript."""

from collections.abc import Callable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox.stripe import buying, sessions, showing
from app.sandbox.stripe.buying import Complaint, Fields
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import Cause, World

#: In the address of a checkout to which a failed 3-D Secure leads back: it says what went wrong.
AGAIN = "again"


class Hosted:
    """`after` is called whenever something may have become due."""

    def __init__(self, world: World, after: Callable[[], None]) -> None:
        self._world = world
        self._after = after

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/c/pay/{session}", self.checkout, methods=["GET"]),
            Route("/c/pay/{session}", self.pay, methods=["POST"]),
            Route("/c/3ds/{wanted}", self.ask, methods=["GET"]),
            Route("/c/3ds/{wanted}", self.answer, methods=["POST"]),
            Route("/receipts/{charge}", self.receipt, methods=["GET"]),
        ]

    async def checkout(self, request: Request) -> Response:
        session = self._world.store.find(request.path_params["session"], "checkout.session")
        closed = self._closed(session)
        if closed or session is None:
            return closed or _nowhere()
        complaint = buying.last_complaint(self._world, session) if AGAIN in request.query_params else ""
        return showing.checkout(self._world, session, {}, complaint)

    async def pay(self, request: Request) -> Response:
        """One press of a button; pressing it again after the money was taken changes nothing."""
        typed = {name: str(value).strip() for name, value in (await request.form()).items()}
        session = self._world.store.find(request.path_params["session"], "checkout.session")
        closed = self._closed(session)
        if closed or session is None:
            return closed or _nowhere()
        with self._world.store.transaction(), self._world.caused_by(Cause(base=_base(request))):
            outcome = self._tried(session, _with_shortcut(typed))
        self._after()
        return outcome

    async def ask(self, request: Request) -> Response:
        found = self._asking(request)
        return showing.question(self._world, found) if found else _answered()

    async def answer(self, request: Request) -> Response:
        typed = await request.form()
        found = self._asking(request)
        if found is None:
            return _answered()
        with self._world.store.transaction(), self._world.caused_by(Cause(base=_base(request))):
            done = buying.answer(self._world, found, passed=typed.get("act") == "pass")
            outcome = self._after_question(found, done)
        self._after()
        return outcome

    async def receipt(self, request: Request) -> Response:
        charge = self._world.store.find(request.path_params["charge"], "charge")
        return showing.receipt(charge) if charge else _nowhere()

    def _tried(self, session: Thing, fields: Fields) -> Response:
        """Do what the form says; the page again when it is no good or the bank declines."""
        try:
            if fields.get("act") == "debit" and "sepa_debit" in session["payment_method_types"]:
                method = buying.by_debit(self._world, fields)
            elif fields.get("saved"):
                method = buying.by_saved(self._world, session, fields["saved"])
            else:
                method = buying.by_card(self._world, fields)
        except Complaint as complaint:
            return showing.checkout(self._world, session, fields, str(complaint))
        intent = buying.attempt(self._world, session, method, fields)
        asks, complaint_said = buying.asks(intent), buying.complaint_of(intent)
        session = self._world.get("checkout.session", session["id"])
        if asks:
            return _go(asks)
        if complaint_said:
            return showing.checkout(self._world, session, fields, complaint_said)
        return _go(sessions.success_url(session))

    def _after_question(self, before: Thing, done: Thing) -> Response:
        """Back to the checkout this was part of, or to where the merchant's own page said."""
        session, complaint = buying.session_of(self._world, done), buying.complaint_of(done)
        if session is None:
            return _returned(before["next_action"]["redirect_to_url"]["return_url"], done, complaint)
        if complaint:
            return _go(f"../pay/{session['id']}?{AGAIN}=1")
        return _go(sessions.success_url(session))

    def _asking(self, request: Request) -> Thing | None:
        found = self._world.store.find(request.path_params["wanted"])
        kinds = {"payment_intent", "setup_intent"}
        return found if found and found["object"] in kinds and found["status"] == "requires_action" else None

    def _closed(self, session: Thing | None) -> Response | None:
        """What is shown instead of the form when there is nothing to pay."""
        if session is None:
            return _nowhere()
        if session["status"] == "complete":
            return _go(sessions.success_url(session))
        if sessions.is_open(self._world, session):
            return None
        link = session["cancel_url"] or ""
        sentence = "Nothing was charged. Go back to the shop and start again."
        return showing.over("This checkout has expired", sentence, link=link, link_title="Go back", status=410)


def _with_shortcut(fields: dict[str, str]) -> dict[str, str]:
    """The buttons that try a certain card or account stand for typing it: `card:4000…`, `debit:DE…`."""
    act, _, shortcut = fields.get("act", "").partition(":")
    if not shortcut:
        return fields
    return {**fields, "act": act, "number" if act == "card" else "iban": shortcut, "saved": ""}


def _returned(url: str | None, intent: Thing, complaint: str) -> Response:
    if not url:
        return showing.over("Thank you", "You can close this page.")
    name = intent["object"]
    query = {
        name: intent["id"],
        f"{name}_client_secret": intent["client_secret"],
        "redirect_status": "failed" if complaint else "succeeded",
    }
    return _go(f"{url}{'&' if '?' in url else '?'}{urlencode(query)}")


def _go(url: str) -> Response:
    return RedirectResponse(url, 303, headers={"cache-control": "no-store"})


def _nowhere() -> Response:
    return showing.over("Nothing here", "This address belongs to no order.", status=404)


def _answered() -> Response:
    return showing.over("Nothing to confirm", "This question has been answered, or was never asked.", status=404)


def _base(request: Request) -> str:
    path = request.url.path
    return f"{request.url.scheme}://{request.url.netloc}{path[: path.index('/c/')]}"
