"""Redemption codes: credits given away, claimed once by each workspace and no more often than was meant.

A code is worth money to whoever has it, so only its digest is kept; the operator sees it once. Credits of a code are a
promotion: a lot of their own, never mixed with what was paid for.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import ColumnElement, Row, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.kernel.clock import Clock
from app.kernel.db import Database, UtcDateTime
from app.kernel.errors import Conflict, InvalidInput, LimitReached, NotFound
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.kernel.secrets import digest
from app.ledger.companion import Companion, CompanionFailed
from app.ledger.operations import Posting
from app.ledger.wallet import Ledger
from app.payments import tables

LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GROUPS, GROUP = 4, 4
SHORTEST, LONGEST = 4, 40
HINT: Final = 4
MOST_AT_ONCE: Final = 1_000
LONGEST_LABEL: Final = 80
#: Wrong codes a workspace may try in an hour.
WRONG_TRIES: Final = RateLimitItemPerHour(10)

_code = tables.redemption_code
CLAIM: Final = insert(tables.redemption_claim)
COUNT: Final = (
    update(_code)
    .where(
        _code.c.id == bindparam("the_code"),
        _code.c.claims < _code.c.most_claims,
        _code.c.disabled_at.is_(None),
        (_code.c.valid_until.is_(None)) | (_code.c.valid_until > bindparam("the_moment", type_=UtcDateTime)),
    )
    .values(claims=_code.c.claims + 1)
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a code gives, to how many workspaces, and until when."""

    label: str  # what the customer reads beside the credits
    credits: Money
    most_claims: int = 1
    credits_expire_days: int | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A code as the operator sees it; `hint` is its end."""

    id: str
    hint: str
    label: str
    credits: Money
    most_claims: int
    claims: int
    credits_expire_days: int | None
    valid_until: datetime | None
    disabled_at: datetime | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Redeemed:
    label: str
    credits: Money
    expires_at: datetime | None


class Promo:
    """Makes codes and redeems them."""

    def __init__(self, db: Database, clock: Clock, ledger: Ledger) -> None:
        self._db, self._clock, self._ledger = db, clock, ledger
        self._tries = MovingWindowRateLimiter(MemoryStorage())

    def make(self, offer: Offer, *, actor: str, count: int = 1) -> list[str]:
        """Random codes, shown this once: `7KQ2-M9XW-…`."""
        if not 1 <= count <= MOST_AT_ONCE:
            raise InvalidInput(f"Between 1 and {MOST_AT_ONCE} codes at a time.", param="count")
        codes = [_random() for _ in range(count)]
        self._keep(codes, offer, actor)
        return codes

    def make_named(self, code: str, offer: Offer, *, actor: str) -> str:
        """A code of the operator's own choice, such as WELCOME50. `Conflict` when it is taken."""
        tidy = _tidy(code)
        if not SHORTEST <= len(tidy) <= LONGEST:
            raise InvalidInput(f"Between {SHORTEST} and {LONGEST} letters and digits.", param="code")
        try:
            self._keep([tidy], offer, actor)
        except IntegrityError:  # the digest is unique: also for two who choose the same at once
            raise Conflict("This code is taken: choose another.", code="code_taken") from None
        return tidy

    async def redeem(self, workspace_id: str, code: str, *, actor: str) -> Redeemed:
        """Claim a code for a workspace.

        `NotFound` "code_unknown", `Conflict` "code_claimed" (by this workspace), "code_used_up", "code_over";
        `LimitReached` after too many wrong ones.
        """
        row = self._find(workspace_id, code)
        now = self._clock()
        expires = None if row.credits_expire_days is None else now + timedelta(days=row.credits_expire_days)
        try:
            given = await self._ledger.grant(
                workspace_id,
                Money(row.credits_micros),
                kind="promo",
                label=row.label,
                ref=f"code:{row.id}:{workspace_id}",
                actor=actor,
                expires_at=expires,
                also=lambda posting: _claim(posting, row.id, workspace_id, actor, now),
            )
        except CompanionFailed:
            raise Conflict("This code was claimed as often as it may be.", code="code_used_up") from None
        if given.already:
            raise Conflict("You have redeemed this code before.", code="code_claimed")
        return Redeemed(row.label, Money(row.credits_micros), expires)

    def codes(self, search: str = "", *, after: str | None = None, limit: int = 200) -> list[Code]:
        """The newest first, behind the code `after`; `search` finds a part of the label, or the end of a code."""
        query = select(_code).order_by(_code.c.created_at.desc(), _code.c.id.desc()).limit(limit)
        if sought := search.strip().lower():
            labelled = func.lower(_code.c.label).contains(sought, autoescape=True)
            end = _tidy(sought).lower() or sought
            query = query.where(or_(labelled, func.lower(_code.c.hint).contains(end, autoescape=True)))
        if after is not None:  # those of one batch have one moment
            moment = select(_code.c.created_at).where(_code.c.id == after).scalar_subquery()
            same = (_code.c.created_at == moment) & (_code.c.id < after)
            query = query.where((_code.c.created_at < moment) | same)
        with self._db.read() as connection:
            return [_view(row) for row in connection.execute(query)]

    def disable(self, code_id: str) -> None:
        """Nobody can claim it any more; what was claimed stays."""
        stop = update(_code).where(_code.c.id == code_id, _code.c.disabled_at.is_(None))
        with self._db.write() as connection:
            connection.execute(stop.values(disabled_at=self._clock()))

    def _find(self, workspace_id: str, code: str) -> Row[Any]:
        if not self._tries.test(WRONG_TRIES, workspace_id):
            raise LimitReached("Too many codes were wrong: try again in an hour.", retry_after_seconds=3600)
        with self._db.read() as connection:
            row = connection.execute(select(_code).where(_by_code(code))).one_or_none()
        if row is None:
            self._tries.hit(WRONG_TRIES, workspace_id)
            raise NotFound("There is no such code. Please check the letters.", param="code", code="code_unknown")
        over = row.disabled_at is not None or (row.valid_until is not None and row.valid_until <= self._clock())
        if over:
            raise Conflict("This code is no longer valid.", code="code_over")
        return row

    def _keep(self, codes: Sequence[str], offer: Offer, actor: str) -> None:
        label = " ".join(offer.label.split())
        if not label or len(label) > LONGEST_LABEL or not label.isprintable():
            raise InvalidInput(f"Say what the credits are for, in up to {LONGEST_LABEL} characters.", param="label")
        if offer.credits.micros <= 0:
            raise InvalidInput("Enter how many credits, above zero.", param="credits")
        if offer.most_claims < 1:
            raise InvalidInput("A code can be claimed at least once.", param="most_claims")
        if offer.valid_until is not None and offer.valid_until <= self._clock():
            raise InvalidInput("The code would be over already: choose a later day.", param="valid_until")
        made = [_row(code, offer, label, actor, self._clock()) for code in codes]
        with self._db.write() as connection:
            connection.execute(insert(_code), made)


def _claim(posting: Posting, code_id: str, workspace_id: str, actor: str, now: datetime) -> list[Companion]:
    """The claim lives and dies with the credits: counted under the code's own limit."""
    if posting.already:
        return []
    claim = {
        "code_id": code_id,
        "workspace_id": workspace_id,
        "claimed_by": actor,
        "journal_id": posting.journal_id,
        "created_at": now,
    }
    return [Companion(COUNT, {"the_code": code_id, "the_moment": now}), Companion(CLAIM, claim)]


def _row(code: str, offer: Offer, label: str, actor: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("cod"),
        "digest": digest(_tidy(code)),
        "hint": _tidy(code)[-HINT:],
        "label": label,
        "credits_micros": offer.credits.micros,
        "credits_expire_days": offer.credits_expire_days,
        "most_claims": offer.most_claims,
        "claims": 0,
        "valid_until": offer.valid_until,
        "created_by": actor,
        "created_at": now,
    }


def _random() -> str:
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))


def _tidy(code: str) -> str:
    """What people may type differently is the same code."""
    return "".join(letter for letter in code.upper() if letter.isalnum())[: LONGEST * 2]


def _by_code(code: str) -> ColumnElement[bool]:
    return _code.c.digest == digest(_tidy(code))


def _view(row: Row[Any]) -> Code:
    return Code(
        id=row.id,
        hint=row.hint,
        label=row.label,
        credits=Money(row.credits_micros),
        most_claims=row.most_claims,
        claims=row.claims,
        credits_expire_days=row.credits_expire_days,
        valid_until=row.valid_until,
        disabled_at=row.disabled_at,
        created_by=row.created_by,
        created_at=row.created_at,
    )
