"""Making orders. The server decides everything on them: a client names a version of a package and a currency, and what
it says about amounts is never read.

A workspace has at most one open order of a package to be paid by card: a double click and a second tab find the first.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select
from sqlalchemy.exc import IntegrityError

from app.invoicing.tax_snapshot import TaxSnapshot, content_hash
from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Broken, Conflict, IdempotencyConflict, InvalidInput
from app.kernel.fiat import Fiat, is_chargeable
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.kernel.text import t
from app.payments import packages, rows, tables, terms, views
from app.payments.lifecycle import State
from app.payments.packages import Package
from app.payments.views import OrderView

MANUAL: Final = "manual"
PACKAGE, AUTO_TOPUP, CUSTOM = "package", "auto_topup", "custom"
LONGEST_KEY: Final = 200
#: Letters that cannot be mistaken for one another on a bank statement.
REFERENCE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
REFERENCE_LENGTH: Final = 8
#: An order whose page was never opened is looked after this long.
STUCK: Final = timedelta(minutes=35)
OPEN: Final = (State.DRAFT, State.PENDING)

#: The tax on a net price for this workspace, as of now.
Quote = Callable[[str, Fiat], TaxSnapshot]
#: Raises what forbids an order, in the transaction that writes it.
Check = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Sale:
    """What is sold, by whichever way it came about."""

    kind: str
    title: str
    credits: Money
    bonus: Money
    expires_days: int | None
    bonus_expires_days: int | None
    package_version_id: str | None = None

    @classmethod
    def of(cls, package: Package) -> "Sale":
        content = package.content
        return cls(
            PACKAGE,
            content.title,
            content.credits,
            content.bonus,
            content.expires_days,
            content.bonus_expires_days,
            package.version_id,
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything an order is written from."""

    workspace_id: str
    provider: str
    livemode: bool
    sale: Sale
    tax: TaxSnapshot
    terms_version_id: str | None
    actor: str
    key: str
    expires_at: datetime | None = None
    state: State = State.DRAFT


@dataclass(frozen=True, slots=True)
class Choice:
    """What a customer asks for: nothing here is an amount."""

    workspace_id: str
    package_version_id: str
    currency: str
    terms_version_id: str | None
    actor: str
    key: str
    save_card: bool = False  # the box was ticked, under the sentence of `consent.save_card_sentence`
    ip: str = ""  # from where, for the record of that consent


@dataclass(frozen=True, slots=True)
class Taken:
    """The order to go on with. `stale` is an open one in its way that no longer says what would be agreed today."""

    order: OrderView
    is_new: bool = False
    stale: bool = False


class Orders:
    """Writes orders and finds the open ones."""

    def __init__(self, db: Database, clock: Clock, quote: Quote) -> None:
        self._db, self._clock, self._quote = db, clock, quote

    def quote(self, workspace_id: str, net: Fiat) -> TaxSnapshot:
        """The final amount for this workspace, before anything is written."""
        return self._quote(workspace_id, net)

    def take(
        self,
        choice: Choice,
        provider: str,
        livemode: bool,
        expires_at: datetime | None = None,
        *,
        may: Check | None = None,
    ) -> Taken:
        """The order for this choice: the one made under this key before, the open one of this package, or a new one,
        which `may` can refuse in the transaction that writes it.

        Raises `Conflict` "package_changed", "terms_changed" or "amount_not_chargeable", `InvalidInput`
        "terms_not_accepted".
        """
        check_key(choice.key)
        with self._db.read() as connection:
            known = by_key(connection, choice.workspace_id, choice.key)
            if known is not None:
                return Taken(_same_choice(known, choice, provider))
            package = packages.for_sale(connection, choice.package_version_id)
            accepted = terms.accepted(connection, choice.terms_version_id)
            price = package.price(choice.currency)
        tax = self._quote(choice.workspace_id, price)
        if provider != MANUAL:
            must_be_chargeable(tax)
        draft = Draft(
            choice.workspace_id,
            provider,
            livemode,
            Sale.of(package),
            tax,
            accepted.id,
            choice.actor,
            choice.key,
            expires_at,
            State.PENDING if provider == MANUAL else State.DRAFT,
        )
        return self.write(draft, may=may)

    def write(self, draft: Draft, *, may: Check | None = None) -> Taken:
        """Insert the order, or answer the one that stands in its way. `IdempotencyConflict` when its key was used for
        another."""
        for _ in range(3):
            with self._db.read() as connection:
                known = by_key(connection, draft.workspace_id, draft.key)
                if known is not None:
                    _must_be_same_sale(known, draft)
                else:
                    known = _open_one(connection, draft)
            if known is not None:
                same = known.idempotency_key == draft.key or _agrees(known, draft, self._clock())
                return Taken(self.find(known.id), stale=not same)
            try:
                with self._db.write() as connection:
                    if may is not None:
                        may(connection)
                    return Taken(insert_order(connection, draft, self._clock()), is_new=True)
            except IntegrityError:
                continue  # somebody else was first: the next look finds theirs
        raise Broken("The order could not be written; asking again with the same key is safe.")

    def find(self, order_id: str, workspace_id: str | None = None) -> OrderView:
        with self._db.read() as connection:
            return views.find(connection, order_id, workspace_id)


def insert_order(connection: Connection, draft: Draft, now: datetime) -> OrderView:
    """Write the order in the caller's transaction. `IntegrityError` when its key or its place is taken."""
    sale, tax = draft.sale, draft.tax
    order_id, expires_at = new_id("ord"), _within_calculation(draft)
    connection.execute(
        insert(tables.payment_order).values(
            id=order_id,
            workspace_id=draft.workspace_id,
            kind=sale.kind,
            provider=draft.provider,
            livemode=draft.livemode,
            state=str(draft.state),
            package_version_id=sale.package_version_id,
            title=sale.title,
            credits_micros=sale.credits.micros,
            bonus_micros=sale.bonus.micros,
            expires_days=sale.expires_days,
            bonus_expires_days=sale.bonus_expires_days,
            currency=tax.currency,
            net_minor=tax.total_net.minor,
            tax_minor=tax.total_tax.minor,
            gross_minor=tax.total_gross.minor,
            tax_snapshot=tax.to_json(),
            tax_hash=tax.hash,
            tax_calculation_id=tax.calculation.id if tax.calculation else None,
            terms_version_id=draft.terms_version_id,
            accepted_by=draft.actor if draft.terms_version_id else None,
            accepted_at=now if draft.terms_version_id else None,
            reference=new_reference(),
            idempotency_key=draft.key,
            created_by=draft.actor,
            created_at=now,
            updated_at=now,
            expires_at=expires_at,
            look_at=expires_at or now + STUCK,
        )
    )
    rows.note(connection, order_id, "created", now, actor=draft.actor, gross=str(tax.total_gross))
    order = views.find(connection, order_id)
    if draft.provider == MANUAL:
        _mail_received(connection, order)
    return order


def _mail_received(connection: Connection, order: OrderView) -> None:
    """The bank details to the customer, and word of the order to the operators."""
    bank = TaxSnapshot.from_json(order.tax_snapshot).seller.bank
    details = {"holder": bank.holder, "iban": bank.iban, "bic": bank.bic, "bank": bank.bank, "note": bank.note}
    told = {
        "order": order.id,
        "credits": order.credits,
        "amount": order.gross,
        "reference": order.reference,
    }
    outbox.mail(
        connection,
        "order_received",
        key=f"order_received:{order.id}",
        workspace_id=order.workspace_id,
        params={
            **told,
            "expires_on": order.expires_at.date() if order.expires_at else None,
            "bank": [[t(f"payments.bank.{name}"), value] for name, value in details.items() if value],
        },
    )
    outbox.mail(
        connection,
        "order_waiting",
        key=f"order_waiting:{order.id}",
        operators=True,
        params={**told, "workspace": order.workspace_id},
    )


def must_be_chargeable(tax: TaxSnapshot) -> None:
    """`Conflict` "amount_not_chargeable" for a final amount that no card can be charged: 5.831 BHD, for one."""
    if not is_chargeable(tax.total_gross):
        raise Conflict(
            f"A card cannot be charged exactly {tax.total_gross}: please pay by bank transfer or in another currency.",
            code="amount_not_chargeable",
        )


def by_key(connection: Connection, workspace_id: str, key: str) -> Row[Any] | None:
    """The order made under this idempotency key."""
    orders = tables.payment_order
    query = select(orders).where(orders.c.workspace_id == workspace_id, orders.c.idempotency_key == key)
    return connection.execute(query).one_or_none()


def outlives_page(order: Row[Any], now: datetime) -> datetime | None:
    """Until when an order waits for its owner, whatever pages of it run out; None when it ends with its page."""
    waits = order.kind == AUTO_TOPUP and order.expires_at is not None and order.expires_at > now
    return order.expires_at if waits else None


def check_key(key: str) -> None:
    """An order costs money, so who asks for one must be able to ask again for the same."""
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise InvalidInput(
            "Send an Idempotency-Key: any text of your own, the same one when you try again.",
            param="Idempotency-Key",
            code="idempotency_key_required",
        )


def new_reference() -> str:
    """What the customer writes on a transfer: `FB-7KQ2M9XW`."""
    return "FB-" + "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(REFERENCE_LENGTH))


def _open_one(connection: Connection, draft: Draft) -> Row[Any] | None:
    if draft.sale.kind != PACKAGE or draft.provider == MANUAL:
        return None
    orders = tables.payment_order
    query = select(orders).where(
        orders.c.workspace_id == draft.workspace_id,
        orders.c.package_version_id == draft.sale.package_version_id,
        orders.c.currency == draft.tax.currency,
        orders.c.kind == PACKAGE,
        orders.c.provider != MANUAL,
        orders.c.state.in_([str(state) for state in OPEN]),
    )
    return connection.execute(query).one_or_none()


def _agrees(row: Row[Any], draft: Draft, now: datetime) -> bool:
    """Whether an open order says what this one would. The tax may have changed with the billing profile."""
    if runs_out(TaxSnapshot.from_json(row.tax_snapshot), now):
        return False
    return (
        row.provider == draft.provider
        and row.livemode == draft.livemode
        and row.terms_version_id == draft.terms_version_id
        and content_hash(_essence(row.tax_snapshot)) == content_hash(_essence(draft.tax.to_json()))
    )


def _essence(snapshot: dict[str, Any]) -> dict[str, Any]:
    """A tax snapshot without the moment it was made at, and without the answer it was made on: the same tax."""
    left_out = {"computed_at", "computed_by", "calculation"}
    return {name: value for name, value in snapshot.items() if name not in left_out}


def runs_out(tax: TaxSnapshot, now: datetime) -> bool:
    """Whether the answer that this tax was taken from is no good any more before the order could be paid."""
    return tax.calculation is not None and datetime.fromisoformat(tax.calculation.expires_at) <= now + STUCK


def _within_calculation(draft: Draft) -> datetime | None:
    """Until when the order waits: no longer than its tax can be told to who worked it out."""
    calculation = draft.tax.calculation
    if calculation is None or draft.expires_at is None:
        return draft.expires_at
    return min(draft.expires_at, datetime.fromisoformat(calculation.expires_at))


def _same_choice(row: Row[Any], choice: Choice, provider: str) -> OrderView:
    asked = (choice.package_version_id, choice.currency, provider)
    if (row.package_version_id, row.currency, row.provider) != asked:
        raise _used_key()
    return views.of_row(row)


def _must_be_same_sale(row: Row[Any], draft: Draft) -> None:
    """The tax may have changed since: what was agreed is the price that the tax is worked out on."""
    sale, tax = draft.sale, draft.tax
    written = Sale(
        row.kind,
        row.title,
        Money(row.credits_micros),
        Money(row.bonus_micros),
        row.expires_days,
        row.bonus_expires_days,
        row.package_version_id,
    )
    price, priced = (
        (tax.total_gross, Fiat(row.gross_minor, row.currency))
        if tax.seller.prices_include_tax
        else (tax.total_net, Fiat(row.net_minor, row.currency))
    )
    if (written, row.provider, priced) != (sale, draft.provider, price):
        raise _used_key()


def _used_key() -> IdempotencyConflict:
    return IdempotencyConflict("This key was used for another order.", param="Idempotency-Key")
