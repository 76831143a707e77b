"""How Stripe says no: one error with a status, a type and, mostly, a code."""

from typing import Any

INVALID_REQUEST, CARD, IDEMPOTENCY, API = "invalid_request_error", "card_error", "idempotency_error", "api_error"


class Refused(Exception):
    """An answer that is an error.

    `kept`: the attempt itself is recorded although it failed (a declined card leaves its intent and charge behind).
    `replayed`: the answer is stored under the request's idempotency key, as all are that come from executing a request.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID_REQUEST,
        code: str | None = None,
        param: str | None = None,
        kept: bool = False,
        replayed: bool = True,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.kind, self.code, self.param = message, status, kind, code, param
        self.kept, self.replayed = kept, replayed
        self.headers = headers or {}
        self.more = more

    def body(self) -> dict[str, Any]:
        said: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            said["code"] = self.code
            said["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            said["param"] = self.param
        return {"error": {**said, **self.more}}


def missing(kind: str, wanted: str, param: str = "id") -> Refused:
    """No such object: a 404 for what the address names, a 400 for what a parameter names."""
    noun = kind.rpartition(".")[2].replace("_", "")
    return Refused(
        f"No such {noun}: '{wanted}'", status=404 if param == "id" else 400, code="resource_missing", param=param
    )


def bad_parameter(message: str, param: str, code: str | None = None) -> Refused:
    """The parameters themselves are wrong: nothing was executed, nothing is stored under the key."""
    return Refused(message, code=code, param=param, replayed=False)
