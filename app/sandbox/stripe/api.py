"""The door of the API: keys, versions, encoding, stored answers, transactions, faults."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox.door import hang_up
from app.sandbox.stripe import faults, form, listing, parameters
from app.sandbox.stripe.answers import Answers, Asked
from app.sandbox.stripe.errors import API, Refused
from app.sandbox.stripe.faults import Fault
from app.sandbox.stripe.operations import EXTRAS, OPERATIONS, Operation
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import API_VERSION, Cause, World, new_id

FORM = "application/x-www-form-urlencoded"
SECRET_PREFIX = "sk_test_"
_WENT_WRONG = "An unknown error occurred"


class Api:
    """`after` is called whenever something may have become due."""

    def __init__(self, world: World, secret_key: str | None, after: Callable[[], None]) -> None:
        self._world = world
        self._secret_key = secret_key
        self._after = after
        self._answers = Answers(world)

    def routes(self) -> list[BaseRoute]:
        ours = [Route(path, self._endpoint(name, run), methods=[method]) for method, path, name, run in OPERATIONS]
        return [*ours, Route("/v1/{rest:path}", self._unknown, methods=["GET", "POST", "DELETE", "PUT", "PATCH"])]

    def _endpoint(self, name: str, run: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await self._let_in(request, name, run)

        return endpoint

    async def _unknown(self, request: Request) -> Response:
        refusal = Refused(
            f"Unrecognized request URL ({request.method}: {_path(request)}). Please see https://stripe.com/docs or we"
            " can help at https://support.stripe.com/.",
            status=404,
        )
        return _answer(404, refusal.body(), new_id("req"))

    async def _let_in(self, request: Request, name: str, run: Operation) -> Response:
        """Refuse who may not ask, or is to be refused; then answer."""
        request_id, key = new_id("req"), _key(request)
        fault = faults.take(self._world, request.method, _path(request))
        try:
            if fault.name in {"drop-before-accept", "hang-before-accept"}:
                await asyncio.sleep(fault.seconds if fault.name == "hang-before-accept" else 0)
                return hang_up(request)
            self._check_caller(request, fault)
            asked = Asked(request_id, request.method, _path(request), await _text(request), key, _base(request))
            with self._answers.only_one(key):
                return await self._answered(request, asked, fault, name, run)
        except Refused as refusal:
            return _answer(refusal.status, refusal.body(), request_id, {**refusal.headers, **_echo(key)})

    async def _answered(self, request: Request, asked: Asked, fault: Fault, name: str, run: Operation) -> Response:
        """The stored answer for the key, or a new one."""
        before = self._answers.find(asked)
        if before:
            self._answers.note(asked, before.status, replayed=True)
            headers = {"idempotent-replayed": "true", "original-request": before.request, **_echo(asked.key)}
            return await _sent(request, fault, _answer(before.status, before.body, asked.id, headers))
        try:
            given = parameters.read(name, form.decode(asked.text))
            with self._world.store.transaction(), self._world.caused_by(Cause(asked.id, asked.key, asked.base)):
                status, body = _executed(self._world, run, given, request.path_params, fault)
                self._answers.keep(asked, status, body)
                self._answers.note(asked, status)
        except Refused as refusal:
            self._answers.note(asked, refusal.status)
            raise
        self._after()
        return await _sent(request, fault, _answer(status, body, asked.id, _echo(asked.key)))

    def _check_caller(self, request: Request, fault: Fault) -> None:
        if fault.name in {"409", "429", "503"}:
            raise _refused_by_order(fault.name)
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if not secret:
            raise Refused(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using"
                " Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                status=401,
                replayed=False,
            )
        known = secret == self._secret_key if self._secret_key else "bad" not in secret
        if fault.name == "401" or scheme.lower() != "bearer" or not secret.startswith(SECRET_PREFIX) or not known:
            raise Refused(f"Invalid API Key provided: {secret[:8]}****{secret[-4:]}", status=401, replayed=False)
        version = request.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            message = f"Invalid Stripe API version: {version}. The sandbox speaks only {API_VERSION}."
            raise Refused(message, replayed=False)


async def _sent(request: Request, fault: Fault, answer: Response) -> Response:
    """The answer, unless a fault keeps it back."""
    if fault.name == "hang":
        await asyncio.sleep(fault.seconds)
    return hang_up(request) if fault.name == "drop-after-accept" else answer


def _executed(
    world: World, run: Operation, given: dict[str, Any], path: Mapping[str, str], fault: Fault
) -> tuple[int, Thing]:
    """What the request did and is answered. A refusal undoes it, unless the failed attempt itself is to be kept."""
    broken = 500, Refused(_WENT_WRONG, kind=API).body()
    if fault.name == "500":
        return broken
    try:
        with world.store.part():
            try:
                body = run(world, given, **path)
                done = 200, listing.expand(world, body, given.get("expand", []), EXTRAS)
            except Refused as refusal:
                if not refusal.kept:
                    raise
                done = refusal.status, refusal.body()
    except Refused as refusal:
        if not refusal.replayed:
            raise
        return refusal.status, refusal.body()
    return broken if fault.name == "500-after-accept" else done


def _refused_by_order(name: str) -> Refused:
    if name == "409":
        return Refused(
            "This object cannot be accessed right now because another API request or Stripe process is currently"
            " accessing it.",
            status=409,
            code="lock_timeout",
            replayed=False,
        )
    if name == "429":
        return Refused("Too many requests in a short time.", status=429, code="rate_limit", replayed=False)
    return Refused(_WENT_WRONG, status=503, kind=API, replayed=False, headers={"stripe-should-retry": "true"})


async def _text(request: Request) -> str:
    if request.method != "POST":
        return request.url.query
    body = await request.body()
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip()
    if body and kind != FORM:
        message = f"Invalid request (check that your POST content type is {FORM})."
        raise Refused(message, replayed=False)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("Invalid request: the body must be UTF-8.", replayed=False) from None


def _answer(status: int, body: Thing, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    more = {"request-id": request_id, "stripe-version": API_VERSION, **(headers or {})}
    return JSONResponse(body, status, headers=more)


def _key(request: Request) -> str | None:
    return request.headers.get("idempotency-key") if request.method == "POST" else None


def _echo(key: str | None) -> dict[str, str]:
    return {"idempotency-key": key} if key else {}


def _path(request: Request) -> str:
    """The address without the root this Stripe is mounted at."""
    return f"/v1/{request.url.path.partition('/v1/')[2]}"


def _base(request: Request) -> str:
    """The address the client reached us by, such as `http://127.0.0.1:3900/stripe`."""
    return f"{request.url.scheme}://{request.url.netloc}{request.url.path.partition('/v1/')[0]}"
