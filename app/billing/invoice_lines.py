"""The lines of a draft as rows: what each came to, and the kinds of events behind it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, insert

from app.billing import tables
from app.billing.rating import Draft, RatedLine, UsedKind
from app.kernel.errors import Broken
from app.kernel.ids import new_id
from app.kernel.money import decimal_of, plain

MOST_KINDS: Final = 200  # kinds of events a line names; the rest is added up in one


def write(connection: Connection, invoice_id: str, draft: Draft, now: datetime) -> None:
    """Store what a draft says, line by line in its order."""
    rows = [_line(invoice_id, place, line, draft, now) for place, line in enumerate(draft.lines)]
    if rows:
        connection.execute(insert(tables.billing_invoice_line), rows)


def _line(invoice_id: str, place: int, line: RatedLine, draft: Draft, now: datetime) -> dict[str, Any]:
    item, settled, span = line.item, line.settled, line.span or draft.span
    if settled is None:
        raise Broken("A line of a draft was not settled.")
    commitment = None
    if item is not None and item.commitment is not None:
        commitment = {
            "amount": figure(item.commitment.amount),
            "overage_factor": figure(item.commitment.overage),
            "true_up_enabled": item.commitment.true_up,
            "is_windowed": item.windowed,
        }
    if line.true_up or line.overage:
        commitment = {**(commitment or {}), "true_up": figure(line.true_up), "overage": figure(line.overage)}
    return {
        "id": new_id("inv_line"),
        "invoice_id": invoice_id,
        "position": place,
        "subscription_line_id": item.line_id if item else line.line_id or None,
        "price_id": item.price_id if item else None,
        "meter_id": item.meter.id if item and item.meter else None,
        "kind": line.kind,
        "purpose": line.purpose,
        "name": line.name,
        "plan_name": item.plan_name if item else "",
        "quantity": str(line.quantity),
        "entitled": str(line.entitled),
        "amount": settled.amount.minor,
        "discount": settled.discount.minor,
        "credits": settled.credits.minor,
        "tier": line.tier,
        "reason": line.reason,
        "events": line.used.events,
        "drill": drill(line),
        "commitment": commitment,
        "period_start": span.start,
        "period_end": span.end,
        "meta": {},
        "created_at": now,
    }


def drill(line: RatedLine) -> list[dict[str, Any]]:
    """The kinds of events behind a line, the largest first; beyond so many the rest is one."""
    kinds = sorted(
        _alike(line.used.kinds), key=lambda kind: (-kind.quantity, kind.name, sorted(kind.properties.items()))
    )
    shown = [
        {
            "event_name": kind.name,
            "properties": dict(kind.properties),
            "events": kind.events,
            "quantity": figure(kind.quantity),
        }
        for kind in kinds[:MOST_KINDS]
    ]
    rest = kinds[MOST_KINDS:]
    if rest:
        shown.append(
            {
                "event_name": "",
                "properties": {},
                "events": sum(kind.events for kind in rest),
                "quantity": figure(sum((kind.quantity for kind in rest), Fraction(0))),
            }
        )
    return shown


def _alike(kinds: Sequence[UsedKind]) -> list[UsedKind]:
    """Those that say the same as one."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], UsedKind] = {}
    for kind in kinds:
        key = (kind.name, tuple(sorted(kind.properties.items())))
        before = found.get(key, replace(kind, events=0, quantity=Fraction(0)))
        found[key] = replace(kind, events=kind.events + before.events, quantity=kind.quantity + before.quantity)
    return list(found.values())


def figure(amount: Fraction) -> str:
    """An exact figure as decimal text, to twelve decimals where it has no end."""
    return plain(decimal_of(amount, 12))
