"""What a media request carries: fields, from JSON or a form, and files, from a form or written out as `data:` in JSON.

A form's fields may be named like `timestamp_granularities[]` (a list) or `input_reference[image_url]` (an object), as
the SDKs write them. Files are kept as the workspace's uploads before anything is priced, because the price may depend
on what is in them; when nothing came of the request they are let go.
"""

import asyncio
import base64
import binascii
import re
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.api.forms import announced
from app.api.gateway import common
from app.files.keeping import MB
from app.files.store import Files, TooLarge
from app.kernel.errors import InvalidInput

MOST_JSON_BYTES = 48 * MB  # pictures may travel inside it
MOST_FORM_BYTES = 128 * MB
MOST_FILES, MOST_FIELDS, MOST_FIELD_BYTES = 20, 200, 16 * MB
_NAME = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?")
_DATA_URL = re.compile(r"data:[\w.+-]*/?[\w.+-]*(?:;[\w.+-]+=[^;,]*)*;base64,", re.ASCII)


@dataclass
class Body:
    """`fields` as the route reads them; a file in them is an `UploadFile`."""

    fields: dict[str, Any]


@asynccontextmanager
async def read(request: Request) -> AsyncIterator[Body]:
    """The fields and files of a JSON object or a form, within bounds."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        yield Body((await common.sized_body(request, MOST_JSON_BYTES))[0])
        return
    request.state.billable = True
    if announced(request) > MOST_FORM_BYTES:
        raise _too_large()
    parser = MultiPartParser(
        request.headers,
        _capped(request),
        max_files=MOST_FILES,
        max_fields=MOST_FIELDS,
        max_part_size=MOST_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The form cannot be read: {getattr(error, 'message', 'it is damaged')}") from None
    try:
        fields = _fields(form.multi_items())
        common.note_model(request, fields)
        yield Body(fields)
    finally:
        await form.close()


async def _capped(request: Request) -> AsyncGenerator[bytes, None]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > MOST_FORM_BYTES:
            raise _too_large()
        yield chunk


def _too_large() -> TooLarge:
    return TooLarge(f"The form is larger than {MOST_FORM_BYTES // MB} MB.")


def _fields(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """`a[]` gathers a list, `a[b]` an object; a plain name that repeats becomes a list too."""
    found: dict[str, Any] = {}
    for written, value in items:
        if isinstance(value, str) and "\0" in value:
            raise InvalidInput("The form cannot be read.")
        match = _NAME.fullmatch(written)
        if match is None:
            raise InvalidInput(f"The form has a field that cannot be read: {written[:60]!r}.")
        name, inner = match.groups()
        before = found.get(name)
        if inner:
            found[name] = {**(before if isinstance(before, dict) else {}), inner: value}
        elif inner is not None or before is not None:
            found[name] = [*(before if isinstance(before, list) else [] if before is None else [before]), value]
        else:
            found[name] = value
    return found


# --- files


@dataclass
class Inputs:
    """The files of one request, kept as uploads. `digests` are their contents' hashes by id."""

    files: Files
    workspace_id: str
    digests: dict[str, str] = field(default_factory=dict)

    async def reference(self, value: Any, name: str) -> str:
        """What a parameter takes for a file given in any of the ways there are: an id of ours, or an https address."""
        if isinstance(value, Mapping):
            value = value.get("image_url") or value.get("file_id") or value.get("url")
            value = value.get("url") if isinstance(value, Mapping) else value
        if isinstance(value, UploadFile):
            return await asyncio.to_thread(self._keep, value.file)
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"{name} is a file, an address (https://…) or the id of an upload.", param=name)
        if value.startswith("data:"):
            return await asyncio.to_thread(self._decode, value, name)
        return value

    async def references(self, value: Any, name: str) -> list[str]:
        """As `reference`, for one or many."""
        listed = value if isinstance(value, list) else [value]
        return [await self.reference(one, name) for one in listed]

    async def forget(self) -> None:
        """Nothing came of the request, or it was a repetition: its files are let go."""
        for file_id in self.digests:
            await asyncio.to_thread(self.files.delete, file_id)

    def identity(self, given: Any) -> Any:
        """`given` with every file of this request named by its content: the same again for a repetition."""
        if isinstance(given, Mapping):
            return {name: self.identity(value) for name, value in given.items()}
        if isinstance(given, list):
            return [self.identity(value) for value in given]
        return f"sha256:{self.digests[given]}" if isinstance(given, str) and given in self.digests else given

    def _keep(self, source: BinaryIO) -> str:
        path = self.files.incoming()
        source.seek(0)
        with path.open("wb") as target:
            shutil.copyfileobj(source, target, MB)
        row = self.files.keep_upload(path, workspace_id=self.workspace_id)
        self.digests[row.id] = row.sha256
        return row.id

    def _decode(self, url: str, name: str) -> str:
        match = _DATA_URL.match(url)
        if match is None:
            raise InvalidInput(f"{name}: a data: address is written data:image/png;base64,…", param=name)
        try:
            content = base64.b64decode(url[match.end() :], validate=True)
        except binascii.Error:
            raise InvalidInput(f"{name}: what stands after base64, cannot be decoded.", param=name) from None
        path = self.files.incoming()
        path.write_bytes(content)
        row = self.files.keep_upload(path, workspace_id=self.workspace_id)
        self.digests[row.id] = row.sha256
        return row.id
