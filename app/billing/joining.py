"""Lines that join a subscription while it runs. What is paid ahead is charged for the days that are left of the period,
on an invoice of its own; everything else is billed with the period."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from app.billing import drafts, invoices, prorating, subscriptions
from app.billing.lifecycle import State
from app.billing.rating import RatedLine
from app.billing.subscriptions import Line
from app.billing.wanted import Wanted


def join(
    connection: Connection, row: Row[Any], lines: Sequence[Line], *, prorate: bool = True, actor: str, now: datetime
) -> list[str]:
    """Add these lines from their `start_at`, or now: their ids. Without `prorate` what is paid ahead costs nothing
    until the next period. The caller has locked the subscription."""
    prorating.hold(connection, row, now)
    line_ids = subscriptions.add_lines(connection, row.id, row.plan_id, "", lines, now, now)
    if prorate and line_ids and row.state in (State.ACTIVE, State.INCOMPLETE):
        added = [subscriptions.line_of(connection, each) for each in line_ids]
        charged = [part for line in added if (part := prorating.joined(row, line)) is not None]
        if charged:
            _invoice(connection, row, line_ids[0], charged, actor, now)
    return line_ids


def _invoice(
    connection: Connection, row: Row[Any], named: str, charged: Sequence[RatedLine], actor: str, now: datetime
) -> None:
    head = invoices.Head(
        customer_id=row.customer_id,
        workspace_id=row.workspace_id,
        currency=row.currency,
        source=f"{row.id}:join:{named}",
        kind=invoices.SUBSCRIPTION,
        reason="SUBSCRIPTION_UPDATE",
        subscription_id=row.id,
    )
    wanted = Wanted(subscriptions.period_of(row), others=tuple(charged))
    invoices.keep(connection, head, drafts.build(connection, row, wanted, now=now), actor=actor, now=now)
