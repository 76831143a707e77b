"""How an error looks on the wire: one status table, one envelope in OpenAI's shape, one request id on every answer.

    {"error": {"message", "type", "param", "code", …details}}

What is our own fault is logged in full and answered with the request id alone.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.patience import TooSlow
from app.files.store import Expired, TooLarge
from app.kernel import errors, logs
from app.kernel.errors import Conflict, FareboxError, InsufficientCredits, ProviderBusy, ProviderError
from app.kernel.ids import new_id
from app.kernel.money import Money, plain

HEADER = "X-Farebox-Request-Id"
log = logging.getLogger(__name__)

#: Looked up along the class's ancestry, so a new error needs a line only when it differs from its parent.
STATUS: Mapping[type, int] = {
    TooLarge: 413,
    Expired: 410,
    TooSlow: 408,
    errors.InvalidInput: 400,
    errors.NotSignedIn: 401,
    errors.InsufficientCredits: 402,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.LimitReached: 429,
    errors.Rejected: 400,
    errors.ProviderBusy: 503,
    errors.StillRunning: 504,
    errors.ProviderError: 502,
    FareboxError: 500,
}
TYPE: Mapping[type, str] = {
    errors.NotSignedIn: "authentication_error",
    errors.InsufficientCredits: "billing_error",
    errors.NotAllowed: "permission_error",
    errors.LimitReached: "rate_limit_error",
    errors.Rejected: "invalid_request_error",
    errors.ProviderError: "provider_error",
    FareboxError: "server_error",
}
#: An adapter's own words may speak of the operator's account upstream: customers get ours.
PROVIDER_SAYS: Mapping[type, str] = {
    errors.ProviderBusy: "The provider is busy or cannot be reached. Nothing was charged; try again shortly.",
    errors.ProviderRefused: "The provider did not accept this request. Nothing was charged.",
    errors.ProviderUnclear: "The provider has not answered clearly. Ask for the generation to see how it ends.",
}
#: The SDKs obey it: what may have been bought is not asked for again, and what is refused stays so.
NO_RETRY: Mapping[str, str] = {"x-should-retry": "false"}
Worded = Callable[[Response, Request], Response]
HTTP_CODES = {404: "route_not_found", 405: "method_not_allowed", 413: "too_large"}


def install(app: FastAPI, *, top_up_url: str, worded: Worded = lambda answer, _: answer) -> None:
    """Make `app` answer every error in our shape, or what `worded` makes of it for this request. `top_up_url` is where
    credits are to be had."""

    async def ours(request: Request, error: Exception) -> Response:
        return worded(_said(error, request, top_up_url), request)

    async def invalid(request: Request, error: Exception) -> Response:
        said = _validation(error) if isinstance(error, RequestValidationError) else our_fault(error, request)
        return worded(said, request)

    app.add_exception_handler(FareboxError, ours)
    app.add_exception_handler(HTTPException, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_middleware(RequestIds)


async def caught(endpoint: Callable[[Request], Awaitable[Response]], request: Request, top_up_url: str) -> Response:
    """What `endpoint` answers, or its error in our shape: for what does not go through the framework's handlers."""
    try:
        return await endpoint(request)
    except (FareboxError, HTTPException) as error:
        return _said(error, request, top_up_url)


def _said(error: Exception, request: Request, top_up_url: str) -> Response:
    if isinstance(error, HTTPException):
        return _http(error)
    return answer(error, request, top_up_url) if isinstance(error, FareboxError) else our_fault(error, request)


class RequestIds:
    """Gives every request its id (`request.state.request_id`, and a header on the answer) and has the last word on
    what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = new_id("req")
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        logs.REQUEST_ID.set(request_id)
        started = False

        async def stamped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, stamped)
        except ClientDisconnect:
            log.info("%s: the client went away", request_id)
            if not started:  # or broke off a body it had announced, and still listens
                said = envelope("The body ended before it was whole.", "invalid_request_error", "body_broken_off")
                await JSONResponse(said, 400)(scope, receive, stamped)
        except Exception as error:
            if started:
                raise  # half an answer is out; the server breaks the connection so that nobody takes it for whole
            await our_fault(error, Request(scope))(scope, receive, stamped)


def status_of(error: FareboxError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def type_of(error: FareboxError) -> str:
    return next(TYPE[kind] for kind in type(error).__mro__ if kind in TYPE)


def answer(error: FareboxError, request: Request, top_up_url: str) -> JSONResponse:
    """The response for one of our errors."""
    status = status_of(error)
    if status == 500:
        return our_fault(error, request)
    request.state.refused = error.stable_code, PROVIDER_SAYS.get(type(error), error.message)
    if isinstance(error, errors.LimitReached):
        request.state.answer_headers = limit_headers(error)
    if isinstance(error, InsufficientCredits):
        return JSONResponse(_short_of_credits(error, top_up_url), status)
    retry_after = error.details.get("retry_after_seconds")
    said = PROVIDER_SAYS.get(type(error))
    if said is not None:
        log.warning("provider trouble reached a caller: %s", error)
        details = {} if retry_after is None else {"retry_after_seconds": retry_after}
    else:
        said, details = error.message, {name: _plain(value) for name, value in error.details.items()}
    headers: dict[str, str] = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Conflict | ProviderError) and not isinstance(error, ProviderBusy):
        headers |= NO_RETRY
    return JSONResponse(envelope(said, type_of(error), error.stable_code, error.param, details), status, headers)


def limit_headers(error: errors.LimitReached) -> Mapping[str, str]:
    """What a limit that was reached says in headers: the SDKs obey `x-should-retry` and wait for no budget."""
    said, (kind, _, per) = error.details, str(error.details.get("limit", "")).partition("_per_")
    if per == "minute" and "retry_after_seconds" in said:
        return {
            f"x-ratelimit-limit-{kind}": str(said["allowed"]),
            f"x-ratelimit-remaining-{kind}": "0",
            f"x-ratelimit-reset-{kind}": f"{said['retry_after_seconds']}s",
        }
    return NO_RETRY if per else {}


def envelope(
    message: str, kind: str, code: str, param: str | None = None, details: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {"error": {**(details or {}), "message": message, "type": kind, "param": param, "code": code}}


def _short_of_credits(error: InsufficientCredits, top_up_url: str) -> dict[str, Any]:
    details: dict[str, Any] = {name: _plain(value) for name, value in error.details.items()}
    for name in ("required", "available"):
        if name in error.details:
            details[name] = _credits(error.details[name])
    message = "Insufficient balance."
    if {"required", "available"} <= details.keys():
        message = f"Insufficient balance: {details['required']} credits needed, {details['available']} available."
    details["top_up_url"] = top_up_url
    return envelope(f"{message} Add credits at {top_up_url}", type_of(error), "INSUFFICIENT_BALANCE", None, details)


def _credits(value: Money | int) -> float | int:
    return _number((value if isinstance(value, Money) else Money(value)).amount)


def _plain(value: Any) -> Any:
    """Anything an error may carry, as JSON; amounts of money as their figure."""
    if isinstance(value, Money | Decimal):
        return _number(value.amount if isinstance(value, Money) else value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _number(exact: Decimal) -> float | int:
    """A JSON number in its shortest exact notation; only for showing, nothing is computed from it."""
    return int(exact) if exact == exact.to_integral_value() else float(plain(exact))


def our_fault(error: Exception, request: Request) -> JSONResponse:
    """Log everything, tell the caller nothing but the id to ask about."""
    request_id = getattr(request.state, "request_id", "") or new_id("req")
    log.error("%s %s failed (%s)", request.method, request.url.path, request_id, exc_info=error)
    message = f"Something went wrong on our side. If it happens again, tell the operator this id: {request_id}"
    return JSONResponse(envelope(message, "server_error", "internal_error", None, {"request_id": request_id}), 500)


def _http(error: HTTPException) -> JSONResponse:
    code = HTTP_CODES.get(error.status_code, "http_error")
    message = "There is nothing at this address." if error.status_code == 404 else str(error.detail)
    kind = "server_error" if error.status_code >= 500 else "invalid_request_error"
    return JSONResponse(envelope(message, kind, code), error.status_code, error.headers)


def _validation(error: RequestValidationError) -> JSONResponse:
    problems = [{"path": ".".join(map(str, item["loc"][1:])), "message": item["msg"]} for item in error.errors()]
    first = problems[0] if problems else {"path": "", "message": "The request is not valid."}
    message = f"{first['path']}: {first['message']}" if first["path"] else first["message"]
    details = {"problems": problems}
    return JSONResponse(
        envelope(message, "invalid_request_error", "invalid_input", first["path"] or None, details), 400
    )
