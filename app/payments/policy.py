"""What the operator decided about taking money, kept by name. Unset means the default written here."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from sqlalchemy import Connection, delete, insert, select

from app.accounts.tables import AuditEvent
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput
from app.kernel.fiat import CURRENCIES
from app.kernel.ids import new_id
from app.payments import tables

AUDIT = metadata.tables[str(AuditEvent.__tablename__)]
MOST_DAYS = 366
MOST_REFUND_DAYS = 3_660
MOST_CONFIRM = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """`four_eyes_from` is the gross amount, in smallest units by currency, from which two operators must approve an
    order paid by transfer; a currency that is not named needs two from the first cent when any is named at all.

    `refund_bonus_counts`: what was used of a bonus counts as used of what was paid for. Otherwise only what is left of
    the bonus goes with a refund."""

    transfers: bool = True  # orders by bank transfer are offered
    transfer_days: int = 30  # how long such an order waits for its money
    four_eyes_from: dict[str, int] = field(default_factory=dict)
    refund_days: int | None = None  # after a payment; None for ever
    refund_bonus_counts: bool = False
    dispute_freezes: bool = True  # an open dispute stops new generations of the workspace
    dispute_credit_note: bool = True  # a lost dispute is credited as a refund is
    confirm_above: int | None = None  # credits from which the playground asks first; 0 never, None as the settings say

    def needs_two(self, gross_minor: int, currency: str) -> bool:
        """Whether an order of this size is approved by two people."""
        return bool(self.four_eyes_from) and gross_minor >= self.four_eyes_from.get(currency, 0)

    def checked(self) -> Self:
        """The same policy, or `InvalidInput` naming what is wrong with it."""
        if not 1 <= self.transfer_days <= MOST_DAYS:
            raise InvalidInput(f"Orders wait between 1 and {MOST_DAYS} days for a transfer.", param="transfer_days")
        if self.refund_days is not None and not 0 <= self.refund_days <= MOST_REFUND_DAYS:
            raise InvalidInput(f"Up to {MOST_REFUND_DAYS} days after a payment, or for ever.", param="refund_days")
        if self.confirm_above is not None and not 0 <= self.confirm_above <= MOST_CONFIRM:
            raise InvalidInput(f"From 0 to {MOST_CONFIRM:,} credits.", param="confirm_above")
        for currency, minor in self.four_eyes_from.items():
            if currency not in CURRENCIES or type(minor) is not int or minor < 0:
                raise InvalidInput("Name a currency and an amount of zero or more.", param="four_eyes_from")
        return self


class Policies:
    """Reads and changes the policy; every change leaves an audit note."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def current(self) -> Policy:
        with self._db.read() as connection:
            return read(connection)

    def change(self, *, actor: str, **values: Any) -> Policy:
        """Set some of the fields of `Policy`; the others stay."""
        with self._db.write() as connection:
            changed = replace(read(connection), **values).checked()
            for name in values:
                _write(connection, name, getattr(changed, name), actor, self._clock())
        return changed


def read(connection: Connection) -> Policy:
    """The policy as it stands, within the caller's transaction."""
    known = {one.name for one in fields(Policy)}
    rows = connection.execute(select(tables.payment_policy.c.name, tables.payment_policy.c.value))
    return Policy(**{name: value for name, value in rows.tuples() if name in known})


def _write(connection: Connection, name: str, value: Any, actor: str, now: Any) -> None:
    kept = tables.payment_policy
    connection.execute(delete(kept).where(kept.c.name == name))
    connection.execute(insert(kept).values(name=name, value=value, author=actor, changed_at=now))
    connection.execute(
        insert(AUDIT).values(
            id=new_id("evt"),
            actor_id=actor,
            action="payments.policy",
            subject=name,
            detail=str(value),
            created_at=now,
        )
    )
