"""What the API takes down of each billable request: refusals always, bodies where the key's policy says so.

One plain ASGI layer over every route, so that no endpoint can forget it. It reads what others left in the request's
state: `holder` (who authenticated), `billable` and `asked_model` (whoever read the body), `refused` (the errors).
"""

import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.accounts.keys import KeyHolder
from app.generation import redact
from app.generation.request_log import Payload, Refused, RequestLog
from app.kernel.clock import Clock

#: Answer headers that a route left in the request's state, such as how its rate limits stand.
HEADERS = "answer_headers"


class RequestTaker:
    """Stands inside the layer that gives each request its id."""

    def __init__(self, app: ASGIApp, log: RequestLog, now: Clock) -> None:
        self.app, self._log, self._now = app, log, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        taking = _Taking(scope, receive, send)
        try:
            await self.app(scope, taking.receive, taking.send)
        finally:
            self._take_down(taking)

    def _take_down(self, taking: "_Taking") -> None:
        state = taking.state
        holder = state.get("holder")
        if holder is None or not state.get("billable") or _is_dry(taking.scope):
            return
        common: dict[str, Any] = {
            "id": state["request_id"],
            "workspace_id": holder.workspace_id,
            "api_key_id": holder.key_id,
            "path": str(taking.scope["path"])[:200],
            "created_at": self._now(),
        }
        status = taking.status or 500
        if status >= 400:
            code, message = state.get("refused", ("internal_error", "Something went wrong on our side."))
            took = int((time.monotonic() - taking.began) * 1000)
            self._log.note_refused(
                Refused(
                    **common, model=state.get("asked_model"), status=status, code=code, message=message, took_ms=took
                )
            )
        if holder.keeps_payloads:
            asked, answered = taking.asked.text(), taking.answered.text()
            self._log.note_payload(Payload(**common, status=status, request=asked, response=answered))


class _Body:
    """As much of a body as is kept, and its kind."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self.kind = ""

    def add(self, part: bytes) -> None:
        if part and self._size < redact.MOST_KEPT:
            self._parts.append(part[: redact.MOST_KEPT - self._size])
        self._size += len(part)

    def text(self) -> str:
        return redact.kept(b"".join(self._parts), self.kind, cut=self._size > redact.MOST_KEPT)


class _Taking:
    """One request under way. Bodies are looked at only for a holder whose policy keeps them."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.state: dict[str, Any] = scope.setdefault("state", {})
        self.status: int | None = None
        self.began = time.monotonic()
        self.asked, self.answered = _Body(), _Body()
        self.asked.kind = _header(scope["headers"], b"content-type")

    async def receive(self) -> Message:
        message = await self._receive()
        if self._keeps():
            self.asked.add(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered.kind = _header(message.get("headers", ()), b"content-type")
            more: Mapping[str, str] | None = self.state.get(HEADERS)
            if more:
                lines = [(name.encode(), value.encode()) for name, value in more.items()]
                message = {**message, "headers": [*message.get("headers", ()), *lines]}
        elif self._keeps():
            self.answered.add(message.get("body", b""))
        await self._send(message)

    def _keeps(self) -> bool:
        holder: KeyHolder | None = self.state.get("holder")
        return holder is not None and holder.keeps_payloads


def _header(headers: Any, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")


def _is_dry(scope: Scope) -> bool:
    return b"dryrun=true" in scope.get("query_string", b"").lower()
