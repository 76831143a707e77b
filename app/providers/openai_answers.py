"""What OpenAI-compatible hosts answer: usage in its several spellings, outputs, and what was really used."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from app.providers import usage
from app.providers.port import RemoteFile

#: Where an event or an answer may keep its usage; the Responses dialect has it one level down.
HOLDERS = ("response", "message")
IMAGE_MIMES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "svg": "image/svg+xml",
}
#: Codes and types by which such hosts say that our own account is empty, whatever the status.
OUR_ACCOUNT = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"}
)
FILTERED = frozenset({"content_policy_violation", "moderation_blocked", "content_filter", "safety_violation"})


def explain(payload: Any) -> str | None:
    """The sentence of an error body: OpenAI's envelope, or the plainer ones of hosts that imitate it."""
    error = payload.get("error") if isinstance(payload, dict) else None
    if isinstance(error, dict):
        said = error.get("message")
    else:
        said = error or (payload.get("message") or payload.get("detail") if isinstance(payload, dict) else None)
    return said if isinstance(said, str) else None


def meaning(payload: Any) -> str | None:
    """What a refusal means where its status misleads: a 429 may be our own empty account, a 400 a content filter."""
    error = payload.get("error") if isinstance(payload, dict) else None
    if not isinstance(error, dict):
        return None
    words = {str(error.get("code")).casefold(), str(error.get("type")).casefold()}
    if words & OUR_ACCOUNT:
        return "provider_out_of_credit"
    return "content_policy_violation" if words & FILTERED else None


def is_chunk(event: Mapping[str, Any]) -> bool:
    """Whether what is read of an event further on is what it should be; where there is nothing, nothing is wrong."""
    choices = event.get("choices") or []
    return isinstance(choices, list) and all(isinstance(one, dict) and _is_delta(one.get("delta")) for one in choices)


def _is_delta(delta: Any) -> bool:
    if not isinstance(delta, dict):
        return delta is None
    calls = delta.get("tool_calls") or []
    if not isinstance(calls, list):
        return False
    return all(isinstance(one, dict) and isinstance(one.get("function") or {}, dict) for one in calls)


def reported(payload: Any) -> dict[str, Decimal] | None:
    """The usage an answer or an event tells, None when it tells none. An explicit zero is told."""
    if not isinstance(payload, dict):
        return None
    told = payload.get("usage")
    if not isinstance(told, dict):
        inner = next((payload[name] for name in HOLDERS if isinstance(payload.get(name), dict)), None)
        told = inner.get("usage") if inner else None
    return _usage(told) or None if isinstance(told, dict) else None


def _usage(told: Mapping[str, Any]) -> dict[str, Decimal]:
    if told.get("type") == "duration" or "seconds" in told:
        seconds = figure(told.get("seconds"))
        return {} if seconds is None else {"seconds": seconds}
    taken, made = _first(told, "prompt_tokens", "input_tokens"), _first(told, "completion_tokens", "output_tokens")
    inside = _details(told, "prompt_tokens_details", "input_tokens_details", "input_token_details")
    outside = _details(told, "completion_tokens_details", "output_tokens_details", "output_token_details")
    cached, seen, drawn = (
        figure(part) for part in (inside.get("cached_tokens"), inside.get("image_tokens"), outside.get("image_tokens"))
    )
    if made is None and taken is not None and (total := figure(told.get("total_tokens"))) is not None:
        made = _less(total, taken)  # an embedding gives only what went in and the total
    found = {
        "input_tokens": _less(taken, cached, seen),
        "cached_input_tokens": cached,
        "image_input_tokens": seen,
        "output_tokens": _less(made, drawn),
        "image_output_tokens": drawn,
    }
    return {name: amount for name, amount in found.items() if amount is not None}


def figure(value: Any) -> Decimal | None:
    """A non-negative figure; a float by its shortest text, which is what the host wrote."""
    return usage.number(str(value) if isinstance(value, float) else value)


def resolved(body: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as really used: an image asked for in quality `auto` came in one of the others."""
    return usage.resolved(body)


def files(body: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    """Every picture of an answer, by address or as the `data:` URL of what came inside it."""
    mime = IMAGE_MIMES.get(str(body.get("output_format") or "png"))
    width, height = _size(body.get("size"))
    data = body.get("data")
    return tuple(
        RemoteFile(url, mime, width, height)
        for item in (data if isinstance(data, list) else ())
        for url in _url(item, mime)
    )


def _url(item: Any, mime: str | None) -> Iterator[str]:
    if not isinstance(item, dict):
        return
    if isinstance(item.get("b64_json"), str) and item["b64_json"]:
        yield f"data:{mime or 'image/png'};base64,{item['b64_json']}"
    elif usage.is_file_url(item.get("url")):
        yield item["url"]


def _size(said: Any) -> tuple[int | None, int | None]:
    width, _, height = said.partition("x") if isinstance(said, str) else ("", "", "")
    return (int(width), int(height)) if width.isdecimal() and height.isdecimal() else (None, None)


def _first(told: Mapping[str, Any], *names: str) -> Decimal | None:
    return next((amount for name in names if (amount := figure(told.get(name))) is not None), None)


def _details(told: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    return next((told[name] for name in names if isinstance(told.get(name), dict)), {})


def _less(total: Decimal | None, *parts: Decimal | None) -> Decimal | None:
    """A class without those that are counted apart."""
    return None if total is None else max(total - sum((part for part in parts if part), Decimal(0)), Decimal(0))
