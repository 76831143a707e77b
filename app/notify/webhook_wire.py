"""One signed POST to an address that a customer named: out to the internet or not at all.

The host's name is resolved here, once for each attempt, and the connection goes to the address that was looked at, so
that no second answer of a name server can lead it elsewhere; TLS still checks the certificate against the name. There
are no redirects, no proxies, no cookies, and only the beginning of an answer is read.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

import httpx
from standardwebhooks import Webhook

from app.kernel import outside

#: Host and port → the addresses its name leads to.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

TIMEOUT_SECONDS = 30.0
CONNECT_SECONDS = 10.0
MOST_BYTES = 16 * 1024
MOST_HEADERS, LONGEST_HEADER = 40, 500
USER_AGENT = "Farebox-Webhooks/1"


class Forbidden(Exception):
    """The name leads somewhere that is none of the internet's business."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one attempt: a status, or an `error` in its place."""

    milliseconds: int
    request_headers: Mapping[str, str]
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    address: str | None = None
    error: str | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


async def resolve(host: str, port: int) -> Sequence[str]:
    """By the machine's own resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Pinned(httpx.AsyncBaseTransport):
    """Connects to the address it has looked at and no other. `loopback` allows this machine (the demo)."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        resolve: Resolve = resolve,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._loopback, self._resolve = loopback, resolve
        self._inner = inner or httpx.AsyncHTTPTransport(verify=_trust_store(), retries=0, http2=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        address = await self.address_of(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        request.extensions["farebox_address"] = address
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # Host stays what was named
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        response = await self._inner.handle_async_request(pinned)
        stream = response.extensions.get("network_stream")
        peer = None if stream is None else stream.get_extra_info("server_addr")
        if peer is not None and not self._is_allowed(str(peer[0])):
            await response.aclose()
            raise Forbidden(f"the connection went to {peer[0]}")
        return response

    async def address_of(self, host: str, port: int) -> str:
        """Where to connect. One address that leads inside spoils the name: it is not there by accident."""
        try:
            found = await self._resolve(host, port)
        except OSError as error:
            raise httpx.ConnectError(f"the name {host} leads nowhere") from error
        if not found:
            raise httpx.ConnectError(f"the name {host} leads nowhere")
        for address in found:
            if not self._is_allowed(address):
                raise Forbidden(f"{host} leads to {address}, which is not on the internet")
        return sorted(found, key=lambda address: ":" in address)[0]  # every network speaks IPv4

    def _is_allowed(self, address: str) -> bool:
        return outside.is_public(address) or (self._loopback and outside.is_loopback(address))

    async def aclose(self) -> None:
        await self._inner.aclose()


class Wire:
    """`loopback`: also plain http to this machine. `transport` is built anew for every attempt."""

    def __init__(
        self, *, loopback: bool = False, transport: Callable[[], httpx.AsyncBaseTransport] | None = None
    ) -> None:
        self._loopback = loopback
        self._transport = transport or (lambda: Pinned(loopback=loopback))

    def check(self, url: str) -> str:
        """The address, if it may be named."""
        return outside.check_url(url, loopback=self._loopback)

    async def post(self, url: str, body: str, message_id: str, secrets: Sequence[str], now: datetime) -> Answer:
        """One attempt; whatever goes wrong is answered and not raised."""
        headers = signed(body, message_id, secrets, now)
        began = time.monotonic()
        address: str | None = None
        try:
            self.check(url)  # again: what was allowed when it was named need not be now
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                httpx.AsyncClient(
                    transport=self._transport(),
                    timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
                    follow_redirects=False,
                    trust_env=False,
                ) as client,
            ):
                request = client.build_request("POST", url, headers=headers, content=body.encode())
                response = await client.send(request, stream=True)
                address = request.extensions.get("farebox_address")
                try:
                    text = await _beginning(response)
                finally:
                    await response.aclose()
        except Exception as error:  # whatever a stranger's server, name server or certificate can do to us
            return Answer(_since(began), headers, address=address, error=_words(error))
        told = {name: value[:LONGEST_HEADER] for name, value in list(response.headers.items())[:MOST_HEADERS]}
        refusal = "Redirects are not followed." if 300 <= response.status_code < 400 else None
        return Answer(_since(began), headers, response.status_code, told, text, address, refusal)


def signed(body: str, message_id: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks; one signature for each secret that is good at the moment."""
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, now, body) for secret in secrets),
    }


async def _beginning(response: httpx.Response) -> str:
    """What fits; the rest is not even read. Compressed answers are taken as they are: they could unfold for ever."""
    body = bytearray()
    async for chunk in response.aiter_raw(4096):
        body += chunk
        if len(body) >= MOST_BYTES:
            break
    return bytes(body[:MOST_BYTES]).decode("utf-8", "replace").replace("\x00", "")


def _words(error: Exception) -> str:
    """What the owner of the endpoint is told."""
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return f"There was no answer within {TIMEOUT_SECONDS:.0f} seconds."
        case Forbidden():
            return f"Not sent: {error}."
        case httpx.ConnectError() if isinstance(error.__cause__, ssl.SSLError) or "SSL" in str(error):
            return f"The certificate was not accepted: {error}."[:300]
        case httpx.ConnectError():
            return f"There was no connection: {error}."[:300]
        case _:
            return f"{type(error).__name__}: {error}"[:300]


@cache
def _trust_store() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
