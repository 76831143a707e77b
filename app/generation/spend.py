"""What a key, a model or a workspace has under way and has spent: facts of the books, read under the wallet's lock.

Under way is counted from the generations that are not finished; a chat whose answer was lost holds its credits, and
runs no more: nobody would have to wait for it. Spent is `spend`, which the database adds to in the
statement that finishes a generation (`guards.py`). A day's budget is what was charged since 00:00 UTC and what is held
now: a job that was started yesterday and is still running counts today, whenever it ends.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from app.generation.lifecycle import State
from app.generation.rows import GENERATION
from app.generation.tables import Spend
from app.kernel.db import metadata

SPEND = metadata.tables[str(Spend.__tablename__)]
#: A job may go on at its provider when the answer to its submission was lost; text comes in the answer or not at all.
_RUNS = (GENERATION.c.state != State.UNKNOWN) | GENERATION.c.modality.not_in(("text", "embedding"))
PLAYGROUND = ""  # how `spend` names what no key asked for


@dataclass(frozen=True, slots=True)
class Used:
    """Of one key, one model within a workspace, or one workspace. Micro-credits."""

    running: int = 0
    held_micros: int = 0
    day_micros: int = 0
    month_micros: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one request: all three at once."""

    key: Used
    model: Used
    workspace: Used


def standing(connection: Connection, workspace_id: str, key_id: str | None, model_id: str, now: datetime) -> Standing:
    """Two statements, each by an index of the workspace's own rows: what is running, and this month's days."""
    open_rows = connection.execute(_running(workspace_id, key_id, model_id)).one()
    spent = connection.execute(_spent(workspace_id, key_id, model_id, now)).one()
    used = [
        Used(*(int(figure or 0) for figure in figures))
        for figures in zip(open_rows[0::2], open_rows[1::2], spent[0::2], spent[1::2], strict=True)
    ]
    return Standing(*used)


def spent_by(connection: Connection, workspace_id: str, now: datetime) -> dict[str, Used]:
    """What every key of the workspace used this day and month, by its id; the workspace itself by its own."""
    day, month = f"{now:%Y-%m-%d}", f"{now:%Y-%m}-01"
    sums = (
        select(
            SPEND.c.api_key_id,
            func.sum(case((SPEND.c.day == day, SPEND.c.charged_micros), else_=0)),
            func.sum(SPEND.c.charged_micros),
        )
        .where(SPEND.c.workspace_id == workspace_id, SPEND.c.day >= month, SPEND.c.day <= day)
        .group_by(SPEND.c.api_key_id)
    )
    under_way = (
        select(GENERATION.c.api_key_id, func.count(), func.sum(GENERATION.c.hold_micros))
        .where(GENERATION.c.workspace_id == workspace_id, GENERATION.c.finished_at.is_(None))
        .group_by(GENERATION.c.api_key_id)
    )
    running = {row[0] or PLAYGROUND: (int(row[1]), int(row[2])) for row in connection.execute(under_way)}
    spent = {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(sums)}
    found = {key: Used(*running.get(key, (0, 0)), *spent.get(key, (0, 0))) for key in running.keys() | spent.keys()}
    whole = [sum(getattr(used, name) for used in found.values()) for name in Used.__dataclass_fields__]
    return found | {workspace_id: Used(*whole)}


def _running(workspace_id: str, key_id: str | None, model_id: str) -> Any:
    mine = _is_key(GENERATION.c.api_key_id, key_id), GENERATION.c.model_id == model_id, None
    columns = [column for which in mine for column in (_count(which), _sum(which, GENERATION.c.hold_micros))]
    return select(*columns).where(GENERATION.c.workspace_id == workspace_id, GENERATION.c.finished_at.is_(None))


def _spent(workspace_id: str, key_id: str | None, model_id: str, now: datetime) -> Any:
    today, amount = SPEND.c.day == f"{now:%Y-%m-%d}", SPEND.c.charged_micros
    mine = SPEND.c.api_key_id == (key_id or PLAYGROUND), SPEND.c.model_id == model_id, None
    columns = [
        column
        for which in mine
        for column in (_sum(today if which is None else today & which, amount), _sum(which, amount))
    ]
    return select(*columns).where(SPEND.c.workspace_id == workspace_id, SPEND.c.day >= f"{now:%Y-%m}-01")


def _is_key(column: ColumnElement[Any], key_id: str | None) -> ColumnElement[bool]:
    return column.is_(None) if key_id is None else column == key_id


def _count(which: ColumnElement[bool] | None) -> ColumnElement[int]:
    return func.sum(case((_RUNS if which is None else which & _RUNS, 1), else_=0))


def _sum(which: ColumnElement[bool] | None, amount: ColumnElement[int]) -> ColumnElement[int]:
    return func.sum(amount) if which is None else func.sum(case((which, amount), else_=0))
