"""A key as a row, and the example that shows how to use a new one: pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from app.accounts.allowances import Allowance
from app.accounts.keys import PREFIX, KeyInfo
from app.generation.spend import Used
from app.kernel.money import Money
from app.kernel.text import t
from app.ui import present
from app.ui.allowance_form import in_words

JUST_NOW = timedelta(minutes=2)


class KeyRow(TypedDict):
    id: str
    name: str
    hint: str
    created_by: str
    created: str
    whole_created: str
    used: str
    whole_used: str
    state: str  # a kind of state dot
    word: str
    is_revoked: bool
    spent: str  # this month
    budget: str  # " of 500" where there is one
    is_spent: bool
    limits: str
    ends: str


def key_row(
    key: KeyInfo,
    names: Mapping[str, str],
    now: datetime,
    allowance: Allowance | None = None,
    used: Used | None = None,
) -> KeyRow:
    """One key; `names` are the workspace's people by id."""
    word = _word(key, now)
    allowance, used = allowance or Allowance(), used or Used()
    month, day = allowance.credits_per_month_micros, allowance.credits_per_day_micros
    spent, limit = (used.day_micros, day) if month is None and day is not None else (used.month_micros, month)
    return KeyRow(
        id=key.id,
        name=key.name,
        hint=f"{PREFIX}…{key.hint}",
        created_by=names.get(key.created_by, present.NOTHING),
        created=present.date(key.created_at),
        whole_created=present.full_moment(key.created_at),
        used=_used(key.last_used_at, now),
        whole_used=present.full_moment(key.last_used_at) if key.last_used_at else "",
        state={"revoked": "released", "expired": "released", "live": "done", "idle": "queued"}[word],
        word=t(f"keys.state.{word}"),
        is_revoked=key.is_revoked,
        spent=present.credits(Money(spent)),
        budget="" if limit is None else t("keys.of", budget=present.credits(Money(limit))),
        is_spent=limit is not None and spent >= limit,
        limits="" if allowance.is_open else in_words(allowance),
        ends=_ends(key, now),
    )


def _word(key: KeyInfo, now: datetime) -> str:
    if key.is_revoked:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "live" if key.last_used_at else "idle"


def _ends(key: KeyInfo, now: datetime) -> str:
    """When it ends, and while the secret before a rotation goes on working."""
    said = []
    if key.expires_at is not None:
        said.append(t("keys.ends", day=present.date(key.expires_at - timedelta(seconds=1))))
    if key.previous_until is not None and key.previous_until > now:
        said.append(t("keys.old_until", moment=present.moment(key.previous_until, now)))
    return " · ".join(said)


def _used(at: datetime | None, now: datetime) -> str:
    if at is None:
        return t("keys.used.never")
    return t("keys.used.now") if now - at < JUST_NOW else t("keys.used.ago", age=present.age(at, now))


def sorted_keys(keys: Sequence[KeyInfo], *, with_revoked: bool) -> list[KeyInfo]:
    """Those in use first, newest first among them."""
    return sorted((key for key in keys if with_revoked or not key.is_revoked), key=lambda key: key.is_revoked)


def curl_example(base_url: str, secret: str, model: str) -> str:
    """What to paste into a terminal to see the key work, without spending anything."""
    body = json.dumps({"model": model, "input": {"prompt": t("keys.made.prompt")}}, ensure_ascii=False)
    return "\n".join(
        [
            f"curl '{base_url}/v1/generations?dryRun=true' \\",
            f"  -H 'Authorization: Bearer {secret}' \\",
            "  -H 'Content-Type: application/json' \\",
            f"  -d '{body}'",
        ]
    )
