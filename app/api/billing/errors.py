"""How a refusal looks to a billing client: `{"code", "message", "http_status_code", "details"}`, its codes a closed
list. Our own finer code and the field are in `details`."""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.files.store import TooLarge
from app.kernel import errors
from app.kernel.errors import FareboxError
from app.kernel.ids import new_id
from app.kernel.money import Money, plain

log = logging.getLogger(__name__)

#: Every branch of our tree: the client's code and the HTTP status. Looked up along the class's ancestry.
CODES: Final[Mapping[type[FareboxError], tuple[str, int]]] = {
    TooLarge: ("validation_error", 413),
    errors.InvalidInput: ("validation_error", 400),
    errors.NotSignedIn: ("permission_denied", 401),
    errors.NotAllowed: ("permission_denied", 403),
    errors.NotFound: ("not_found", 404),
    errors.IdempotencyConflict: ("version_conflict", 409),
    errors.PriceChanged: ("version_conflict", 409),
    errors.PriceAboveMax: ("invalid_operation", 400),
    errors.Unpriced: ("invalid_operation", 400),
    errors.Conflict: ("already_exists", 409),
    errors.LimitReached: ("too_many_requests", 429),
    errors.InsufficientCredits: ("invalid_operation", 400),
    errors.Rejected: ("invalid_operation", 400),
    errors.ProviderBusy: ("service_unavailable", 503),
    errors.ProviderError: ("http_client_error", 502),
    errors.Broken: ("internal_error", 500),
    FareboxError: ("system_error", 500),
}
#: Codes of the client's that a refusal may choose itself, because its branch of the tree says something else.
CHOSEN: Final = {"invalid_operation": 400, "version_conflict": 409}
HTTP_CODES: Final = {404: "not_found", 405: "invalid_operation", 413: "validation_error", 501: "not_implemented"}


def install(api: FastAPI) -> None:
    """Make `api` answer every error in this shape."""

    async def ours(_request: Request, error: Exception) -> Response:
        return answer(error) if isinstance(error, FareboxError) else our_fault(error)

    async def framework(_request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            return our_fault(error)
        said = "There is nothing at this address." if error.status_code == 404 else str(error.detail)
        return body(HTTP_CODES.get(error.status_code, "invalid_operation"), said, error.status_code, {})

    async def invalid(_request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            return our_fault(error)
        first = next(iter(error.errors()), {"loc": (), "msg": "The request is not valid."})
        where = ".".join(str(step) for step in first["loc"][1:])
        return body("validation_error", f"{where}: {first['msg']}", 400, {"param": where})

    api.add_exception_handler(FareboxError, ours)
    api.add_exception_handler(HTTPException, framework)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_middleware(LastWord)


class LastWord:
    """What nobody caught is logged in full and answered with an id to ask about."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            raise
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await our_fault(error)(scope, receive, send)


def code_of(error: FareboxError) -> tuple[str, int]:
    """The client's code and the HTTP status of one of our errors."""
    if error.stable_code in CHOSEN:
        return error.stable_code, CHOSEN[error.stable_code]
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def answer(error: FareboxError) -> JSONResponse:
    """The response for one of our errors."""
    code, status = code_of(error)
    if status == 500:
        return our_fault(error)
    details = {name: _plain(value) for name, value in error.details.items()}
    details["code"] = error.stable_code
    if error.param is not None:
        details["param"] = error.param
    wait = error.details.get("retry_after_seconds")
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return body(code, error.message, status, details, headers)


def our_fault(error: Exception) -> JSONResponse:
    """Log everything, tell the caller nothing but the id to ask about."""
    request_id = new_id("req")
    log.error("the billing API failed (%s)", request_id, exc_info=error)
    message = f"Something went wrong on our side. If it happens again, tell the operator this id: {request_id}"
    return body("internal_error", message, 500, {"request_id": request_id})


def body(
    code: str, message: str, status: int, details: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    said = {"code": code, "message": message, "http_status_code": status, "details": dict(details)}
    return JSONResponse(said, status, dict(headers or {}))


def _plain(value: Any) -> Any:
    """Anything an error may carry, as JSON; figures as decimal text."""
    if isinstance(value, Money | Decimal):
        return plain(value.amount if isinstance(value, Money) else value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)
