"""Saved cards as rows: known, usable, gone. Within the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from app.kernel.errors import Conflict, NotFound
from app.kernel.ids import new_id
from app.payments import rows
from app.payments.card_tables import saved_card
from app.payments.stripe_charges import SeenCard
from app.payments.topup_rows import card_text

ACTIVE, BLOCKED, REMOVED = "active", "blocked", "removed"
#: Why a card is not charged any more.
BY_OWNER, AT_PROVIDER, CUSTOMER_DELETED, DISPUTED = "by_owner", "at_provider", "customer_deleted", "disputed"
MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card as its owner sees it. Only an `active` one is charged."""

    id: str
    workspace_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    country: str | None
    state: str
    why: str
    created_at: datetime

    @property
    def text(self) -> str:
        """`Visa 4242`."""
        return card_text(self.brand, self.last4)

    @property
    def is_active(self) -> bool:
        return self.state == ACTIVE

    def is_expired(self, now: datetime) -> bool:
        """A card is good until the end of its month."""
        return (self.exp_year, self.exp_month) < (now.year, now.month)


def find(connection: Connection, card_id: str) -> SavedCard | None:
    row = by_id(connection, card_id)
    return None if row is None else view(row)


def by_id(connection: Connection, card_id: str) -> Row[Any] | None:
    return connection.execute(select(saved_card).where(saved_card.c.id == card_id)).one_or_none()


def by_method(connection: Connection, provider: str, method_id: str) -> Row[Any] | None:
    query = select(saved_card).where(saved_card.c.provider == provider, saved_card.c.method_id == method_id)
    return connection.execute(query).one_or_none()


def of_workspace(connection: Connection, workspace_id: str) -> list[SavedCard]:
    """The cards that are still there, the newest first."""
    kept = saved_card
    query = select(kept).where(kept.c.workspace_id == workspace_id, kept.c.state != REMOVED)
    return [view(row) for row in connection.execute(query.order_by(kept.c.created_at.desc(), kept.c.id.desc()))]


def owned(connection: Connection, card_id: str, workspace_id: str) -> Row[Any]:
    """A card of this workspace that is still there; `NotFound` "card_not_found"."""
    row = by_id(connection, card_id)
    if row is None or row.workspace_id != workspace_id or row.state == REMOVED:
        raise NotFound("There is no such card.", param="card", code="card_not_found")
    return row


def chargeable(connection: Connection, card_id: str, workspace_id: str) -> SavedCard:
    """A card of this workspace that may be charged; `Conflict` "card_blocked" when it may not."""
    card = view(owned(connection, card_id, workspace_id))
    if not card.is_active:
        raise Conflict("This card is not charged any more: please save another.", param="card", code="card_blocked")
    return card


def keep(connection: Connection, workspace_id: str, provider: str, seen: SeenCard, now: datetime) -> None:
    """Write down what the provider says about a card. One that was removed here does not come back by itself."""
    facts: dict[str, Any] = {
        "customer_id": seen.customer_id,
        "brand": seen.brand,
        "last4": seen.last4,
        "exp_month": seen.exp_month,
        "exp_year": seen.exp_year,
        "country": seen.country,
        "updated_at": now,
    }
    fresh = {
        "id": new_id("crd"),
        "workspace_id": workspace_id,
        "provider": provider,
        "livemode": seen.livemode,
        "method_id": seen.method_id,
        "state": ACTIVE,
        "why": "",
        "to_detach": False,
        "created_at": now,
        **facts,
    }
    if not rows.insert_once(connection, saved_card, fresh, "provider", "method_id"):
        known = update(saved_card).where(saved_card.c.provider == provider, saved_card.c.method_id == seen.method_id)
        connection.execute(known.where(saved_card.c.state != REMOVED).values(facts))


def end(connection: Connection, card_id: str, state: str, why: str, now: datetime, *, to_detach: bool = False) -> bool:
    """Charge this card no more; False when it was over before."""
    allowed = (ACTIVE,) if state == BLOCKED else (ACTIVE, BLOCKED)
    mine = update(saved_card).where(saved_card.c.id == card_id, saved_card.c.state.in_(allowed))
    return connection.execute(mine.values(state=state, why=why, to_detach=to_detach, updated_at=now)).rowcount == 1


def view(row: Row[Any]) -> SavedCard:
    return SavedCard(
        id=row.id,
        workspace_id=row.workspace_id,
        brand=row.brand,
        last4=row.last4,
        exp_month=row.exp_month,
        exp_year=row.exp_year,
        country=row.country,
        state=row.state,
        why=row.why,
        created_at=row.created_at,
    )
