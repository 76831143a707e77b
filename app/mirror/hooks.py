"""What the remote tells us: verified on the raw bytes, written down before it is answered, looked into by a chore.

A webhook is only a hint that something there is worth a look: what it says of amounts and states is asked for again
through the SDK. Nothing it says moves a credit here.
"""

import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from standardwebhooks import Webhook

from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotFound
from app.mirror.amounts import Amounts
from app.mirror.book import FAILED, SUBSCRIPTION, WAITING
from app.mirror.remote import Refused, Remote, Unreachable
from app.mirror.tables import mirror_hook, mirror_item

DONE, IGNORED = "done", "ignored"
MOST_BYTES: Final = 256 * 1024
LONGEST_ID: Final = 255
SKEW_SECONDS: Final = 300
GIVES_UP: Final = 8
AT_ONCE: Final = 100
KEPT_FOR: Final = timedelta(days=30)
#: Standard Webhooks' names and those that Svix, through which Flexprice sends, gives the same things.
HEADERS: Final = ("id", "timestamp", "signature")
PREFIXES: Final = ("webhook-", "svix-")
#: What is looked into; the rest is kept as it came.
USED: Final = ("invoice.", "subscription.")
_HOOK = mirror_hook.c
log = logging.getLogger(__name__)


class BadSignature(InvalidInput):
    """Not signed by a secret of ours, or not now."""

    code = "bad_signature"


@dataclass(frozen=True, slots=True)
class Told:
    """A verified message. `message_id` is the same at every repetition."""

    message_id: str
    type: str
    body: str


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> Told:
    """The message in signed bytes. `BadSignature`, or `InvalidInput` for signed bytes that say nothing."""
    named = _headers(headers)
    _check_age(named["webhook-timestamp"], now)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidInput("The body is not UTF-8 text.", code="bad_body") from None
    if not any(_signed(text, named, secret) for secret in secrets):
        raise BadSignature("The signature does not fit the body.")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("The body is not JSON.", code="bad_body") from None
    type_ = said.get("event_type") or said.get("type") if isinstance(said, dict) else None
    if not isinstance(type_, str) or not 0 < len(type_) <= LONGEST_ID or not type_.isprintable():
        raise InvalidInput("The body does not say what happened.", code="bad_body")
    return Told(named["webhook-id"], type_, text.replace("\0", ""))


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    for prefix in PREFIXES:
        found = {f"webhook-{name}": given.get(f"{prefix}{name}") or "" for name in HEADERS}
        if all(found.values()):
            if len(found["webhook-id"]) > LONGEST_ID or not found["webhook-id"].isprintable():
                break
            return found
    raise BadSignature("The headers webhook-id, webhook-timestamp and webhook-signature are missing.")


def _check_age(stamp: str, now: datetime) -> None:
    if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 15:
        raise BadSignature("The timestamp is none.")
    if abs(int(stamp) - now.timestamp()) > SKEW_SECONDS:
        raise BadSignature("The signature is too old, or from the future.", code="stale_signature")


def _signed(text: str, headers: dict[str, str], secret: str) -> bool:
    """By the library, all but the age, which is judged by our clock. It compares in constant time."""
    hook = Webhook(secret)
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    expected = hook.sign(msg_id=headers["webhook-id"], timestamp=at, data=text).encode()
    return any(hmac.compare_digest(expected, given.encode()) for given in headers["webhook-signature"].split(" "))


@dataclass(frozen=True, slots=True)
class Hooks:
    """`accept` writes a message down; `run` looks into what is due and stops at the first `Unreachable`."""

    db: Database
    remote: Remote
    amounts: Amounts
    clock: Clock

    def run(self) -> int:
        """Look into what is due; how many that were."""
        with self.db.read() as connection:
            due = select(mirror_hook).where(_HOOK.state == WAITING, _HOOK.next_at <= self.clock())
            rows = connection.execute(due.order_by(_HOOK.received_at, _HOOK.message_id).limit(AT_ONCE)).all()
        for row in rows:
            self._look(row)
        return len(rows)

    def _look(self, row: Row[Any]) -> None:
        try:
            state, outcome = DONE, self._into(row)
        except Unreachable:
            raise
        except Exception as error:  # whatever it is, the messages behind it are looked into
            if not isinstance(error, Refused):
                log.exception("the message %s cannot be looked into", row.message_id)
            said = error.message if isinstance(error, Refused) else type(error).__name__
            state, outcome = (FAILED if row.attempts + 1 >= GIVES_UP else WAITING), said
        now = self.clock()
        values = {"state": state, "outcome": outcome, "attempts": row.attempts + 1}
        values |= {"next_at": now + outbox.backoff(row.attempts + 1), "done_at": None if state == WAITING else now}
        with self.db.write() as connection:
            connection.execute(update(mirror_hook).where(_HOOK.message_id == row.message_id).values(**values))

    def _into(self, row: Row[Any]) -> str:
        kind = row.type.partition(".")[0]
        remote_id = _about(json.loads(row.body), kind)
        if remote_id is None:
            return "it names nothing"
        if kind == "invoice":
            return self.amounts.invoice(remote_id)
        found = self.remote.subscription(remote_id)
        if found is None:
            return "there is no such subscription there"
        with self.db.write() as connection:
            item = mirror_item.c
            mine = update(mirror_item).where(item.kind == SUBSCRIPTION, item.remote_id == remote_id)
            known = connection.execute(mine.values(remote_state=found.state)).rowcount
        return f"it is {found.state} there" if known else "it is none of ours"


def accept(connection: Connection, told: Told, now: datetime) -> bool:
    """Write a message down; False when it is known, and then nothing changes."""
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    used = told.type.startswith(USED)
    row = {
        "message_id": told.message_id, "type": told.type, "body": told.body, "state": WAITING if used else IGNORED,
        "attempts": 0, "next_at": now, "received_at": now, "done_at": None if used else now,
    }  # fmt: skip
    new = made(mirror_hook).values(row).on_conflict_do_nothing(index_elements=["message_id"])
    return connection.execute(new.returning(_HOOK.message_id)).first() is not None


def again(connection: Connection, message_id: str, now: datetime) -> None:
    """Look into a message once more; `NotFound` for one that is not known."""
    fresh = update(mirror_hook).where(_HOOK.message_id == message_id)
    if not connection.execute(fresh.values(state=WAITING, attempts=0, next_at=now, done_at=None)).rowcount:
        raise NotFound("There is no such message.", code="mirror_hook_not_found")


def forget(connection: Connection, now: datetime) -> int:
    """Delete what was dealt with long ago; what failed stays."""
    old = delete(mirror_hook).where(_HOOK.state.in_((DONE, IGNORED)), _HOOK.received_at < now - KEPT_FOR)
    return connection.execute(old).rowcount


def _about(body: Mapping[str, Any], kind: str) -> str | None:
    """The id of the thing a message is about: beside its name, under `data`, or by itself."""
    inside = body.get("data")
    for where in (body, inside if isinstance(inside, dict) else {}):
        thing = where.get(kind)
        found = thing.get("id") if isinstance(thing, dict) else where.get(f"{kind}_id")
        if isinstance(found, str) and 0 < len(found) <= LONGEST_ID:
            return found
    found = inside.get("id") if isinstance(inside, dict) else None
    return found if isinstance(found, str) and 0 < len(found) <= LONGEST_ID else None
