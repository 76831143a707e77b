"""A key as a row, and the example that shows how to use a new one: pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from app.accounts.keys import PREFIX, KeyInfo
from app.kernel.text import t
from app.ui import present

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


def key_row(key: KeyInfo, names: Mapping[str, str], now: datetime) -> KeyRow:
    """One key; `names` are the workspace's people by id."""
    word = "revoked" if key.is_revoked else "live" if key.last_used_at else "idle"
    return KeyRow(
        id=key.id,
        name=key.name,
        hint=f"{PREFIX}…{key.hint}",
        created_by=names.get(key.created_by, present.NOTHING),
        created=present.date(key.created_at),
        whole_created=present.full_moment(key.created_at),
        used=_used(key.last_used_at, now),
        whole_used=present.full_moment(key.last_used_at) if key.last_used_at else "",
        state={"revoked": "released", "live": "done", "idle": "queued"}[word],
        word=t(f"keys.state.{word}"),
        is_revoked=key.is_revoked,
    )


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
