"""What a webhook says: `{"type", "timestamp", "data"}`, and the shape that clients of the videos API know."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.generation.views import Seen
from app.kernel import events
from app.kernel.clock import as_utc
from app.kernel.fiat import Fiat
from app.kernel.money import Money, plain

#: A generation as the API answers it.
Describe = Callable[[Seen], Mapping[str, Any]]

VIDEOS = "videos"
VIDEO_TYPES = {
    events.GENERATION_COMPLETED: "video.completed",
    events.GENERATION_FAILED: "video.failed",
    events.GENERATION_CANCELED: "video.cancelled",
}
VIDEO_STATUS = {"completed": "completed", "failed": "failed", "canceled": "cancelled"}


def body(type_: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The bytes that are signed and sent, the same at every attempt."""
    said = {"type": type_, "timestamp": as_utc(at).isoformat().replace("+00:00", "Z"), "data": written(data)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def announced(type_: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The same for the house's endpoints: `event_type` beside the thing it is about, by its name."""
    moment = as_utc(at).isoformat().replace("+00:00", "Z")
    said = {"event_type": type_, "timestamp": moment, **written(data)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def video(type_: str, at: datetime, generation: Mapping[str, Any]) -> tuple[str, str]:
    """Type and body for whoever named an address in a request for a video; from the API's own words about it."""
    outputs = generation["output"]
    data = {
        "object": "video.generation",
        "id": generation["id"],
        "model": generation["model"],
        "status": VIDEO_STATUS.get(generation["status"], "failed"),
        "output": {"url": outputs[0]["url"]} if outputs else None,
        "error": generation["error"],
        "metadata": generation["metadata"],
    }
    named = VIDEO_TYPES[type_]
    return named, body(named, at, data)


def written(value: Any) -> Any:
    """As JSON: credits as a number, money with its currency, moments in UTC."""
    if isinstance(value, Mapping):
        return {str(name): written(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [written(item) for item in value]
    if isinstance(value, Fiat):
        return {"amount": f"{value.amount:f}", "currency": value.currency, "minor": value.minor}
    if isinstance(value, Money | Decimal):
        return _number(value.amount if isinstance(value, Money) else value)
    if isinstance(value, datetime):
        return as_utc(value).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _number(exact: Decimal) -> int | float:
    return int(exact) if exact == exact.to_integral_value() else float(plain(exact))
