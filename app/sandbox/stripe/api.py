"""The door of the API: keys, versions, encoding, idempotency, transactions, faults."""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox.door import hang_up
from app.sandbox.stripe import faults, form, listing, parameters
from app.sandbox.stripe.errors import API, IDEMPOTENCY, Refused
from app.sandbox.stripe.operations import EXTRAS, OPERATIONS, Operation
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import API_VERSION, Cause, World, new_id

KEY_LIVES_SECONDS = 24 * 3600
LONGEST_KEY = 255
FORM = "application/x-www-form-urlencoded"
SECRET_PREFIX = "sk_test_"
_WENT_WRONG = "An unknown error occurred"


class Api:
    """`after` is called whenever something may have become due."""

    def __init__(self, world: World, secret_key: str | None, after: Callable[[], None]) -> None:
        self._world = world
        self._secret_key = secret_key
        self._after = after
        self._under_way: set[str] = set()

    def routes(self) -> list[BaseRoute]:
        ours = [Route(path, self._endpoint(name, run), methods=[method]) for method, path, name, run in OPERATIONS]
        return [*ours, Route("/v1/{rest:path}", self._unknown, methods=["GET", "POST", "DELETE", "PUT", "PATCH"])]

    def _endpoint(self, name: str, run: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await self._answered(request, name, run)

        return endpoint

    async def _unknown(self, request: Request) -> Response:
        path = f"/v1/{request.path_params['rest']}"
        refusal = Refused(
            f"Unrecognized request URL ({request.method}: {path}). Please see https://stripe.com/docs or we can help at"
            " https://support.stripe.com/.",
            status=404,
        )
        return _answer(404, refusal.body(), new_id("req"))

    async def _answered(self, request: Request, name: str, run: Operation) -> Response:
        request_id, path = new_id("req"), f"/v1/{request.url.path.partition('/v1/')[2]}"
        given_key = request.headers.get("idempotency-key") if request.method == "POST" else None
        fault = faults.take(self._world, request.method, path)
        try:
            if fault.name in {"drop-before-accept", "hang-before-accept"}:
                await asyncio.sleep(fault.seconds if fault.name == "hang-before-accept" else 0)
                return hang_up(request)
            self._check_caller(request, fault)
            text = await self._text(request)
            key = self._key(given_key, request)
            return await self._kept(request, request_id, path, key, text, fault, name, run)
        except Refused as refusal:
            return _answer(refusal.status, refusal.body(), request_id, {**refusal.headers, **_echo(given_key)})

    async def _kept(
        self,
        request: Request,
        request_id: str,
        path: str,
        key: str | None,
        text: str,
        fault: faults.Fault,
        name: str,
        run: Operation,
    ) -> Response:
        """The stored answer for the key, or a new one."""
        fingerprint = hashlib.sha256(f"{request.method}\n{path}\n{_sorted(text)}".encode()).hexdigest()
        before = self._stored(key, fingerprint) if key else None
        if before:
            self._note(request_id, request, path, text, key, before["status"], replayed=True)
            headers = {"idempotent-replayed": "true", "original-request": before["request"], **_echo(key)}
            return _answer(before["status"], json.loads(before["body"]), request_id, headers)
        if key:
            self._under_way.add(key)
        try:
            given = parameters.read(name, form.decode(text))
            cause = Cause(request_id, key, _base(request))
            with self._world.store.transaction(), self._world.caused_by(cause):
                status, body = _executed(self._world, run, given, request.path_params, fault)
                if key:
                    self._keep(key, fingerprint, request_id, status, body)
                self._note(request_id, request, path, text, key, status)
            self._after()
            if fault.name == "hang":
                await asyncio.sleep(fault.seconds)
            if fault.name == "drop-after-accept":
                return hang_up(request)
            return _answer(status, body, request_id, _echo(key))
        except Refused as refusal:
            self._note(request_id, request, path, text, key, refusal.status)
            raise
        finally:
            self._under_way.discard(key or "")

    def _check_caller(self, request: Request, fault: faults.Fault) -> None:
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
            raise Refused(
                f"Invalid Stripe API version: {version}. The sandbox speaks only {API_VERSION}.", replayed=False
            )

    async def _text(self, request: Request) -> str:
        if request.method != "POST":
            return request.url.query
        body = await request.body()
        kind = request.headers.get("content-type", FORM).partition(";")[0].strip()
        if body and kind != FORM:
            raise Refused(
                f"Invalid request (check that your POST content type is {FORM}). If you have any questions, we can help"
                " at https://support.stripe.com/.",
                replayed=False,
            )
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("Invalid request: the body must be UTF-8.", replayed=False) from None

    # Idempotency

    def _key(self, given: str | None, request: Request) -> str | None:
        if given is None:
            return None
        if len(given) > LONGEST_KEY:
            raise Refused(f"Idempotency keys have at most {LONGEST_KEY} characters.", kind=IDEMPOTENCY, replayed=False)
        if given in self._under_way:
            raise Refused(
                f"There is currently another in-progress request using this Idempotency Key: {given}.",
                status=409,
                kind=IDEMPOTENCY,
                code="idempotency_key_in_use",
                replayed=False,
            )
        return given

    def _stored(self, key: str, fingerprint: str) -> dict[str, Any] | None:
        store = self._world.store
        rows = store.run("SELECT * FROM answer WHERE key = ? AND at > ?", key, self._world.now() - KEY_LIVES_SECONDS)
        if not rows:
            return None
        if rows[0]["fingerprint"] != fingerprint:
            raise Refused(
                f"Keys for idempotent requests can only be used with the same parameters they were first used with. Try"
                f" using a key other than '{key}' if you meant to execute a different request.",
                kind=IDEMPOTENCY,
                replayed=False,
            )
        return dict(rows[0])

    def _keep(self, key: str, fingerprint: str, request_id: str, status: int, body: Thing) -> None:
        self._world.store.run(
            "INSERT OR REPLACE INTO answer (key, fingerprint, request, status, body, at) VALUES (?, ?, ?, ?, ?, ?)",
            key,
            fingerprint,
            request_id,
            status,
            json.dumps(body),
            self._world.now(),
        )

    def _note(
        self, request_id: str, request: Request, path: str, text: str, key: str | None, status: int, *,
        replayed: bool = False,
    ) -> None:  # fmt: skip
        self._world.store.run(
            "INSERT INTO request (id, at, method, path, given, key, status, replayed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            request_id,
            time.time(),
            request.method,
            path,
            json.dumps(form.decode(text)),
            key,
            status,
            int(replayed),
        )


def _executed(
    world: World, run: Operation, given: dict[str, Any], path: Mapping[str, str], fault: faults.Fault
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


def _answer(status: int, body: Thing, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    more = {"request-id": request_id, "stripe-version": API_VERSION, **(headers or {})}
    return JSONResponse(body, status, headers=more)


def _echo(key: str | None) -> dict[str, str]:
    return {"idempotency-key": key} if key else {}


def _sorted(text: str) -> str:
    """The order of parameters is no difference."""
    return "&".join(sorted(text.split("&")))


def _base(request: Request) -> str:
    """The address the client reached us by, such as `http://127.0.0.1:3900/stripe`."""
    return f"{request.url.scheme}://{request.url.netloc}{request.url.path.partition('/v1/')[0]}"
