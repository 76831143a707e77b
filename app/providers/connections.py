"""Connections to providers that are kept between calls: aiohttp's, behind the requests, answers and errors of httpx.

The pool that comes with httpx looks at every connection it has for every request, and each step of an exchange passes
through a dozen layers: together that took half of a chat. What aiohttp raises is put into httpx's words here and not by
a package that does it (httpx-aiohttp 0.2): that one says `ConnectTimeout` of a line that broke after the request was
sent, and whoever reads that buys a second time.
"""

import io
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import aiohttp
import httpx
from yarl import URL

MOST_HEAD_BYTES: Final = 64 * 1024
#: More than this is handed over in pieces.
PIECE_BYTES: Final = 2**20
#: What httpx has written already, or left out on purpose.
AUTOMATIC: Final = ("accept", "accept-encoding", "content-type", "user-agent")


class KeptTransport(httpx.AsyncBaseTransport):
    """Idle connections stay open for `expiry_seconds`; there are as many busy ones as there are calls."""

    def __init__(self, trust: ssl.SSLContext, *, expiry_seconds: float) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=0, keepalive_timeout=expiry_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=AUTOMATIC,
            max_line_size=MOST_HEAD_BYTES,
            max_field_size=MOST_HEAD_BYTES,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it on a kept connection that is still good, or on a new one; a purchase never on two."""
        patience = request.extensions.get("timeout", {})
        content = await request.aread()
        request.headers.pop("transfer-encoding", None)  # its length is known by now
        with _as_httpx_says():
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=io.BytesIO(content) if len(content) > PIECE_BYTES else content or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=patience.get("connect"), sock_read=patience.get("read")
                ),
            )
        if answer.status < httpx.codes.OK:
            answer.close()
            raise httpx.RemoteProtocolError("The answer does not begin like one.")
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=Lent(answer))

    async def aclose(self) -> None:
        """Close all that are idle."""
        await self._session.close()


class Lent(httpx.AsyncByteStream):
    """An answer's body. Read to its end, it gives its connection back; closed before, it ends it."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_says():
            async for part in self._answer.content.iter_any():
                yield part

    async def aclose(self) -> None:
        self._answer.close()


class Courier(httpx.AsyncClient):
    """A client that does nothing but send: no cookies are kept, nothing is followed, nobody is asked to sign in."""

    def __init__(self, transport: httpx.AsyncBaseTransport, **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._carries = transport

    async def send(self, request: httpx.Request, *, stream: bool = False, **_: Any) -> httpx.Response:
        response = await self._carries.handle_async_request(request)
        response.request = request
        if not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response


@contextmanager
def _as_httpx_says() -> Iterator[None]:
    """Only what surely happened before the request went out is called a failure to connect."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(str(error)) from error
    except aiohttp.SocketTimeoutError as error:
        raise httpx.ReadTimeout("The provider was silent for too long.") from error
    except aiohttp.ClientResponseError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.ReadError(str(error) or type(error).__name__) from error
