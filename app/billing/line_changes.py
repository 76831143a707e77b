"""One line of a subscription goes on at other terms: what it was ends, and its successor begins at that moment."""

from datetime import datetime

from sqlalchemy import Connection, Row, update

from app.billing import agreeing, closing, heirs, joining, prorating, subscriptions
from app.billing.lifecycle import State
from app.billing.pinned import pin, unpin
from app.billing.subscriptions import LINE, Line
from app.kernel.errors import AmountTooLarge, Conflict
from app.kernel.given import Given
from app.plans.price_book import COSTS

#: What a line may be committed to, and what the same is called where a subscription is made.
COMMITTED = {
    "commitment_amount": "commitment_amount",
    "commitment_overage_factor": "overage_factor",
    "commitment_true_up_enabled": "enable_true_up",
    "commitment_windowed": "is_window_commitment",
}


def change(connection: Connection, line_id: str, given: Given, now: datetime) -> Row[tuple[object, ...]]:
    """What it costs or is committed to, from `effective_from` or now: answers the successor. Notes change in place."""
    row = closing.catch_up(connection, subscriptions.line_of(connection, line_id).subscription_id, now=now)
    line = subscriptions.line_of(connection, line_id)
    if row.state == State.CANCELLED or (line.end_at is not None and line.end_at <= now):
        raise Conflict("A line that has ended does not change.", code="invalid_operation")
    meta = {**line.meta, **given.labels()}
    if not any(given.has(name) for name in (*COSTS, *COMMITTED)):
        if given.has("effective_from"):
            raise given.wrong("effective_from", "is for what it costs: notes change at once.")
        connection.execute(update(LINE).where(LINE.c.id == line_id).values(meta=meta, updated_at=now))
        return subscriptions.line_of(connection, line_id)
    subscriptions.require_changeable(row, line, now)
    at = given.maybe_moment("effective_from") or now
    if at < max(now, line.start_at):
        raise given.wrong("effective_from", "must not be past, nor before the line begins.")
    if line.end_at is not None and line.end_at <= at:
        raise given.wrong("effective_from", "must be before the line ends.")
    price = agreeing.overridden(connection, unpin(line.price), given)
    kept = line.commitment or {}
    before = {name: kept[known] for name, other in COMMITTED.items() for known in (name, other) if known in kept}
    said = {**before, **agreeing.committed(given, before)}
    heir = Line(pin(price), line.quantity, line.name, said or None, tuple(line.coupons or ()), meta, at, line.end_at)
    agreeing.bearable(connection, heir, agreeing.rhythm_of(row), given)
    prorating.hold(connection, row, now)  # what is paid ahead already stays as it was
    subscriptions.end_line(connection, line_id, at=at, now=now)
    (made,) = subscriptions.add_lines(
        connection, row.id, line.plan_id, line.plan_name, [heir], at, now, association=line.association_id
    )
    row = joining.follow(connection, row.id, {line_id: made}, now)
    heirs.hand_over(connection, row, {line_id: made}, now)
    return subscriptions.line_of(connection, made)


def end(connection: Connection, line_id: str, *, at: datetime | None, now: datetime) -> Row[tuple[object, ...]]:
    """It ends `at` a moment, or now: what was used before is billed. A period that comes to more than an invoice can
    hold stays open for it: from its beginning on, an end of the line is what mends it."""
    within = connection.begin_nested()
    try:
        closing.catch_up(connection, subscriptions.line_of(connection, line_id).subscription_id, now=now)
    except AmountTooLarge:
        within.rollback()
    return subscriptions.end_line(connection, line_id, at=at or now, now=now)
