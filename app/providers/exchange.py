"""One paid exchange with a provider that answers at once: sent exactly once, read whole or as it flows.

Verdicts are those of `http.py`. Connections are kept for a few seconds between calls, which a chat needs: the handshake
would cost more than the answer. A kept one is looked at before it is used again and dropped well before a server would;
should it break all the same, the call counts as unclear, like any other request that got no answer.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import httpx

from app.kernel.errors import ProviderBusy, ProviderUnclear
from app.providers import http as wire
from app.providers.http import LOST, NOT_SENT, Answer, AnswerTooLong, Http
from app.providers.port import Call, Upload

CONNECT_SECONDS = 10.0
CLIENT_ID = "x-client-request-id"
MAX_ERROR_BYTES = 256 * 1024  # of an answer that is no answer
MAX_EVENT_BYTES = 64 * 2**20  # a whole picture may come as one event
READ_APART_BYTES = 256 * 1024  # JSON beyond this is parsed off the event loop


@dataclass(frozen=True, slots=True)
class Whole:
    """A 2xx that was read to its end. `payload` is its JSON with plain numbers, None when it is none."""

    headers: httpx.Headers
    body: bytes
    payload: Any

    @property
    def mime(self) -> str | None:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() or None

    @property
    def request_id(self) -> str | None:
        return request_id(self.headers)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a whole call and the silence within one may be, and how much of an answer is read."""

    seconds: float
    idle_seconds: float
    max_bytes: int


class Exchange:
    """Without `keep` every call opens a connection of its own and closes it."""

    def __init__(self, http: Http, bounds: Bounds, *, keep: bool = True) -> None:
        self._http = http
        self._keep = keep
        self._seconds = bounds.seconds
        self._idle_seconds = min(bounds.idle_seconds, bounds.seconds)
        self._max_bytes = bounds.max_bytes
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    async def buy(self, url: str, call: Call, body: Mapping[str, Any]) -> Whole:
        """One POST, the answer read to its end."""
        try:
            async with self._lent() as client, asyncio.timeout(self._seconds):
                request = await self._request(client, url, call, body)
                response = await client.send(request, stream=True)
                try:
                    content = await _read(response, self._max_bytes if response.is_success else MAX_ERROR_BYTES)
                finally:
                    await response.aclose()
        except NOT_SENT as error:
            raise self._not_sent() from error
        except LOST as error:
            raise self._lost(error) from error
        if not response.is_success:
            raise self._http.verdict(Answer(response.status_code, response.headers, _payload(content)))
        if len(content) > READ_APART_BYTES:
            return Whole(response.headers, content, await asyncio.to_thread(_payload, content))
        return Whole(response.headers, content, _payload(content))

    @asynccontextmanager
    async def flow(self, url: str, call: Call, body: Mapping[str, Any]) -> AsyncIterator["Flow"]:
        """One POST whose answer is read as it comes; entered once the provider said 2xx."""
        started = time.monotonic()
        async with self._lent() as client:
            request = await self._request(client, url, call, body)
            try:
                response = await client.send(request, stream=True)
            except NOT_SENT as error:
                raise self._not_sent() from error
            except LOST as error:
                raise self._lost(error) from error
            try:
                if not response.is_success:
                    raise self._http.verdict(await self._failure(response))
                yield Flow(self._http.name, response, started + self._seconds, self._max_bytes)
            finally:
                await response.aclose()

    async def close(self) -> None:
        """Close the connections kept by the running loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def _failure(self, response: httpx.Response) -> Answer:
        try:
            content = await _read(response, MAX_ERROR_BYTES)
        except LOST:
            content = b""
        return Answer(response.status_code, response.headers, _payload(content))

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for one call: the running loop's own, or one that goes with the call."""
        if self._keep:
            yield self._kept()
        else:
            async with self._http.client() as client:
                yield client

    def _kept(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = self._http.client(keep=True)
        return client

    async def _request(self, client: httpx.AsyncClient, url: str, call: Call, body: Mapping[str, Any]) -> httpx.Request:
        self._http.require_own(url)
        headers = self._http.headers(url)
        if call.attempt_id:
            headers[CLIENT_ID] = call.attempt_id  # to find it by in the provider's own logs
        patience = httpx.Timeout(self._idle_seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        if not call.files:
            content = self._http.encode(body)
            headers |= {"content-type": "application/json"}
            return client.build_request("POST", _url(url), headers=headers, content=content, timeout=patience)
        form = dict(pair for name, value in body.items() if value is not None for pair in _fields(name, value))
        parts = [(one.field, (one.filename, await _bytes(one), one.mime)) for one in call.files]
        return client.build_request("POST", _url(url), headers=headers, data=form, files=parts, timeout=patience)

    def _not_sent(self) -> ProviderBusy:
        return ProviderBusy(f"{self._http.name} could not be reached; nothing was sent.")

    def _lost(self, error: Exception) -> ProviderUnclear:
        return ProviderUnclear(
            f"{self._http.name} did not answer the request ({type(error).__name__}); it may have been served."
        )


class Flow:
    """The events of a flowing answer: the JSON of every `data:` line. Ends at [DONE] or with the answer."""

    def __init__(self, name: str, response: httpx.Response, deadline: float, max_bytes: int) -> None:
        self._name = name
        self._response = response
        self._deadline = deadline
        self._max_bytes = max_bytes
        self.is_done = False  # whether [DONE] was said

    @property
    def headers(self) -> httpx.Headers:
        return self._response.headers

    async def whole(self) -> bytes:
        """All of it, from a provider that did not stream after all."""
        try:
            return await _read(self._response, self._max_bytes)
        except LOST as error:
            raise self.broken(type(error).__name__) from error

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Raises `ProviderUnclear` when it breaks, lasts too long, or says something that is no event."""
        try:
            async for data in _data_lines(self._response, self._deadline):
                if data == b"[DONE]":
                    self.is_done = True
                    return
                yield self.parsed(data)
        except LOST as error:
            raise self.broken(type(error).__name__) from error

    def broken(self, why: str) -> ProviderUnclear:
        return ProviderUnclear(f"The answer of {self._name} broke off ({why}); what came of it may be charged.")

    def parsed(self, data: bytes) -> dict[str, Any]:
        """The JSON object that `data` is."""
        event = _payload(data)
        if not isinstance(event, dict):
            raise self.broken("an event is not JSON")
        return event


@lru_cache(maxsize=256)
def _url(text: str) -> httpx.URL:
    """Parsed once: a provider has a handful of addresses, and parsing one takes as long as writing a request."""
    return httpx.URL(text)


def request_id(headers: Mapping[str, str]) -> str | None:
    """The provider's own id of the exchange, cut to a length a table can hold."""
    said = headers.get("x-request-id") or headers.get("request-id")
    return said[:200] if said else None


async def _data_lines(response: httpx.Response, deadline: float) -> AsyncIterator[bytes]:
    """The data of each server-sent event; comments, names and ids are passed over. TimeoutError at the deadline."""
    rest = bytearray()
    pending: list[bytes] = []
    async for chunk in response.aiter_bytes():
        if time.monotonic() > deadline:
            raise TimeoutError
        rest += chunk
        if b"\n" in chunk:
            *lines, last = rest.split(b"\n")
            rest = last
            for line in lines:
                text = bytes(line.rstrip(b"\r"))
                if text.startswith(b"data:"):
                    pending.append(text[5:].removeprefix(b" "))
                elif not text and pending:
                    yield b"\n".join(pending)
                    pending.clear()
        if len(rest) + sum(map(len, pending)) > MAX_EVENT_BYTES:
            raise AnswerTooLong
    if rest.startswith(b"data:"):
        pending.append(bytes(rest[5:]).strip())
    if pending:
        yield b"\n".join(pending)


async def _read(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            raise AnswerTooLong
    return bytes(body)


async def _bytes(upload: Upload) -> bytes:
    return upload.data if isinstance(upload.data, bytes) else await asyncio.to_thread(upload.data.read_bytes)


def _payload(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _fields(name: str, value: Any) -> Iterator[tuple[str, str | list[str]]]:
    """As OpenAI's own clients write a form: a list is fields called `name[]`, an object fields called `name[key]`."""
    if isinstance(value, list | tuple):
        yield f"{name}[]", [_text(one) for one in value]
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _fields(f"{name}[{key}]", one)
    else:
        yield name, _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=wire.json_number)
