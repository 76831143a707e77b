"""Credits an operator hands out or takes back: the ledger's posting and its audit note, both or neither.

`ref` names the occasion; asking again with the same one changes nothing, so a double click grants once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert

from app.accounts.tables import AuditEvent
from app.generation.desk import Desk
from app.kernel.db import metadata
from app.kernel.errors import InvalidInput
from app.kernel.ids import new_id
from app.kernel.money import Money, plain
from app.ledger.companion import Companion
from app.ledger.operations import Posting

#: What an operator may grant; paid credits come with an order.
KINDS = ("promo", "plan", "correction")
LONGEST_LABEL = 120

INSERT_NOTE = insert(metadata.tables[str(AuditEvent.__tablename__)])


@dataclass(frozen=True, slots=True)
class Gift:
    """Credits to hand out. `label` is what the customer reads beside them."""

    amount: Money
    kind: str
    label: str
    expires_at: datetime | None = None


async def grant(desk: Desk, workspace_id: str, gift: Gift, *, ref: str, actor: str) -> Posting:
    """Hand out credits as a lot. Raises InvalidInput with `param` amount, kind, label or expires_at."""
    if gift.kind not in KINDS:
        raise InvalidInput(f"Credits granted here are one of {', '.join(KINDS)}.", param="kind")
    if gift.amount.micros <= 0:
        raise InvalidInput("Enter how many credits, above zero.", param="amount")
    if gift.expires_at is not None and gift.expires_at <= desk.clock():
        raise InvalidInput("The credits would have expired already: choose a later day.", param="expires_at")
    label = _words(gift.label, "label")
    said = f"{plain(gift.amount.amount)} credits, {gift.kind}: {label}"
    return await desk.ledger.grant(
        workspace_id,
        gift.amount,
        kind=gift.kind,
        label=label,
        ref=ref,
        actor=actor,
        expires_at=gift.expires_at,
        also=lambda posting: _note(posting, actor, "credits.granted", workspace_id, said, desk.clock()),
    )


async def take_back(desk: Desk, workspace_id: str, amount: Money, reason: str, *, ref: str, actor: str) -> Posting:
    """Take credits away; what is held is not touched. Raises InvalidInput and InsufficientCredits."""
    if amount.micros <= 0:
        raise InvalidInput("Enter how many credits, above zero.", param="amount")
    why = _words(reason, "reason")
    said = f"{plain(amount.amount)} credits: {why}"
    return await desk.ledger.adjust(
        workspace_id,
        -amount,
        ref=ref,
        actor=actor,
        reason=why,
        also=lambda posting: _note(posting, actor, "credits.taken_back", workspace_id, said, desk.clock()),
    )


def _note(posting: Posting, actor: str, action: str, workspace_id: str, detail: str, at: datetime) -> list[Companion]:
    if posting.already:
        return []
    note = {
        "id": new_id("evt"),
        "actor_id": actor,
        "action": action,
        "subject": workspace_id,
        "detail": detail,
        "created_at": at,
    }
    return [Companion(INSERT_NOTE, note)]


def _words(text: str, param: str) -> str:
    tidy = " ".join(text.split())
    if not tidy:
        raise InvalidInput("Say what the credits are for.", param=param)
    if len(tidy) > LONGEST_LABEL or not tidy.isprintable():
        raise InvalidInput(f"At most {LONGEST_LABEL} visible characters.", param=param)
    return tidy
