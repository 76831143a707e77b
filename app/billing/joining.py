"""Lines that join a subscription while it runs. What is paid ahead is charged for the days that are left of the period,
on an invoice of its own; everything else is billed with the period. In a pause nothing is served and nothing charged:
what joined meanwhile is charged when the subscription goes on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from app.billing import closing, invoices, line_coupons, prorating, subscriptions, turns
from app.billing.lifecycle import State
from app.billing.subscriptions import Line
from app.billing.wanted import Wanted

#: Under this name a paused subscription keeps the lines that are to be charged when it goes on.
WAITING: Final = "waiting_lines"


def join(
    connection: Connection, row: Row[Any], lines: Sequence[Line], *, prorate: bool = True, actor: str, now: datetime
) -> list[str]:
    """Add these lines from their `start_at`, or now: their ids. Without `prorate` what is paid ahead costs nothing
    until the next period. `row` is the subscription as `closing.catch_up` answers it."""
    prorating.hold(connection, row, now)
    line_ids = subscriptions.add_lines(connection, row.id, row.plan_id, "", lines, now, now)
    if not prorate or not line_ids:
        return line_ids
    if row.state == State.PAUSED:
        wait(connection, row, line_ids, now)
        _charge(connection, row, line_ids, line_ids[0], actor, now, until=_paused_since(connection, row))
    elif row.state in (State.ACTIVE, State.INCOMPLETE):
        _charge(connection, row, line_ids, line_ids[0], actor, now)
    return line_ids


def wait(connection: Connection, row: Row[Any], line_ids: Sequence[str], now: datetime) -> Row[Any]:
    """Have these lines of a paused subscription charged when it goes on."""
    waiting = [*row.agreed.get(WAITING, ()), *line_ids]
    return subscriptions.change(connection, row, now, agreed={**row.agreed, WAITING: waiting})


def follow(connection: Connection, subscription_id: str, heirs: Mapping[str, str], now: datetime) -> Row[Any]:
    """What goes on in another line has its coupons, and what waits meanwhile is charged in that one too: `heirs` by
    the line they follow. Answers the subscription with what was noted of it."""
    row = line_coupons.pass_on(connection, subscriptions.find(connection, subscription_id, lock=True), heirs, now)
    waiting = row.agreed.get(WAITING, ()) if row.state == State.PAUSED else ()
    if found := [heirs[line] for line in waiting if line in heirs]:
        return wait(connection, row, found, now)
    return row


def resume(
    connection: Connection, subscription_id: str, *, actor: str, now: datetime, meta: Mapping[str, str] | None = None
) -> tuple[Row[Any], Row[Any]]:
    """Let a paused subscription go on (`turns.resume`), and charge what joined it meanwhile for the days that
    are left from here."""
    waiting = closing.catch_up(connection, subscription_id, now=now, actor=actor).agreed.get(WAITING)
    row, paused = turns.resume(connection, subscription_id, now=now, meta=meta)
    if waiting:
        agreed = {name: said for name, said in row.agreed.items() if name != WAITING}
        row = subscriptions.change(connection, row, now, agreed=agreed)
        _charge(connection, row, waiting, f"{waiting[0]}:{paused.id}", actor, now, since=now)
    return row, paused


def _paused_since(connection: Connection, row: Row[Any]) -> datetime:
    still = [each for each in subscriptions.pauses_of(connection, row.id) if each.resumed_at is None]
    begun: datetime = still[0].begun_at
    return begun


def _charge(
    connection: Connection,
    row: Row[Any],
    line_ids: Sequence[str],
    named: str,
    actor: str,
    now: datetime,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    added = [subscriptions.line_of(connection, each) for each in line_ids]
    parts = (prorating.joined(row, line, since=since, until=until) for line in added)
    if charged := tuple(part for part in parts if part is not None):
        wanted = Wanted(subscriptions.period_of(row), others=charged)
        invoices.draw_up(connection, row, f"join:{named}", "SUBSCRIPTION_UPDATE", wanted, actor=actor, now=now)
