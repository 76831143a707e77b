"""A billing key as a row, and what it may do in words: pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict

from app.kernel.text import t
from app.plans.keys import AREAS, EVERYTHING, PREFIX, BillingKey
from app.ui import present

#: What a new key may do: one of these, or `chosen` areas.
READING = ("*:read",)
WAYS = ("none", "read", "write")


class KeyRow(TypedDict):
    id: str
    name: str
    hint: str
    may: str
    created: str
    whole_created: str
    used: str
    state: str  # a kind of state dot
    word: str
    is_revoked: bool


def key_row(key: BillingKey, now: datetime) -> KeyRow:
    """One key as the list shows it."""
    word = _word(key, now)
    at = key.last_used_at
    used = t("keys.used.never") if at is None else t("keys.used.ago", age=present.age(at, now))
    return KeyRow(
        id=key.id,
        name=key.name,
        hint=f"{PREFIX}…{key.hint}",
        may=in_words(key.scopes),
        created=present.date(key.created_at),
        whole_created=present.full_moment(key.created_at),
        used=used,
        state={"revoked": "released", "expired": "released", "live": "done", "idle": "queued"}[word],
        word=t(f"keys.state.{word}"),
        is_revoked=key.revoked_at is not None,
    )


def in_words(scopes: Iterable[str]) -> str:
    """`Everything`, `Looking at everything`, or `Customers, Events (looking)`."""
    given = tuple(scopes)
    if given == EVERYTHING:
        return t("admin_billing_keys.may.all")
    if given == READING:
        return t("admin_billing_keys.may.read")
    return ", ".join(_area(*scope.split(":", 1)) for scope in given)


def scopes_of(may: str, chosen: Mapping[str, str]) -> tuple[str, ...]:
    """The scopes of the form: `all`, `read`, or what is `chosen` for each area."""
    if may == "all":
        return EVERYTHING
    if may == "read":
        return READING
    return tuple(f"{area}:{chosen[area]}" for area in AREAS if chosen.get(area) in WAYS[1:])


def _area(area: str, way: str) -> str:
    name = t("admin_billing_keys.area.everything") if area == "*" else t(f"admin_billing_keys.area.{area}")
    return name if way == "write" else t("admin_billing_keys.may.looking", area=name)


def _word(key: BillingKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "live" if key.last_used_at else "idle"
