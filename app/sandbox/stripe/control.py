"""The dashboard of tests: everything that a real Stripe does by itself or a person does there, on demand."""

import json
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox.stripe import (
    buying,
    cards,
    disputes,
    endpoints,
    faults,
    intents,
    methods,
    refunds,
    sessions,
    tax,
    webhooks,
)
from app.sandbox.stripe.answers import Answers
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.webhooks import Manner
from app.sandbox.stripe.world import Cause, World

Given = dict[str, Any]
_SETTINGS = {"settle_debits": ("by_itself", "on_demand"), "refunds": ("by_itself", "on_demand")}
_RELEASE_ORDERS = ("as_sent", "reversed")


class Control:
    def __init__(self, world: World, after: Callable[[], None]) -> None:
        self._world = world
        self._after = after

    def routes(self) -> list[BaseRoute]:
        """Every one is `POST /_ctl/…` with a JSON object; `GET /_ctl` shows what there is."""
        return [
            Route("/_ctl", self.overview, methods=["GET"]),
            Route("/_ctl/deliveries", self.deliveries, methods=["GET"]),
            Route("/_ctl/requests", self.requests, methods=["GET"]),
            Route("/_ctl/book", self.book, methods=["GET"]),
            *(Route(f"/_ctl/{path}", self._endpoint(run), methods=["POST"]) for path, run in POSTS.items()),
        ]

    def _endpoint(self, run: Callable[..., Any]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                given = await request.json() if await request.body() else {}
                if not isinstance(given, dict):
                    raise ValueError("send a JSON object")
                with self._world.store.transaction(), self._world.caused_by(Cause(base=_base(request))):
                    answer = run(self, given, **request.path_params)
            except Refused as refusal:
                return JSONResponse(refusal.body(), refusal.status)
            except (ValueError, TypeError, KeyError) as error:
                return JSONResponse({"error": str(error)}, 400)
            self._after()
            return JSONResponse(answer)

        return endpoint

    # Looking

    async def overview(self, request: Request) -> Response:
        world = self._world
        return JSONResponse(
            {
                "now": world.now(),
                "ahead_seconds": world.store.setting("clock_ahead", 0),
                "settings": {name: world.store.setting(name, known[0]) for name, known in _SETTINGS.items()},
                "faults": {"known": faults.KNOWN, "pending": faults.pending(world)},
                "tax": tax.standing(world),
                "webhooks": {"signatures": webhooks.SIGNATURES, "pending": webhooks.waiting_manners(world)},
                "behaviours": sorted(cards.BEHAVIOURS),
                "endpoints": [
                    {**each, "secrets": endpoints.secrets_of(world, each["id"])} for each in world.endpoints()
                ],
            }
        )

    async def deliveries(self, request: Request) -> Response:
        """Every delivery and how it went, oldest first; `?event=`, `?type=` and `?state=` narrow it."""
        where = [(name, value) for name, value in request.query_params.items() if name in {"event", "type", "state"}]
        condition = " AND ".join(["1 = 1", *(f"{name} = ?" for name, _ in where)])
        rows = self._world.store.run(
            f"SELECT * FROM delivery WHERE {condition} ORDER BY number", *(v for _, v in where)
        )
        return JSONResponse({"deliveries": [dict(row) for row in rows]})

    async def requests(self, request: Request) -> Response:
        """Every request that reached the API, oldest first; `?path=` narrows it to one path."""
        return JSONResponse({"requests": Answers(self._world).noted(request.query_params.get("path"))})

    async def book(self, request: Request) -> Response:
        """What this Stripe took, gave back and lost, by currency: the truth to compare one's own books with."""
        sums: dict[str, dict[str, int]] = {}
        for charge in self._all("charge"):
            if charge["status"] == "succeeded":
                row = sums.setdefault(charge["currency"], {"charges": 0, "charged": 0, "refunded": 0, "disputed": 0})
                row["charges"] += 1
                row["charged"] += charge["amount"]
                row["refunded"] += charge["amount_refunded"]
        for dispute in self._all("dispute"):
            if dispute["status"] in disputes.TAKEN:
                sums[dispute["currency"]]["disputed"] += dispute["amount"]
        return JSONResponse({"book": sums})

    def _all(self, kind: str) -> list[Thing]:
        return self._world.store.page(kind, limit=1_000_000).things[::-1]

    # The world at large

    def reset(self, given: Given) -> Given:
        """Forget everything but the webhook endpoints."""
        self._world.store.clear(keep_kinds=["webhook_endpoint"])
        for name in ("clock_ahead", "faults", "manners", tax.SETTING, *_SETTINGS):
            self._world.store.run("DELETE FROM setting WHERE name = ?", name)
        return {"status": "ok"}

    def clock(self, given: Given) -> Given:
        """`advance` the account's clock by so many seconds: sessions expire, keys are forgotten, debits settle."""
        ahead = float(self._world.store.setting("clock_ahead", 0)) + float(given["advance"])
        self._world.store.set("clock_ahead", ahead)
        return {"now": self._world.now(), "ahead_seconds": ahead}

    def settings(self, given: Given) -> Given:
        for name, value in given.items():
            if value not in _SETTINGS.get(name, ()):
                raise ValueError(f"settings are {_SETTINGS}")
            self._world.store.set(name, value)
        return {name: self._world.store.setting(name, known[0]) for name, known in _SETTINGS.items()}

    def tax(self, given: Given) -> Given:
        """Stripe Tax: `active`, how many seconds a calculation lives (`expires_after`), `registrations` by state."""
        unknown = given.keys() - tax.DEFAULTS.keys()
        if unknown:
            raise ValueError(f"tax has no {min(unknown)}: there is {', '.join(tax.DEFAULTS)}")
        self._world.store.set(tax.SETTING, {**self._world.store.setting(tax.SETTING, {}), **given})
        return tax.standing(self._world)

    def fail(self, given: Given) -> Given:
        faults.order(
            self._world,
            str(given.get("fault")),
            match=str(given.get("match", "")),
            times=int(given.get("times", 1)),
            seconds=float(given.get("seconds", faults.DEFAULT_SECONDS)),
        )
        return {"pending": faults.pending(self._world)}

    # Webhooks

    def manner(self, given: Given) -> Given:
        """How the next deliveries are made; `events: null` means all from now on, `clear: true` none any more."""
        if given.pop("clear", False):
            self._world.store.set("manners", [])
        kind, events = given.pop("type", "*"), given.pop("events", 1)
        if given:
            manner = Manner(**given)
            if manner.signature not in webhooks.SIGNATURES:
                raise ValueError(f"signature must be one of {', '.join(webhooks.SIGNATURES)}")
            webhooks.order_manner(self._world, manner, kind=kind, events=events)
        return {"pending": webhooks.waiting_manners(self._world)}

    def release(self, given: Given) -> Given:
        """Send what was held back, `as_sent` or `reversed`, `apart` seconds between each."""
        order = given.get("order", "as_sent")
        if order not in _RELEASE_ORDERS:
            raise ValueError(f"order must be one of {', '.join(_RELEASE_ORDERS)}")
        rows = self._world.store.run("SELECT number FROM delivery WHERE state = 'held' ORDER BY number")
        for place, row in enumerate(rows if order == "as_sent" else rows[::-1]):
            due = time.time() + place * float(given.get("apart", 0.05))
            self._world.store.run("UPDATE delivery SET state = 'due', due = ? WHERE number = ?", due, row["number"])
        return {"released": len(rows)}

    def resend(self, given: Given) -> Given:
        """Deliver an event again, `times` at once, with a `signature` of choice."""
        event = self._world.get("event", given["event"])
        manner = Manner(times=int(given.get("times", 1)), signature=str(given.get("signature", "right")))
        for endpoint in self._world.endpoints():
            self._world.store.run(
                "INSERT INTO delivery (event, type, endpoint, state, due, how) VALUES (?, ?, ?, 'due', ?, ?)",
                event["id"],
                event["type"],
                endpoint["id"],
                time.time(),
                json.dumps(asdict(manner)),
            )
        return {"event": event["id"], "times": manner.times}

    def roll(self, given: Given) -> Given:
        """A new signing secret for the endpoint; the old one signs beside it unless `keep_old` is false."""
        wanted = given.get("endpoint") or self._world.endpoints()[0]["id"]
        self._world.get("webhook_endpoint", wanted)
        fresh = endpoints.rolled(self._world, wanted, keep_old=bool(given.get("keep_old", True)))
        return {"endpoint": wanted, "secret": fresh}

    def craft(self, given: Given) -> Given:
        """An event as it never happened here: `type`, `object`, and any member of the event to replace."""
        about = given.pop("object")
        about = self._world.store.find(about) or {"id": about} if isinstance(about, str) else about
        return self._world.emit(str(given.pop("type")), about, **given)

    # Objects

    def tamper(self, given: Given, wanted: str) -> Given:
        """Change any member of any object, without any event."""
        found = self._world.store.find(wanted)
        if found is None:
            raise ValueError(f"there is no {wanted}")
        return self._world.change(found, **given)

    def behave(self, given: Given, wanted: str) -> Given:
        """How a saved card or account behaves from now on; or `detach` it, as its bank might."""
        method = self._world.get("payment_method", wanted)
        if given.get("detach"):
            return methods.let_go(self._world, method)
        if given.get("behaviour") not in cards.BEHAVIOURS:
            raise ValueError(f"behaviour must be one of {', '.join(sorted(cards.BEHAVIOURS))}")
        self._world.store.hide(wanted, behaviour=given["behaviour"], authenticated=False)
        return {"id": wanted, "behaviour": given["behaviour"]}

    def pay(self, given: Given, wanted: str) -> Given:
        """Pay a session as its buyer: by `card`'s number or token, an `iban`, or a `saved` method.

        `authenticate` answers 3-D Secure, if it asks. The session as it is afterwards.
        """
        world, session = self._world, self._world.get("checkout.session", wanted)
        if not sessions.is_open(world, session):
            raise ValueError(f"{wanted} is {session['status']}")
        fields = {"email": "jamie@example.com", "name": "Jamie Rivera", "country": "DE", **given}
        intent = buying.attempt(world, session, _chosen(world, session, fields), fields)
        if intent["status"] == "requires_action" and "authenticate" in given:
            buying.answer(world, intent, passed=bool(given["authenticate"]))
        return world.get("checkout.session", wanted)

    def settle(self, given: Given, wanted: str) -> Given:
        """The bank's word on a direct debit: `paid` true or false."""
        intent = self._world.get("payment_intent", wanted)
        if intent["status"] != "processing":
            raise ValueError(f"{wanted} is {intent['status']}, not processing")
        return intents.settle(self._world, intent, paid=bool(given.get("paid", True)))

    def refund(self, given: Given) -> Given:
        """A refund from the dashboard: `charge` or `payment_intent`, `amount`, `reason`."""
        return refunds.create(self._world, given)

    def end_refund(self, given: Given, wanted: str) -> Given:
        status = given["status"]
        if status not in {"succeeded", "failed", "canceled"}:
            raise ValueError("status must be succeeded, failed or canceled")
        return refunds.end(self._world, self._world.get("refund", wanted), status)

    def dispute(self, given: Given) -> Given:
        """A dispute of `charge` or `payment_intent`: `reason`, `status`, `amount`."""
        wanted = given.pop("charge", None)
        intent = given.pop("payment_intent", None)
        if intent:
            wanted = self._world.get("payment_intent", intent)["latest_charge"]
        return disputes.opened(self._world, self._world.get("charge", str(wanted)), **_dispute_facts(given))

    def move_dispute(self, given: Given, wanted: str) -> Given:
        """To any `status`: won, lost, warning_closed, under_review, appeal_needs_response, or one not known yet."""
        return disputes.moved(self._world, self._world.get("dispute", wanted), str(given["status"]))


#: Every control, by its path under `/_ctl/`.
POSTS: Mapping[str, Callable[..., Given]] = {
    "reset": Control.reset,
    "clock": Control.clock,
    "settings": Control.settings,
    "tax": Control.tax,
    "fail": Control.fail,
    "webhooks": Control.manner,
    "webhooks/release": Control.release,
    "webhooks/resend": Control.resend,
    "webhooks/roll": Control.roll,
    "events": Control.craft,
    "objects/{wanted}": Control.tamper,
    "payment_methods/{wanted}": Control.behave,
    "checkout/{wanted}/pay": Control.pay,
    "settle/{wanted}": Control.settle,
    "refunds": Control.refund,
    "refunds/{wanted}": Control.end_refund,
    "disputes": Control.dispute,
    "disputes/{wanted}": Control.move_dispute,
}


def _chosen(world: World, session: Thing, fields: Given) -> Thing:
    try:
        if "iban" in fields:
            return buying.by_debit(world, fields)
        if "saved" in fields:
            return buying.by_saved(world, session, str(fields["saved"]))
        wanted = str(fields.get("card", "4242424242424242"))
        card = cards.by_token(wanted)
        dates = {"expiry": "12/34", "cvc": "123", "number": card.number if card else wanted}
        return buying.by_card(world, {**dates, **fields})
    except buying.Complaint as complaint:
        raise ValueError(str(complaint)) from None


def _dispute_facts(given: Given) -> Given:
    unknown = given.keys() - {"reason", "status", "amount"}
    if unknown:
        raise ValueError(f"a dispute has no {min(unknown)}")
    return given


def _base(request: Request) -> str:
    path = request.url.path
    return f"{request.url.scheme}://{request.url.netloc}{path[: path.index('/_ctl')]}"
