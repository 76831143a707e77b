"""The way in, common to the three providers: scripted faults, the book, and how the answer is (not) given."""

import asyncio
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from app.sandbox import faults
from app.sandbox.engine import Engine, Order
from app.sandbox.jobs import Job

_ATTEMPT = re.compile(r"att_[0-9A-Za-z]+")
#: How long "webhook-before-answer" holds the answer back once the job is over.
BEFORE_ANSWER_SECONDS = 1.5


class Desk(Protocol):
    """How one provider says no."""

    provider: str

    def refusal(self, fault: str, arg: str) -> Response:
        """The provider's own words for a fault of `faults.REFUSALS`."""

    def bad_request(self, message: str) -> Response:
        """A 422 for something that is wrong with the request as a whole."""


class Door:
    def __init__(self, engine: Engine, script: faults.Script) -> None:
        self._engine = engine
        self._script = script

    async def submit(self, request: Request, desk: Desk, order: Order, answer: Callable[[Job], Response]) -> Response:
        """Buy the job unless a fault forbids it, and answer unless a fault forbids that."""
        try:
            wanted = {**faults.in_text(prompt_of(order.input)), **self._script.take(order.provider)}
        except faults.BadFault as error:
            return desk.bad_request(str(error))
        for name in faults.REFUSALS:
            if name in wanted:
                return desk.refusal(name, wanted[name])
        if "hang-before-accept" in wanted:
            await asyncio.sleep(float(wanted["hang-before-accept"]))
            return hang_up(request)
        job = self._engine.accept(replace(order, faults=wanted, attempt=attempt_of(order.callback_url)))
        return await self._answered(request, desk, job, answer)

    async def _answered(self, request: Request, desk: Desk, job: Job, answer: Callable[[Job], Response]) -> Response:
        if "drop-after-accept" in job.faults:
            return hang_up(request)
        if "webhook-before-answer" in job.faults:
            await self._engine.ended(job.id, 60)
            await self._engine.announced(job.id, BEFORE_ANSWER_SECONDS)
        if "hang" in job.faults:
            await asyncio.sleep(float(job.faults["hang"]))
        if "500-after-accept" in job.faults:
            return desk.refusal("500", "")
        return answer(self._engine.book.get(job.id) or job)


def prompt_of(given: Mapping[str, Any]) -> str:
    """Where fault markers are looked for."""
    return " ".join(str(given[field]) for field in ("prompt", "text") if isinstance(given.get(field), str))


def attempt_of(callback_url: str | None) -> str | None:
    """The client's own attempt id, when its callback address carries one."""
    found = _ATTEMPT.search(callback_url or "")
    return found.group() if found else None


def base_of(request: Request, root: str) -> str:
    """The address the client reached this provider by, such as `http://127.0.0.1:3900/fal`."""
    return f"{request.url.scheme}://{request.url.netloc}/{root}"


def other_host(job: Job, part: str) -> bool:
    """Whether the fault `other-host-url` applies to this part (`status` or `file`)."""
    return job.faults.get("other-host-url") in {part, "both"}


ELSEWHERE = "http://elsewhere.invalid"


def hang_up(request: Request) -> Response:
    """Close the client's connection without a byte of answer.

    An ASGI application cannot say that, so the socket is found among our own by its peer's address and shut down.
    """
    client = request.scope["client"]
    peer = (str(client[0]), int(client[1]))
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208
        _shut_down(int(name), peer)
    return Response(status_code=500)  # nobody is left to read it


def open_files() -> int:
    """How many descriptors this process holds."""
    return len(os.listdir(_DESCRIPTORS))  # noqa: PTH208


_DESCRIPTORS = "/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd"


def _shut_down(descriptor: int, peer: tuple[str, int]) -> None:
    try:
        copy = os.dup(descriptor)
    except OSError:
        return  # closed since it was listed
    try:
        connection = socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return  # not a socket
    with connection:
        try:
            if connection.getpeername()[:2] == peer:
                connection.shutdown(socket.SHUT_RDWR)
        except (OSError, TypeError, ValueError):
            return  # not a connected internet socket
