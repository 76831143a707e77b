"""Prices that hang on one subscription: each is a line of it from the start, and goes before a price of the plan that
matches as closely."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from app.billing import agreeing, closing, heirs, joining, line_coupons, prorating, subscriptions
from app.billing.lifecycle import State
from app.billing.pinned import OWN, pin
from app.billing.subscriptions import Line
from app.kernel.errors import Conflict
from app.kernel.given import Given
from app.plans import price_book
from app.plans.shelf import Record


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A new price; one of a subscription is billed with it from its `start_date`, or now."""
    [made] = _create(connection, [given], actor, now)
    return made


def create_many(connection: Connection, given: Given, *, actor: str, now: datetime) -> list[Record]:
    """1 to 100 prices, all or none."""
    return _create(connection, given.objects("items", least=1, most=price_book.MOST_AT_ONCE), actor, now)


def _create(connection: Connection, items: Sequence[Given], actor: str, now: datetime) -> list[Record]:
    """Those of one subscription join it together: what they cost ahead is on one invoice."""
    found, joining_ = list[Record](), dict[str, list[Line]]()
    for given in items:
        if given.raw.get("entity_type") != OWN:
            found.append(price_book.create(connection, given, actor=actor, now=now))
            continue
        row = _open(connection, given.text("entity_id"), actor, now)
        made = price_book.create(connection, given, actor=actor, now=now)
        subscriptions.require_open(row, made["start_date"], "start_date")
        line = Line(pin(made), agreeing.least(made), start_at=made["start_date"], end_at=made["end_date"])
        agreeing.bearable(connection, line, agreeing.rhythm_of(row), given)
        joining_.setdefault(row.id, []).append(line)
        found.append(made)
    for subscription_id, lines in joining_.items():
        joining.join(connection, _open(connection, subscription_id, actor, now), lines, actor=actor, now=now)
    return found


def _open(connection: Connection, subscription_id: str, actor: str, now: datetime) -> Row[Any]:
    row = closing.catch_up(connection, subscription_id, now=now, actor=actor)
    if row.state == State.CANCELLED:
        raise Conflict("A cancelled subscription takes no more prices.", code="invalid_operation")
    return row


def change(connection: Connection, price_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """As any price; where a successor is made of a subscription's own, its lines go over to it at that moment."""
    old = price_book.get(connection, price_id)
    changed = price_book.change(connection, price_id, given, actor=actor, now=now)
    if old["entity_type"] != OWN or changed["id"] == price_id:
        return changed
    at, row = changed["start_date"], closing.catch_up(connection, old["entity_id"], now=now, actor=actor)
    subscriptions.require_open(row, at, "effective_from")
    going_on = [
        line for line in subscriptions.lines_of(connection, row.id)
        if line.price_id == price_id and (line.end_at is None or line.end_at > at)
    ]  # fmt: skip
    for line in going_on:
        subscriptions.require_changeable(row, line, now)
    new = [
        Line(pin(changed), line.quantity, line.name, line.commitment, tuple(line.coupons or ()), line.meta,
             max(at, line.start_at), line.end_at)
        for line in going_on
    ]  # fmt: skip
    prorating.hold(connection, row, now)  # what is paid ahead already stays as it was
    for line in going_on:
        subscriptions.end_line(connection, line.id, at=at, now=now)
    made = subscriptions.add_lines(connection, row.id, row.plan_id, "", new, at, now)
    line_coupons.pass_on(connection, row, {price_id: str(changed["id"])}, now, by="price_id")
    by_line = dict(zip((line.id for line in going_on), made, strict=True))
    heirs.hand_over(connection, joining.follow(connection, row.id, by_line, now), by_line, now)
    return changed


def end(connection: Connection, price_id: str, given: Given, *, actor: str, now: datetime) -> Record:
    """As any price; with a subscription's own its lines end too."""
    ended = price_book.end(connection, price_id, given, actor=actor, now=now)
    if ended["entity_type"] == OWN:
        closing.catch_up(connection, ended["entity_id"], now=now, actor=actor)
        for line in subscriptions.lines_of(connection, ended["entity_id"]):
            if line.price_id == price_id and (line.end_at is None or line.end_at > ended["end_date"]):
                subscriptions.end_line(connection, line.id, at=ended["end_date"], now=now)
    return ended
