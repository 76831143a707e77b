"""How the host says no. Handlers raise `No`; `answering` makes the answer of it."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

BAD_REQUEST = "invalid_request_error"
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_MODERATED = "Your request was rejected by the safety system."
REFUSALS: Mapping[str, tuple[int, str, str, str]] = {
    "401": (401, "Incorrect API key provided.", BAD_REQUEST, "invalid_api_key"),
    "402": (429, _QUOTA, "insufficient_quota", "insufficient_quota"),
    "insufficient-quota": (429, _QUOTA, "insufficient_quota", "insufficient_quota"),
    "409": (409, "Conflict", BAD_REQUEST, "conflict"),
    "500": (500, "The server had an error while processing your request.", "server_error", "server_error"),
    "refuse-429": (429, "Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    "refuse-503": (503, "The engine is currently overloaded, please try again later.", "server_error", "overloaded"),
    "moderated": (400, _MODERATED, "image_generation_user_error", "moderation_blocked"),
}
RETRY_LATER = ("refuse-429", "refuse-503")


class No(Exception):
    """A refusal, as the client gets it."""

    def __init__(self, response: Response) -> None:
        super().__init__("refused")
        self.response = response


def answering(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a handler that raises its refusals."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handle(request)
        except No as no:
            return no.response

    return endpoint


def error(
    status: int, message: str, kind: str = BAD_REQUEST, code: str | None = None, param: str | None = None
) -> Response:
    """OpenAI's envelope."""
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def bad_request(message: str, param: str | None = None) -> No:
    return No(error(400, message, param=param))


def unknown_model(model: str) -> No:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return No(error(404, message, code="model_not_found", param="model"))


def refusal(fault: str, arg: str = "") -> Response:
    """A scripted refusal; Retry-After where the fault names seconds (0: the header is left out)."""
    said = error(*REFUSALS[fault])
    if fault in RETRY_LATER and arg not in ("", "0"):
        said.headers["retry-after"] = arg
    return said


def require_key(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not key.strip() or "bad" in key:
        raise No(refusal("401"))
