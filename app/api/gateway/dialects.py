"""Errors in the words of whoever asks: OpenAI's envelope, or Anthropic's. Both say whether asking again makes sense."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from app.api import errors
from app.kernel.errors import FareboxError, ProviderUnclear

#: The header by which Anthropic's clients are known.
ANTHROPIC = "anthropic-version"
#: What of our own answer's headers goes with it.
KEPT = ("retry-after", "www-authenticate", "x-should-retry")
#: Anthropic's names for our kinds of errors, by status.
ANTHROPIC_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """`envelope` turns our own error body into the dialect's; `event` is the error in the middle of a stream."""

    envelope: Callable[[dict[str, Any], int, str], dict[str, Any]]
    event: Callable[[dict[str, Any]], bytes]
    top_up_url: str

    def refuse(self, error: Exception, request: Request) -> JSONResponse:
        """The answer for an error, whoever is at fault."""
        status, body, headers = self.told(error, request)
        return JSONResponse(body, status, headers)

    def told(self, error: Exception, request: Request) -> tuple[int, dict[str, Any], dict[str, str]]:
        if isinstance(error, FareboxError):
            answer = errors.answer(error, request, self.top_up_url)
        else:
            answer = errors.our_fault(error, request)
        said = json.loads(bytes(answer.body))
        if isinstance(error, ProviderUnclear):
            said["error"]["message"] = errors.PROVIDER_SAYS[ProviderUnclear]
        headers = {name: answer.headers[name] for name in KEPT if name in answer.headers}
        return answer.status_code, self.envelope(said, answer.status_code, _request_id(request)), headers


def openai(top_up_url: str) -> Dialect:
    return Dialect(lambda body, _status, _id: body, lambda body: b"data: %s\n\n" % written(body), top_up_url)


def anthropic(top_up_url: str) -> Dialect:
    def event(body: dict[str, Any]) -> bytes:
        return b"event: error\ndata: %s\n\n" % written(body)

    return Dialect(_anthropic, event, top_up_url)


def _anthropic(body: dict[str, Any], status: int, request_id: str) -> dict[str, Any]:
    said = dict(body["error"])
    message, code, param = said.pop("message"), said.pop("code"), said.pop("param")
    del said["type"]
    kind = ANTHROPIC_TYPES.get(status, "api_error")
    named = {"param": param} if param else {}
    return {
        "type": "error",
        "error": {"type": kind, "message": message, "code": code, **named, **said},
        "request_id": request_id,
    }


def as_asked(answer: Response, request: Request) -> Response:
    """An error that no dialect was chosen for, in Anthropic's words for a client of theirs."""
    if ANTHROPIC not in request.headers or not isinstance(answer, JSONResponse):
        return answer
    body = _anthropic(json.loads(bytes(answer.body)), answer.status_code, _request_id(request))
    return JSONResponse(
        body, answer.status_code, {name: answer.headers[name] for name in KEPT if name in answer.headers}
    )


def written(value: Any) -> bytes:
    """JSON as it goes over the wire. Half a surrogate pair, which hosts send that split one, goes on as it came."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))
