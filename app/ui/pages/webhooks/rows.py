"""An endpoint, a delivery and its attempts as rows of text: pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from app.kernel import events
from app.kernel.text import t
from app.notify.webhook_endpoints import Endpoint
from app.notify.webhooks import STATES
from app.ui import present

ALL = "all"
#: A state of a delivery as a kind of state dot.
DOTS = {"waiting": "queued", "delivered": "done", "failed": "failed", "dropped": "released"}


class EndpointRow(TypedDict):
    id: str
    url: str
    description: str
    types: str
    state: str
    word: str
    why: str
    last: str
    whole_last: str
    is_on: bool
    rotating: str


class DeliveryRow(TypedDict):
    id: str
    type: str
    url: str
    state: str
    word: str
    answer: str
    attempts: str
    time: str
    whole_time: str
    again: bool


class AttemptRow(TypedDict):
    number: str
    time: str
    answer: str
    good: bool
    took: str
    address: str
    error: str
    request: str
    response: str


class Choice(TypedDict):
    value: str
    label: str


class EventRow(TypedDict):
    name: str
    says: str
    chosen: bool


def endpoint_row(one: Endpoint, now: datetime) -> EndpointRow:
    failing = one.is_enabled and one.failing_since is not None
    state = "failing" if failing else "on" if one.is_enabled else "off"
    rotating = one.previous_until is not None and now < one.previous_until
    return EndpointRow(
        id=one.id,
        url=one.url,
        description=one.description,
        types=t("webhooks.types.all") if not one.types else _types(one.types),
        state={"failing": "failed", "on": "done", "off": "released"}[state],
        word=t(f"webhooks.state.{state}"),
        why=_why(one, now),
        last=t("webhooks.last.ago", age=present.age(one.last_success_at, now))
        if one.last_success_at
        else t("webhooks.last.never"),
        whole_last=present.full_moment(one.last_success_at) if one.last_success_at else "",
        is_on=one.is_enabled,
        rotating=t("webhooks.rotating", until=present.moment(one.previous_until, now))
        if rotating and one.previous_until
        else "",
    )


def _types(types: Sequence[str]) -> str:
    return types[0] if len(types) == 1 else t("webhooks.types.some", count=len(types))


def _why(one: Endpoint, now: datetime) -> str:
    if not one.is_enabled:
        return t(f"webhooks.why.{one.disabled_reason or 'owner'}")
    return t("webhooks.why.since", age=present.age(one.failing_since, now)) if one.failing_since else ""


def delivery_row(row: Any, now: datetime) -> DeliveryRow:
    """One line of the log."""
    return DeliveryRow(
        id=row.id,
        type=row.type,
        url=row.url,
        state=DOTS[row.state],
        word=t(f"webhooks.delivery.{row.state}"),
        answer=_answer(row.status, row.error),
        attempts=present.count(row.attempts),
        time=present.moment(row.created_at, now),
        whole_time=present.full_moment(row.created_at),
        again=row.replay > 0,
    )


def attempt_row(row: Any, body: str, url: str, now: datetime) -> AttemptRow:
    """One attempt, the request and the answer written as they went over the wire."""
    status = t("webhooks.answered", status=row.status) if row.status else t("webhooks.no_answer")
    return AttemptRow(
        number=t("webhooks.attempt", number=row.number),
        time=present.full_moment(row.started_at),
        answer=status,
        good=row.status is not None and 200 <= row.status < 300,
        took=t("webhooks.took", milliseconds=present.count(row.milliseconds)),
        address=row.address or "",
        error=row.error or "",
        request=_on_the_wire(f"POST {url}", row.request_headers, pretty(body)),
        response=_on_the_wire(status, row.response_headers, row.response_body or "") if row.status else "",
    )


def _on_the_wire(first: str, headers: Mapping[str, str], body: str) -> str:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join([*lines, "", body] if body else lines)


def pretty(body: str) -> str:
    """The same JSON with its lines indented, for reading."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _answer(status: int | None, error: str | None) -> str:
    return str(status) if status is not None else error or ""


def state_choices() -> list[Choice]:
    return [
        {"value": ALL, "label": t("webhooks.filter.any_state")},
        *(Choice(value=name, label=t(f"webhooks.delivery.{name}")) for name in STATES),
    ]


def type_choices() -> list[Choice]:
    names: list[Choice] = [{"value": name, "label": name} for name in (*events.TYPES, events.TEST)]
    return [{"value": ALL, "label": t("webhooks.filter.any_type")}, *names]


def endpoint_choices(endpoints: Sequence[Endpoint]) -> list[Choice]:
    return [
        {"value": ALL, "label": t("webhooks.filter.any_endpoint")},
        *(Choice(value=one.id, label=one.description or one.url) for one in endpoints),
    ]


def event_rows(chosen: Sequence[str]) -> list[EventRow]:
    """Every event with a sentence, ticked where it is chosen."""
    return [
        EventRow(name=name, says=t(f"webhooks.event.{name.replace('.', '_')}"), chosen=name in chosen)
        for name in events.TYPES
    ]
