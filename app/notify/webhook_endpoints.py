"""The endpoints of a workspace: made, changed, given a new secret, turned off and deleted.

A secret is shown when it is made and never again. After a rotation the old one signs as well for a day, so that a
receiver can be changed without losing a message.
"""

import base64
import secrets as randomness
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import events
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Broken, InvalidInput, LimitReached, NotFound
from app.kernel.events import Listeners
from app.kernel.ids import is_id, new_id
from app.kernel.secrets import Vault
from app.kernel.tables import webhook_listener
from app.notify.webhook_tables import webhook_delivery, webhook_endpoint
from app.notify.webhook_wire import Wire

ENABLED, DISABLED, DELETED = "enabled", "disabled", "deleted"
ENDPOINT, REQUEST = "endpoint", "request"
OWNER, FAILING, GONE = "owner", "failing", "gone"
WAITING, DROPPED = "waiting", "dropped"
MOST_ENDPOINTS = 20
LONGEST_DESCRIPTION = 120
OVERLAP = timedelta(hours=24)

#: A workspace, or None for the house itself, whose systems hear of its billing.
Owner = str | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as it is shown; `types` empty means every event."""

    id: str
    workspace_id: Owner
    kind: str
    url: str
    description: str
    types: tuple[str, ...]
    state: str
    disabled_reason: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    last_success_at: datetime | None
    previous_until: datetime | None
    created_at: datetime

    @property
    def is_enabled(self) -> bool:
        return self.state == ENABLED


class Endpoints:
    def __init__(self, db: Database, vault: Vault, wire: Wire, listeners: Listeners, now: Clock) -> None:
        self._db, self._vault, self._wire, self._listeners, self._now = db, vault, wire, listeners, now

    # --- looking

    def all(self, workspace_id: Owner) -> list[Endpoint]:
        """Newest first, without what was deleted."""
        query = select(webhook_endpoint).where(_of(workspace_id), webhook_endpoint.c.kind == ENDPOINT)
        with self._db.read() as connection:
            return [_seen(row) for row in connection.execute(query.order_by(webhook_endpoint.c.id.desc()))]

    def find(self, workspace_id: Owner, endpoint_id: str) -> Endpoint:
        """One of the workspace's; `NotFound` for any other."""
        with self._db.read() as connection:
            return _seen(_own(connection, workspace_id, endpoint_id))

    def request_endpoint(self, workspace_id: Owner) -> Endpoint | None:
        """What signs for addresses that requests name, once there is such a secret."""
        query = select(webhook_endpoint).where(_of(workspace_id), webhook_endpoint.c.kind == REQUEST)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _seen(row)

    # --- changing

    def create(
        self, workspace_id: Owner, url: str, *, types: Iterable[str] = (), description: str = ""
    ) -> tuple[Endpoint, str]:
        """A new endpoint and its secret, which is shown now or never."""
        chosen, words, checked = checked_types(types, workspace_id), described(description), self._wire.check(url)
        with self._db.write() as connection:
            if self._count(connection, workspace_id) >= MOST_ENDPOINTS:
                raise LimitReached(f"A workspace may have {MOST_ENDPOINTS} endpoints. Delete one that is not needed.")
            row, secret = self._insert(connection, workspace_id, ENDPOINT, checked, words, chosen)
            self._listen(connection, workspace_id)
        self._listeners.forget()
        return row, secret

    def change(
        self,
        workspace_id: Owner,
        endpoint_id: str,
        *,
        url: str | None = None,
        types: Iterable[str] | None = None,
        description: str | None = None,
    ) -> Endpoint:
        """Change what is given. What waits to be delivered goes to the address it was made for."""
        values: dict[str, Any] = {}
        if url is not None:
            values["url"] = self._wire.check(url)
        if types is not None:
            values["types"] = list(checked_types(types, workspace_id))
        if description is not None:
            values["description"] = described(description)
        with self._db.write() as connection:
            _own(connection, workspace_id, endpoint_id)
            self._update(connection, endpoint_id, **values)
            return _seen(_own(connection, workspace_id, endpoint_id))

    def rotate(self, workspace_id: Owner, endpoint_id: str) -> str:
        """A new secret, shown now or never; the old one signs as well until the overlap is over."""
        secret, until = new_secret(), self._now() + OVERLAP
        with self._db.write() as connection:
            row = _own(connection, workspace_id, endpoint_id)
            sealed = self._vault.seal(secret)
            self._update(connection, endpoint_id, secret=sealed, previous_secret=row.secret, previous_until=until)
        return secret

    def request_secret(self, workspace_id: Owner) -> str:
        """A (new) secret for what requests ask to be told at an address of their own; shown now or never."""
        known = self.request_endpoint(workspace_id)
        if known is not None:
            return self.rotate(workspace_id, known.id)
        with self._db.write() as connection:
            _, secret = self._insert(connection, workspace_id, REQUEST, "", "", ())
        return secret

    def enable(self, workspace_id: Owner, endpoint_id: str) -> Endpoint:
        """Send again what happens from now on."""
        values = {"state": ENABLED, "disabled_reason": None, "disabled_at": None, "failing_since": None}
        with self._db.write() as connection:
            _own(connection, workspace_id, endpoint_id)
            self._update(connection, endpoint_id, **values)
            self._listen(connection, workspace_id)
            found = _seen(_own(connection, workspace_id, endpoint_id))
        self._listeners.forget()
        return found

    def disable(self, workspace_id: Owner, endpoint_id: str) -> Endpoint:
        """Send nothing more; what was waiting is dropped and can be replayed."""
        with self._db.write() as connection:
            _own(connection, workspace_id, endpoint_id)
            turn_off(connection, endpoint_id, OWNER, self._now())
            self._listen(connection, workspace_id)
            found = _seen(_own(connection, workspace_id, endpoint_id))
        self._listeners.forget()
        return found

    def delete(self, workspace_id: Owner, endpoint_id: str) -> None:
        """It is gone from the list and gets nothing more; its log stays until it is old."""
        with self._db.write() as connection:
            _own(connection, workspace_id, endpoint_id)
            turn_off(connection, endpoint_id, OWNER, self._now(), state=DELETED)
            self._listen(connection, workspace_id)
        self._listeners.forget()

    # --- for those who send

    def request_row(self, connection: Connection, workspace_id: Owner) -> Row[Any]:
        """What signs for addresses that requests name, made in this transaction if there is none."""
        query = select(webhook_endpoint).where(_of(workspace_id), webhook_endpoint.c.kind == REQUEST)
        found = connection.execute(query).first()
        if found is None:
            self._insert(connection, workspace_id, REQUEST, "", "", ())
            found = connection.execute(query).one()
        return found

    def secrets_of(self, row: Any, now: datetime) -> list[str]:
        """What signs a message to this endpoint at the moment, the newest first."""
        both = row.previous_secret is not None and row.previous_until is not None and now < row.previous_until
        return [self._vault.open(sealed) for sealed in (row.secret, *([row.previous_secret] if both else []))]

    # --- small ones

    def _insert(
        self, connection: Connection, workspace_id: Owner, kind: str, url: str, description: str, types: tuple[str, ...]
    ) -> tuple[Endpoint, str]:
        secret, now = new_secret(), self._now()
        endpoint_id = new_id("whe")
        row = {
            "id": endpoint_id,
            "workspace_id": workspace_id,
            "kind": kind,
            "url": url,
            "description": description,
            "types": list(types),
            "secret": self._vault.seal(secret),
            "state": ENABLED,
            "created_at": now,
            "updated_at": now,
        }
        connection.execute(insert(webhook_endpoint).values(row))
        return _seen(_own(connection, workspace_id, endpoint_id)), secret

    def _update(self, connection: Connection, endpoint_id: str, **values: Any) -> None:
        mine = update(webhook_endpoint).where(webhook_endpoint.c.id == endpoint_id)
        connection.execute(mine.values(updated_at=self._now(), **values))

    def _count(self, connection: Connection, workspace_id: Owner) -> int:
        query = select(func.count()).where(_of(workspace_id), webhook_endpoint.c.kind == ENDPOINT)
        return int(connection.execute(query).scalar_one())

    def _listen(self, connection: Connection, workspace_id: Owner) -> None:
        """Keep the kernel's list of who listens, in the transaction that changes it."""
        listen(connection, workspace_id, self._now())


def listen(connection: Connection, workspace_id: Owner, now: datetime) -> None:
    """Whether this workspace listens: it has an endpoint that is on."""
    on = select(webhook_endpoint.c.id).where(
        _of(workspace_id), webhook_endpoint.c.kind == ENDPOINT, webhook_endpoint.c.state == ENABLED
    )
    listener = events.HOUSE if workspace_id is None else workspace_id
    if connection.execute(on.limit(1)).first() is None:
        connection.execute(delete(webhook_listener).where(webhook_listener.c.workspace_id == listener))
        return
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(made(webhook_listener).values(workspace_id=listener, since=now).on_conflict_do_nothing())


def turn_off(connection: Connection, endpoint_id: str, reason: str, now: datetime, *, state: str = DISABLED) -> bool:
    """Off, and what was waiting for it dropped; False when it was off already."""
    mine = update(webhook_endpoint).where(webhook_endpoint.c.id == endpoint_id, webhook_endpoint.c.state != state)
    done = connection.execute(mine.values(state=state, disabled_reason=reason, disabled_at=now, updated_at=now))
    waiting = update(webhook_delivery).where(
        webhook_delivery.c.endpoint_id == endpoint_id, webhook_delivery.c.state == WAITING
    )
    connection.execute(waiting.values(state=DROPPED, finished_at=now))
    return done.rowcount == 1


def checked_types(given: Iterable[str], owner: Owner) -> tuple[str, ...]:
    """Names of events in their usual order; all of them is the same as none chosen."""
    chosen, known = set(given), events.BILLING_TYPES if owner is None else events.TYPES
    if unknown := chosen - set(known):
        raise InvalidInput(f"There is no event {sorted(unknown)[0]!r}. Known: {', '.join(known)}.", param="types")
    return () if chosen == set(known) else tuple(name for name in known if name in chosen)


def new_secret() -> str:
    """32 random bytes the way Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(randomness.token_bytes(32)).decode()


def described(text: str) -> str:
    """One line of words; `InvalidInput` "description" for what is too long or cannot be shown."""
    tidy = " ".join(text.split())
    if len(tidy) > LONGEST_DESCRIPTION or not tidy.isprintable():
        raise InvalidInput(f"A description has at most {LONGEST_DESCRIPTION} characters.", param="description")
    return tidy


def _of(workspace_id: Owner) -> Any:
    return (webhook_endpoint.c.workspace_id == workspace_id) & (webhook_endpoint.c.state != DELETED)


def _own(connection: Connection, workspace_id: Owner, endpoint_id: str) -> Row[Any]:
    query = select(webhook_endpoint).where(_of(workspace_id), webhook_endpoint.c.id == endpoint_id)
    row = connection.execute(query).first() if is_id(endpoint_id, "whe") else None
    if row is None:
        raise NotFound(f"There is no webhook endpoint {endpoint_id[:64]}.", code="endpoint_not_found")
    return row


def _seen(row: Any) -> Endpoint:
    known = row._mapping
    values = {name: known[name] for name in Endpoint.__dataclass_fields__}
    if not isinstance(values["types"], list):
        raise Broken(f"The events of {row.id} cannot be read.")
    return Endpoint(**{**values, "types": tuple(values["types"])})
