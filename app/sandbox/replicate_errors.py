"""Replicate's refusals, in its own words."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_REFUSALS: Mapping[str, tuple[int, str, str]] = {
    "401": (401, "Unauthenticated", "You did not pass a valid authentication token"),
    "402": (402, "Insufficient credit", "You have insufficient credit to run this model."),
    "409": (409, "Conflict", "The request conflicts with another one."),
    "500": (500, "Internal server error", "An internal error happened."),
    "refuse-429": (429, "Too many requests", "Request was throttled. Your rate limit resets in ~{arg}s."),
    "refuse-503": (503, "Service unavailable", "The service is temporarily unavailable."),
}


def refusal(fault: str, arg: str) -> Response:
    """What a scripted refusal answers."""
    status, title, detail = _REFUSALS[fault]
    headers = {"retry-after": arg} if fault in {"refuse-429", "refuse-503"} else {}
    return error(status, title, detail.format(arg=arg), headers)


def unauthorized(request: Request) -> Response | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme not in {"Bearer", "Token"} or not key.strip():
        return error(401, "Unauthenticated", "You did not pass an authentication token")
    if "bad" in key:
        return error(401, "Unauthenticated", "You did not pass a valid authentication token")
    return None


def error(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    body = {"title": title, "detail": detail, "status": status}
    return JSONResponse(body, status, dict(headers or {}), media_type="application/problem+json")


def not_found() -> Response:
    return error(404, "Not found", "The requested resource could not be found.")


def invalid(*problems: Mapping[str, str]) -> Response:
    lines = "".join(f"- input.{problem['field']}: {problem['message']}\n" for problem in problems)
    fields = [
        {"type": problem["type"], "field": f"input.{problem['field']}", "description": problem["message"]}
        for problem in problems
    ]
    body = {"title": "Input validation failed", "detail": lines, "status": 422, "invalid_fields": fields}
    return JSONResponse(body, 422, media_type="application/problem+json")
