"""Reading what people post: small forms and one file, within bounds, because strangers may post here."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.files.keeping import MB
from app.files.store import TooLarge
from app.kernel.errors import InvalidInput

MOST_FORM_BYTES = 16 * 1024
MOST_FIELDS = 10
LONGEST_LENGTH = 18
ENVELOPE_BYTES = 64 * 1024  # boundaries and part headers around the file itself


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a small url-encoded form."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise InvalidInput("Send an ordinary form (application/x-www-form-urlencoded).")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_FORM_BYTES:
            raise InvalidInput("The form is too large.")
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise InvalidInput("The form cannot be read.") from None
    if any("\0" in value for value in form.values()):  # PostgreSQL has no such text
        raise InvalidInput("The form cannot be read.")
    return form


def announced(request: Request) -> int:
    """How many bytes the sender says it will send; 0 when it says nothing that is a number."""
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdecimal() and len(told) <= LONGEST_LENGTH else 0


@asynccontextmanager
async def uploaded_file(request: Request, field: str, most_bytes: int) -> AsyncIterator[UploadFile]:
    """The file in `field` of a multipart form; broken off when the body grows beyond what such a file may weigh."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInput(f"Send multipart/form-data with the file in a field named “{field}”.")
    most = most_bytes + ENVELOPE_BYTES
    if announced(request) > most:
        raise _too_large(field, most)
    parser = MultiPartParser(request.headers, _capped(request, field, most), max_files=1, max_fields=MOST_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidInput(f"The form cannot be read: {error.message}") from None
    try:
        given = form.get(field)
        if not isinstance(given, UploadFile):
            raise InvalidInput(f"The file is missing: put it in a field named “{field}”.", param=field)
        yield given
    finally:
        await form.close()


async def _capped(request: Request, field: str, most: int) -> AsyncGenerator[bytes, None]:
    """The body as it arrives: nobody has to be believed about its length."""
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > most:
            raise _too_large(field, most)
        yield chunk


def _too_large(field: str, most: int) -> TooLarge:
    return TooLarge(f"The upload is larger than {most // MB} MB.", param=field)
