"""What came in after its period was invoiced: the difference to what invoices stated, charged or given back once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, select

from app.billing import late_commitment, tables, usage_lines
from app.billing.allowances import Allowance
from app.billing.proration import net_of
from app.billing.rating import ADJUSTMENT, NOTHING, USAGE, RatedLine
from app.billing.wanted import read_span, times
from app.kernel.errors import Broken
from app.kernel.fiat import Fiat
from app.kernel.text import t
from app.metering.aggregate import Span

#: How far back an event may lie and still be billed by itself, on the next invoice.
LATE_REACH: Final = timedelta(days=62)
_INVOICE, _LINE = tables.billing_invoice, tables.billing_invoice_line


class _Stated(NamedTuple):
    """What invoices said of a line so far; `net` of the amount was asked for and not credited since."""

    amount: int
    events: int
    quantity: Fraction
    net: Fraction

    def plus(self, other: "_Stated") -> "_Stated":
        quantity, net = self.quantity + other.quantity, self.net + other.net
        return _Stated(self.amount + other.amount, self.events + other.events, quantity, net)


_NOTHING: Final = _Stated(0, 0, NOTHING, NOTHING)


def lines(connection: Connection, row: Row[Any], customer: str, span: Span) -> list[RatedLine]:
    """What was used in a period already invoiced and came in only afterwards: the difference to what was stated. All
    lines of its meter share what is included, and so do later periods where that does not begin anew with them."""
    query = select(_INVOICE).where(
        _INVOICE.c.subscription_id == row.id,
        _INVOICE.c.state.in_(("FINALIZED", "SKIPPED")),
        _INVOICE.c.kind == "SUBSCRIPTION",
        _INVOICE.c.period_end <= span.start,
        _INVOICE.c.period_end > span.start - LATE_REACH,
    )
    found, since_then = [], set[str]()
    for invoice in connection.execute(query.order_by(_INVOICE.c.period_start, _INVOICE.c.id)).all():
        if "allowances" not in invoice.computed or not invoice.computed.get("used"):
            continue
        period = Span(*(datetime.fromisoformat(each) for each in invoice.computed["used"]))
        included = [Allowance.from_json(each) for each in invoice.computed["allowances"]]
        stated = _stated(connection, row.id, period)
        used = usage_lines.of(connection, row, customer, period, included)
        meters = {_meter(line) for line in used if _events(line, stated)}
        outlasts = {each.meter_id for each in included if each.since is not None or each.reset is not None}
        since_then |= outlasts & meters
        concerned = meters | since_then
        differences = [
            one for line in used if _meter(line) in concerned for one in _difference(line, stated, row.currency)
        ]
        if differences:
            differences += late_commitment.difference(connection, row, invoice, period, used)
        found += differences
    return found


def _meter(line: RatedLine) -> str:
    return line.item.meter.id if line.item is not None and line.item.meter is not None else ""


def _events(line: RatedLine, stated: Mapping[str, _Stated]) -> int:
    """How many events of a line no invoice has stated."""
    return 0 if line.item is None else line.used.events - stated.get(line.item.line_id, _NOTHING).events


def _difference(line: RatedLine, stated: Mapping[str, _Stated], currency: str) -> list[RatedLine]:
    """More is charged like everything; of what is less, so much comes back as was asked for. A line without new events
    differs where those of another line of its meter changed what is included."""
    if line.item is None:
        return []
    amount, _, quantity, net = stated.get(line.item.line_id, _NOTHING)
    now = Fiat.from_exact(line.exact, currency)
    if now.minor == amount:
        return []
    more = replace(line.used, events=_events(line, stated))
    said = t("period.line.late", count=more.events, reason=line.reason)
    if not more.events:
        said = t("period.line.late_beside", reason=line.reason)
    gross = Fraction((now - Fiat(amount, currency)).amount)
    back = gross * net / amount if gross < 0 and amount else gross
    return [
        replace(
            line,
            exact=back,
            gross=gross,
            quantity=line.quantity - quantity,
            purpose=ADJUSTMENT,
            reason=said,
            used=more,
            true_up=NOTHING,
            overage=NOTHING,
        )
    ]


def _stated(connection: Connection, subscription_id: str, period: Span) -> dict[str, _Stated]:
    """What invoices said of a period so far, by line."""
    query = (
        select(
            _LINE.c.subscription_line_id, _LINE.c.amount, _LINE.c.events, _LINE.c.quantity, _LINE.c.discount, _INVOICE
        )
        .join(_INVOICE, _INVOICE.c.id == _LINE.c.invoice_id)
        .where(
            _INVOICE.c.subscription_id == subscription_id,
            _LINE.c.subscription_line_id.is_not(None),
            _LINE.c.kind == USAGE,
            _LINE.c.period_start >= period.start,
            _LINE.c.period_end <= period.end,
            _INVOICE.c.state == "FINALIZED",
        )
    )
    parts = list(_lowered(connection, subscription_id, period))
    for line_id, amount, events, quantity, discount, *rest in connection.execute(query):
        net = net_of(amount, discount, dict(zip(_INVOICE.c.keys(), rest, strict=True)))
        parts.append((line_id, _Stated(amount, events, Fraction(quantity), net)))
    found: dict[str, _Stated] = {}
    for line_id, part in parts:
        found[line_id] = found.get(line_id, _NOTHING).plus(part)
    return found


def given_back(late: Sequence[RatedLine], currency: str) -> list[dict[str, Any]]:
    """What is less than was stated is credit and no line: its invoice keeps it, so that it is given back once."""
    return [_credit(line, currency) for line in late if line.exact < 0 and line.item is not None]


def _credit(line: RatedLine, currency: str) -> dict[str, Any]:
    if line.item is None or line.span is None:
        raise Broken("A difference for late events has no line and period.")
    amount = Fiat.from_exact(line.before_discounts, currency).minor
    net = str(Fiat.from_exact(line.exact, currency).minor)
    figures = {"amount": amount, "events": line.used.events, "quantity": str(line.quantity), "net": net}
    return {"line_id": line.item.line_id, "span": times(line.span), **figures}


def _lowered(connection: Connection, subscription_id: str, period: Span) -> list[tuple[str, _Stated]]:
    """What was given back of a period so far. It counts after a void too, because the credit went on to the next."""
    query = select(_INVOICE.c.computed).where(
        _INVOICE.c.subscription_id == subscription_id,
        _INVOICE.c.finalized_at.is_not(None),
        _INVOICE.c.period_end > period.start,
    )
    found = []
    for kept in connection.execute(query).scalars():
        for each in kept.get("late") or ():
            span = read_span(each["span"])
            if span is not None and period.start <= span.start and span.end <= period.end:
                amount, net = each["amount"], Fraction(each.get("net", each["amount"]))
                found.append((each["line_id"], _Stated(amount, each["events"], Fraction(each["quantity"]), net)))
    return found
