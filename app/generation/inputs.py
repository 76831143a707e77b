"""Uploaded files as inputs: a request may name only its own workspace's, and their length may be part of the price."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.files.store import Files, StoredFile
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.ids import is_id
from app.pricing.parameters import Kind, Meter, ParamSchema


def check_owned(files: Files, params: Mapping[str, Any], workspace_id: str) -> None:
    """Refuse an input file that is gone, or not this workspace's in the words of one that does not exist."""
    for name, value in params.items():
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, str) and is_id(item, "file"):
                found = _owned(files, item, workspace_id)
                if found is None:
                    raise InvalidInput(f"{name}: there is no file {item}. Upload it first.", param=name)
                if found.expired_at is not None:
                    raise InvalidInput(f"{name}: the content of {item} is gone. Upload it again.", param=name)


def lengths(files: Files, schema: ParamSchema, params: Mapping[str, Any]) -> dict[str, Decimal]:
    """Seconds of the uploaded inputs whose length is charged for, by parameter name."""
    found: dict[str, Decimal] = {}
    for parameter in schema.metered(Meter.SECOND):
        value = params.get(parameter.name)
        if parameter.kind is Kind.FILE and isinstance(value, str) and is_id(value, "file"):
            micros = files.find(value).duration_micros
            if micros is not None:
                found[parameter.name] = Decimal(micros).scaleb(-6)
    return found


def _owned(files: Files, file_id: str, workspace_id: str) -> StoredFile | None:
    try:
        found = files.find(file_id)
    except NotFound:
        return None
    return found if found.workspace_id == workspace_id else None
