"""Fetching an output to our disk: from the provider's hosts only, never longer than agreed, never half a file."""

import asyncio
import base64
import binascii
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn
from urllib.parse import unquote_to_bytes

import httpx

from app.kernel.errors import ProviderBusy, ProviderRefused
from app.providers import http as wire
from app.providers.http import Http
from app.providers.port import Download, RemoteFile

DOWNLOAD_SECONDS = 900
MAX_REDIRECTS = 3  # each hop is checked against the hosts again


async def fetch(http: Http, file: RemoteFile, limit_bytes: int) -> Download:
    """Fetch to a temporary file, which the caller moves or deletes.

    `ProviderRefused` for a foreign host, a file that is gone, or one longer than `limit_bytes`; `ProviderBusy` for
    what a later try may mend.
    """
    if file.url.startswith("data:"):
        return _inline(http, file, limit_bytes)
    trouble: Exception | None = None
    for delay in (*wire.RETRY_DELAYS_SECONDS, None):
        try:
            async with asyncio.timeout(DOWNLOAD_SECONDS):
                return await _follow(http, file, limit_bytes)
        except (ProviderBusy, httpx.HTTPError, TimeoutError) as error:
            trouble = error
        if delay is not None:
            await asyncio.sleep(delay)
    raise ProviderBusy(f"{http.name} does not hand over the output at the moment.") from trouble


async def _follow(http: Http, file: RemoteFile, limit_bytes: int) -> Download:
    url = file.url
    for _ in range(MAX_REDIRECTS + 1):
        if not http.hosts.may_serve_files(url):
            raise http.foreign(url)
        headers = http.headers(url) | {"accept-encoding": "identity"}
        async with http.client() as client, client.stream("GET", url, headers=headers) as response:
            if response.next_request is None:
                return await _save(http, response, file, limit_bytes)
            url = str(response.next_request.url)
    raise ProviderRefused(f"{http.name} keeps redirecting the download of an output.", code="output_gone")


async def _save(http: Http, response: httpx.Response, file: RemoteFile, limit_bytes: int) -> Download:
    if response.status_code >= 500 or response.status_code in (408, 425, 429):
        raise ProviderBusy(f"{http.name} does not hand over the output at the moment.", status=response.status_code)
    if not response.is_success:
        raise ProviderRefused(
            f"{http.name} no longer has the output (status {response.status_code}).",
            code="output_gone",
            status=response.status_code,
        )
    size = 0
    with _temporary_file() as (path, sink):
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > limit_bytes:
                _too_large(http, limit_bytes)
            sink.write(chunk)
        if size == 0:
            raise ProviderBusy(f"{http.name} handed over an empty file.")
    mime = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Download(str(path), mime or file.mime, size)


def _inline(http: Http, file: RemoteFile, limit_bytes: int) -> Download:
    """A file that came inside the answer itself, as a `data:` URL."""
    head, _, data = file.url.removeprefix("data:").partition(",")
    mime, *options = head.split(";")
    try:
        content = base64.b64decode(data, validate=True) if "base64" in options else unquote_to_bytes(data)
    except binascii.Error as error:
        raise ProviderRefused(f"{http.name} sent an output that cannot be decoded.", code="output_gone") from error
    if len(content) > limit_bytes:
        _too_large(http, limit_bytes)
    with _temporary_file() as (path, sink):
        sink.write(content)
    return Download(str(path), mime or file.mime, len(content))


def _too_large(http: Http, limit_bytes: int) -> NoReturn:
    raise ProviderRefused(f"{http.name} delivered a file of more than {limit_bytes:,} bytes.", code="output_too_large")


@contextmanager
def _temporary_file() -> Iterator[tuple[Path, BinaryIO]]:
    """A new file that stays if the block succeeds and goes if it does not."""
    descriptor, name = tempfile.mkstemp(prefix="farebox-output-")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            yield path, sink
    except BaseException:
        path.unlink(missing_ok=True)
        raise
