"""The statements of this package: conditional moves along the lifecycle, and the rows that record them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Update, bindparam, insert, or_, select, update

from app.generation.lifecycle import FINISHED, Event, State, after, sources
from app.generation.tables import Attempt, Generation, GenerationEvent, IdempotencyKey
from app.kernel import bulk
from app.kernel.db import metadata
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.ledger.companion import Companion

#: A row as it was read, or as it was just written.
Row = RowMapping | Mapping[str, Any]

GENERATION = metadata.tables[str(Generation.__tablename__)]
ATTEMPT = metadata.tables[str(Attempt.__tablename__)]
EVENT = metadata.tables[str(GenerationEvent.__tablename__)]
IDEMPOTENCY = metadata.tables[str(IdempotencyKey.__tablename__)]

INSERT_GENERATION = insert(GENERATION)
INSERT_ATTEMPT = insert(ATTEMPT)
INSERT_EVENT = insert(EVENT)
INSERT_IDEMPOTENCY = insert(IDEMPOTENCY)
#: What a call at once begins with, many at a time.
BEGIN_GENERATION = bulk.Insert(
    GENERATION,
    without=(
        "final", "charged_micros", "cost_micros", "percent", "queue_position", "cancel_requested_at", "error_code",
        "error_message", "deleted_at", "finished_at",
    ),
)  # fmt: skip
BEGIN_ATTEMPT = bulk.Insert(
    ATTEMPT,
    without=(
        "status_url", "response_url", "cancel_url", "cost_micros", "usage", "resolved", "billable_units", "error_code",
        "error_message",
    ),
)  # fmt: skip
TELL = bulk.Insert(EVENT)

#: The types of what the statements below are given.
GIVEN: bulk.Types = {
    "b_id": GENERATION.c.id.type,
    "b_now": GENERATION.c.updated_at.type,
    "b_next": GENERATION.c.next_check_at.type,
    "b_final": GENERATION.c.final.type,
    "b_charged": GENERATION.c.charged_micros.type,
    "b_cost": GENERATION.c.cost_micros.type,
    "b_code": GENERATION.c.error_code.type,
    "b_message": GENERATION.c.error_message.type,
    "b_state": ATTEMPT.c.state.type,
    "b_usage": ATTEMPT.c.usage.type,
    "b_resolved": ATTEMPT.c.resolved.type,
}
ALONE: bulk.Given = {name: bindparam(name, type_=kind) for name, kind in GIVEN.items()}


def _types(*names: str) -> bulk.Types:
    return {name: GIVEN[name] for name in names}


def _mover(event: Event, given: bulk.Given = ALONE) -> Update:
    """It is run for many generations at once, which a list after IN cannot be: the driver writes that out each time."""
    target = after(sources(event)[0], event)
    from_there = or_(*(GENERATION.c.state == source for source in sources(event)))
    statement = (
        update(GENERATION)
        .where(GENERATION.c.id == given["b_id"], from_there)
        .values(state=str(target), updated_at=given["b_now"], next_check_at=given["b_next"])
    )
    return statement.values(finished_at=given["b_now"]) if target in FINISHED else statement


MOVES = {event: _mover(event) for event in Event}
# Whoever was told that it is canceled is not charged: a result does not overtake a cancel that was accepted.
MOVES[Event.DELIVER] = MOVES[Event.DELIVER].where(GENERATION.c.cancel_requested_at.is_(None))
SETTLE = MOVES[Event.SETTLE].values(
    final=bindparam("b_final"), charged_micros=bindparam("b_charged"), cost_micros=bindparam("b_cost"), percent=100
)
ANSWER = bulk.Change(
    GENERATION,
    lambda given: _mover(Event.ANSWER, given).values(
        final=given["b_final"],
        charged_micros=given["b_charged"],
        cost_micros=given["b_cost"],
        error_code=given["b_code"],
        error_message=given["b_message"],
        percent=100,
    ),
    _types("b_id", "b_now", "b_next", "b_final", "b_charged", "b_cost", "b_code", "b_message"),
)
FAIL = MOVES[Event.FAIL].values(
    charged_micros=0,
    cost_micros=bindparam("b_cost"),
    error_code=bindparam("b_code"),
    error_message=bindparam("b_message"),
)
FORFEIT = MOVES[Event.FORFEIT].values(
    final=bindparam("b_final"),
    charged_micros=bindparam("b_charged"),
    cost_micros=bindparam("b_cost"),
    error_code=bindparam("b_code"),
    error_message=bindparam("b_message"),
)


def _close_attempt(given: bulk.Given = ALONE) -> Update:
    return (
        update(ATTEMPT)
        .where(ATTEMPT.c.id == given["b_id"])
        .values(
            state=given["b_state"],
            cost_micros=given["b_cost"],
            error_code=given["b_code"],
            error_message=given["b_message"],
            updated_at=given["b_now"],
        )
    )


UPDATE_ATTEMPT = _close_attempt()
ANSWER_ATTEMPT = bulk.Change(
    ATTEMPT,
    lambda given: _close_attempt(given).values(usage=given["b_usage"], resolved=given["b_resolved"]),
    _types("b_id", "b_state", "b_cost", "b_code", "b_message", "b_now", "b_usage", "b_resolved"),
)
#: Holds only while nothing was asked of a provider: whoever lost that race must not close what was bought meanwhile.
CLOSE_UNSENT = UPDATE_ATTEMPT.where(ATTEMPT.c.state == "intent")
#: Holds only while nobody knows its job at the provider.
CLOSE_UNFOUND = UPDATE_ATTEMPT.where(ATTEMPT.c.upstream_id.is_(None))


def event(
    generation_id: str,
    kind: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    *,
    operator_only: bool = False,
) -> dict[str, Any]:
    """One line of the trace, as the row to insert."""
    return {
        "id": new_id("evt"),
        "generation_id": generation_id,
        "kind": kind,
        "detail": dict(detail or {}),
        "operator_only": operator_only,
        "created_at": now,
    }


def event_companion(*args: Any, **kwargs: Any) -> Companion:
    return Companion(TELL, event(*args, **kwargs))


def move(connection: Connection, what: Event, generation_id: str, now: datetime, next_check: datetime | None) -> bool:
    """Take the step if the table allows it from the present state; False when somebody else was quicker."""
    result = connection.execute(MOVES[what], {"b_id": generation_id, "b_now": now, "b_next": next_check})
    return result.rowcount == 1


def record(connection: Connection, *args: Any, **kwargs: Any) -> None:
    connection.execute(INSERT_EVENT, event(*args, **kwargs))


def generation(connection: Connection, generation_id: str) -> RowMapping:
    """The row, or `NotFound`."""
    row = connection.execute(select(GENERATION).where(GENERATION.c.id == generation_id)).mappings().first()
    if row is None:
        raise NotFound(f"There is no generation {generation_id}.", code="generation_not_found")
    return row


def locked_state(connection: Connection, generation_id: str) -> State:
    """Where it stands, and stays until this transaction ends."""
    found = select(GENERATION.c.state).where(GENERATION.c.id == generation_id).with_for_update()
    return State(connection.execute(found).scalar_one())


def attempts(connection: Connection, generation_id: str) -> list[RowMapping]:
    """Every attempt, oldest first; the last one is the one that counts."""
    found = select(ATTEMPT).where(ATTEMPT.c.generation_id == generation_id).order_by(ATTEMPT.c.number)
    return list(connection.execute(found).mappings())


def attempt_row(
    generation_id: str,
    number: int,
    route: Any,
    now: datetime,
    expected_cost_micros: int | None,
    choice: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A new attempt on a route, still only an intention. `choice` is why this route, for the trace."""
    return {
        "id": new_id("att"),
        "generation_id": generation_id,
        "number": number,
        "route_id": route.route_id,
        "provider_id": route.provider_id,
        "upstream_model": route.upstream_model,
        "state": "intent",
        "choice": None if choice is None else dict(choice),
        "expected_cost_micros": expected_cost_micros,
        "created_at": now,
        "updated_at": now,
    }
