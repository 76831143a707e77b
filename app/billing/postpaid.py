"""Workspaces that pay afterwards: switched on with a limit, closed every month, paid, dunned, written off.

What is used beyond the balance is owed (the ledger's receivable). The close of a month puts what was owed since the
last one on an invoice, once; when that invoice is paid the ledger is told, and the limit is free again. Switching on or
off touches no credit: a balance stays, is used first, and what is still owed is closed at the end of the month.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.billing import credit_prices, drafts, facts, invoices, period_events, tables, taxes
from app.billing.credit_prices import Held
from app.billing.drafts import Built
from app.billing.invoice_lines import figure
from app.billing.invoices import FINALIZED, LATE_WINDOW, Head
from app.billing.periods import Unit, calendar_start
from app.billing.rating import USAGE, RatedLine, Terms, settled
from app.catalogue.tables import Model
from app.generation.tables import Generation
from app.kernel import faults, outbox
from app.kernel.db import metadata
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.fiat import CURRENCIES
from app.kernel.money import CREDIT, Money, plain
from app.kernel.text import t
from app.ledger import tables as ledger
from app.ledger.journal import OWED_PAID, OWED_WRITTEN_OFF
from app.metering.aggregate import Span
from app.plans import customers

POSTPAID = tables.postpaid
INVOICE = tables.billing_invoice
KIND: Final = "postpaid"
MICROS: Final = 1_000_000
#: How long after its day an unpaid invoice is reminded of, warned about, and the workspace restricted.
STEPS: Final = (("reminded", timedelta(0)), ("warned", timedelta(days=7)), ("restricted", timedelta(days=14)))
LETTERS: Final = {"reminded": "dunning_2", "warned": "dunning_3", "restricted": "dunning_4"}
RESTRICTED: Final = "restricted"
OVERDUE: Final = "overdue"  # the reason of the freeze
WRITTEN_OFF: Final = "written_off"
SETTLES: Final = (OWED_PAID, OWED_WRITTEN_OFF)
_generation = metadata.tables[str(Generation.__tablename__)]
_model = metadata.tables[str(Model.__tablename__)]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What one credit costs before tax, in which currency, and in how many days it is to be paid."""

    currency: str
    credit_price: Decimal
    net_days: int = 30


def switch_on(
    connection: Connection, workspace_id: str, limit: Money, agreed: Agreed, *, actor: str, now: datetime
) -> None:
    """Let a workspace use up to `limit` beyond its balance. Again, it changes the limit and the terms."""
    if limit.micros <= 0:
        raise InvalidInput("A limit is above 0; switch back to prepaid instead.", param="limit")
    if agreed.currency not in CURRENCIES or agreed.credit_price <= 0 or not 0 <= agreed.net_days <= 120:
        raise InvalidInput("Give a currency, a price above 0 and 0 to 120 days.", param="credit_price")
    _wallet(connection, workspace_id)
    values = {
        "active": True,
        "currency": agreed.currency,
        "credit_price": plain(agreed.credit_price),
        "net_days": agreed.net_days,
        "author": actor,
        "updated_at": now,
    }
    row = find(connection, workspace_id, lock=True)
    if row is None and not _begin(connection, workspace_id, values, now):
        row = find(connection, workspace_id, lock=True)  # somebody else was first, and is done
    if row is not None:
        if row.currency != agreed.currency and _open_micros(connection, workspace_id, row.closed_until, now):
            raise Conflict("The currency changes when what is owed is invoiced.", code="currency_in_use")
        credit_prices.keep(connection, row, agreed.credit_price, agreed.currency, actor=actor, now=now)
        connection.execute(update(POSTPAID).where(POSTPAID.c.workspace_id == workspace_id).values(**values))
    _set_limit(connection, workspace_id, limit.micros)


def _begin(connection: Connection, workspace_id: str, values: Mapping[str, Any], now: datetime) -> bool:
    """The first time; whether it was us."""
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    month = calendar_start(Unit.MONTHLY, now)
    row = made(POSTPAID).values(workspace_id=workspace_id, closed_until=month, since=now, dunning="", **values)
    fresh = row.on_conflict_do_nothing().returning(POSTPAID.c.workspace_id)
    return connection.execute(fresh).first() is not None


def switch_off(connection: Connection, workspace_id: str, *, actor: str, now: datetime) -> None:
    """Back to prepaid: nothing more is used on the limit; what is owed is still invoiced and paid."""
    row = find(connection, workspace_id, lock=True)
    if row is not None:
        connection.execute(
            update(POSTPAID)
            .where(POSTPAID.c.workspace_id == workspace_id)
            .values(active=False, author=actor, updated_at=now)
        )
    _set_limit(connection, workspace_id, 0)


def find(connection: Connection, workspace_id: str, *, lock: bool = False) -> Row[Any] | None:
    query = select(POSTPAID).where(POSTPAID.c.workspace_id == workspace_id)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


# --- the close


def due(connection: Connection, now: datetime) -> list[str]:
    """Workspaces with a month that is over for long enough and not closed."""
    month = calendar_start(Unit.MONTHLY, now - LATE_WINDOW)
    query = select(POSTPAID.c.workspace_id).where(POSTPAID.c.closed_until < month).order_by(POSTPAID.c.workspace_id)
    return list(connection.execute(query).scalars())


def close(connection: Connection, workspace_id: str, *, now: datetime) -> Row[Any] | None:
    """Invoice what was owed in the complete months that are not closed. A month in which more came back than was used,
    or as much at another price, or so little was used that it rounds to nothing, is closed together with the next.
    Once: what was asked twice finds nothing left to do."""
    row = find(connection, workspace_id, lock=True)
    until = calendar_start(Unit.MONTHLY, now - LATE_WINDOW)
    if row is None or row.closed_until >= until:
        return None
    span = Span(row.closed_until, until)
    used = owed_by_model(connection, workspace_id, span)
    micros = sum(amount for _, _, amount in used)
    made = None
    if micros > 0:
        made = _invoice(connection, row, span, micros, now)
        faults.point("postpaid.after_invoice")
    if made is not None or not (micros or _worth(connection, row, span)):
        connection.execute(
            update(POSTPAID).where(POSTPAID.c.workspace_id == workspace_id).values(closed_until=until, updated_at=now)
        )
    faults.point("postpaid.before_commit")
    return made


def owed_by_model(
    connection: Connection, workspace_id: str, span: Span, at: Held | None = None
) -> list[tuple[str, int, int]]:
    """What was used on the limit: model, generations, micro-credits; what came back is taken off. With a price only
    what was used `at` it; what comes back belongs to when it was used."""
    journal, entry, undone = ledger.journal, ledger.entry, ledger.journal.alias("undone")
    moment = func.coalesce(undone.c.created_at, journal.c.created_at)
    name = func.coalesce(_model.c.title, _generation.c.model_id, "")
    query = (
        select(name, func.count(func.distinct(journal.c.generation_id)), func.sum(entry.c.amount))
        .join(entry, entry.c.journal_id == journal.c.id)
        .join(undone, undone.c.id == journal.c.reverses_id, isouter=True)
        .join(_generation, _generation.c.id == journal.c.generation_id, isouter=True)
        .join(_model, _model.c.id == _generation.c.model_id, isouter=True)
        .where(
            entry.c.account == f"ws:{workspace_id}:receivable",
            entry.c.unit == CREDIT,
            journal.c.created_at >= span.start,
            journal.c.created_at < span.end,
            journal.c.kind.not_in(SETTLES),
        )
        .group_by(name)
        .order_by(name)
    )
    if at is not None and at.since is not None:
        query = query.where(moment >= at.since)
    if at is not None and at.until is not None:
        query = query.where(moment < at.until)
    return [(str(model), int(many), int(amount)) for model, many, amount in connection.execute(query) if amount]


def _worth(connection: Connection, row: Row[Any], span: Span) -> bool:
    """Whether anything is left of what was used and came back: as many credits may have cost another price."""
    left = [
        amount * at.price
        for at in credit_prices.held(connection, row)
        for _, _, amount in owed_by_model(connection, row.workspace_id, span, at)
    ]
    return sum(left, Fraction(0)) != 0


def _invoice(connection: Connection, row: Row[Any], span: Span, micros: int, now: datetime) -> Row[Any] | None:
    """None for what comes to less than the smallest coin: it would be asked of nobody, and owed for ever."""
    customer = customers.of_workspace(connection, row.workspace_id, now=now)
    lines = [
        _line(model, many, amount, at.price, span)
        for at in credit_prices.held(connection, row)
        for model, many, amount in owed_by_model(connection, row.workspace_id, span, at)
    ]
    customer_row = facts.customer_of(connection, customer.id)
    tax = taxes.on_bill(connection, customer_row, row.currency, now)
    draft = settled(Terms(row.currency, None, (), tax.percents), span, lines)
    if not draft.due.total:
        return None
    head = Head(
        customer_id=customer.id,
        workspace_id=row.workspace_id,
        currency=row.currency,
        source=f"{KIND}:{row.workspace_id}:{span.start.isoformat()}",
        kind=invoices.ONE_OFF,
        reason="SUBSCRIPTION_CYCLE",
        description=t("period.postpaid.title"),
        credit_micros=micros,
        manual=True,
    )
    kept = Built(draft, drafts.computed(draft, (), tax))
    made = invoices.keep(connection, head, kept, actor="system", now=now)
    return invoices.finalize(connection, made.id, now=now, net_days=row.net_days)


def _line(model: str, many: int, amount: int, price: Fraction, span: Span) -> RatedLine:
    credits_ = Fraction(amount, MICROS)
    said = t("period.postpaid.line", count=many, credits=plain(Money(amount).amount), price=figure(price))
    name = model or t("period.postpaid.other")
    return RatedLine(None, USAGE, name, abs(credits_), credits_ * price, said, KIND, span=span)


# --- what is paid, and what is not


def to_settle(connection: Connection) -> list[tuple[str, int, bool, str]]:
    """What the ledger has to be told: workspace, micro-credits, whether written off, and the reference of the posting.

    Paid (or written-off) invoices say how much in all, the books how much of it was posted; a reversal in between
    leaves some for later, when more is owed again.
    """
    gone = INVOICE.c.computed[WRITTEN_OFF].as_boolean()
    # What was paid and given back was told to the ledger before: left out, it would be taken off the next.
    paid = INVOICE.c.payment_state.in_(
        (invoices.SUCCEEDED, invoices.OVERPAID, invoices.PARTIALLY_REFUNDED, invoices.REFUNDED)
    )
    query = select(INVOICE.c.workspace_id, INVOICE.c.credit_micros, gone.label("gone")).where(
        INVOICE.c.credit_micros != 0, INVOICE.c.state == FINALIZED, paid | gone.is_(True)
    )
    wanted: dict[tuple[str, bool], int] = {}
    for workspace_id, micros, written_off in connection.execute(query):
        key = (workspace_id, bool(written_off))
        wanted[key] = wanted.get(key, 0) + micros
    found = []
    for (workspace_id, written_off), micros in sorted(wanted.items()):
        posted = _posted(connection, workspace_id, OWED_WRITTEN_OFF if written_off else OWED_PAID)
        owed = _wallet(connection, workspace_id).owed
        left = min(micros - posted, owed)
        if left > 0:
            found.append((workspace_id, left, written_off, f"{workspace_id}:{posted}"))
    return found


def _posted(connection: Connection, workspace_id: str, kind: str) -> int:
    journal, entry = ledger.journal, ledger.entry
    query = (
        select(func.coalesce(-func.sum(entry.c.amount), 0))
        .join(journal, journal.c.id == entry.c.journal_id)
        .where(entry.c.account == f"ws:{workspace_id}:receivable", entry.c.unit == CREDIT, journal.c.kind == kind)
    )
    return int(connection.execute(query).scalar_one())


def overdue(connection: Connection, workspace_id: str, now: datetime) -> list[Row[Any]]:
    """Its invoices past their day, oldest first."""
    query = (
        select(INVOICE)
        .where(
            INVOICE.c.workspace_id == workspace_id,
            INVOICE.c.state == FINALIZED,
            INVOICE.c.payment_state.in_((invoices.PENDING, invoices.FAILED)),
            INVOICE.c.due_at < now,
            INVOICE.c.total > INVOICE.c.paid + INVOICE.c.adjusted,
        )
        .order_by(INVOICE.c.due_at, INVOICE.c.id)
    )
    rows = connection.execute(query).all()
    return [row for row in rows if not row.computed.get(WRITTEN_OFF)]


def frozen(connection: Connection) -> frozenset[str]:
    """The workspaces whose balance is frozen because they are overdue."""
    freeze, wallet = ledger.freeze, ledger.wallet
    query = (
        select(wallet.c.workspace_id)
        .join(freeze, freeze.c.wallet_id == wallet.c.id)
        .where(freeze.c.reason == OVERDUE, freeze.c.ref == wallet.c.workspace_id, freeze.c.lifted_at.is_(None))
    )
    return frozenset(connection.execute(query).scalars())


def dun(connection: Connection, workspace_id: str, *, now: datetime) -> tuple[str, str]:
    """How long it is overdue decides the state: (before, now). The caller freezes and thaws by it."""
    row = find(connection, workspace_id, lock=True)
    if row is None:
        raise NotFound("This workspace does not pay afterwards.", code="not_postpaid")
    late = overdue(connection, workspace_id, now)
    state = ""
    for name, after_ in STEPS:
        if late and now - late[0].due_at >= after_:
            state = name
    if state != row.dunning:
        values = {"dunning": state, "dunned_at": now, "updated_at": now}
        connection.execute(update(POSTPAID).where(POSTPAID.c.workspace_id == workspace_id).values(**values))
        if state:
            _remind(connection, late[0], state)
    return row.dunning, state


def _remind(connection: Connection, row: Row[Any], state: str) -> None:
    """A mail to the owners, once for an invoice and a state; the house hears once that it is overdue."""
    type_ = "invoice.payment.overdue"
    period_events.invoice_is(connection, type_, row, key=f"{type_}:{row.id}")
    outbox.mail(
        connection,
        LETTERS[state],
        key=f"dunning:{row.id}:{state}",
        params={"number": row.number, "amount": invoices.remaining(row), "due_on": row.due_at.date()},
        workspace_id=row.workspace_id,
    )


def write_off(connection: Connection, invoice_id: str, *, reason: str, now: datetime) -> Row[Any]:
    """Nobody will pay this invoice any more: it is dunned no longer, and what it asked for is our loss."""
    row = invoices.find(connection, invoice_id, lock=True)
    if row.computed.get(WRITTEN_OFF):
        return row
    if row.state != FINALIZED or not invoices.remaining(row) or row.paid:
        raise Conflict("Only a finalised invoice that nothing was paid of is written off.", code="invalid_operation")
    if invoices.is_being_paid(connection, invoice_id):
        raise Conflict(
            "A payment of this invoice is open: report that it succeeded or failed first.", code="invalid_operation"
        )
    kept = {**row.computed, WRITTEN_OFF: True, "written_off_at": now.isoformat(), "written_off_reason": reason}
    return invoices.change(connection, row, now, computed=kept, payment_state=invoices.FAILED)


def _open_micros(connection: Connection, workspace_id: str, since: datetime, now: datetime) -> int:
    return sum(amount for _, _, amount in owed_by_model(connection, workspace_id, Span(since, now)))


def _wallet(connection: Connection, workspace_id: str) -> Row[Any]:
    wallet = ledger.wallet
    query = select(wallet).where(wallet.c.workspace_id == workspace_id, wallet.c.unit == CREDIT)
    found = connection.execute(query).one_or_none()
    if found is None:
        raise NotFound(f"There is no workspace {workspace_id[:100]}.", code="workspace_not_found")
    return found


def _set_limit(connection: Connection, workspace_id: str, micros: int) -> None:
    wallet = ledger.wallet
    mine = (wallet.c.workspace_id == workspace_id) & (wallet.c.unit == CREDIT)
    connection.execute(update(wallet).where(mine).values(credit_limit=micros))
