"""What an operator's graphs ask of the database: how much waits, and how much is held in all. Never whose."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, FromClause, func, select

from app.generation import rows
from app.jobs.tables import chore
from app.kernel.money import MICRO
from app.kernel.tables import outbox
from app.ledger.tables import wallet
from app.mirror import standing
from app.notify.tables import mail
from app.notify.webhook_tables import webhook_delivery

#: Name, what it means, its labels, and a figure for each of their values.
Figure = tuple[str, str, tuple[str, ...], dict[tuple[str, ...], float]]


def read(connection: Connection, now: datetime) -> list[Figure]:
    """All of them, as they are at this moment."""
    generation = rows.GENERATION.c
    balance, held = connection.execute(select(func.sum(wallet.c.balance), func.sum(wallet.c.held))).one()
    turns = connection.execute(select(chore.c.name, chore.c.failures, chore.c.next_at)).all()
    return [
        _counted(
            connection, "farebox_generations_open", "Generations that are not finished.", "state",
            generation.state, rows.GENERATION, generation.finished_at.is_(None),
        ),
        _counted(
            connection, "farebox_outbox_waiting", "Promises of the outbox that wait.", "topic",
            outbox.c.topic, outbox, outbox.c.state == "waiting",
        ),
        _one("farebox_webhook_backlog", "Webhook deliveries that wait.", _number(connection, webhook_delivery)),
        _one("farebox_mail_waiting", "Mails that wait.", _number(connection, mail)),
        _one("farebox_credits_outstanding", "Credits of all customers together.", int(balance or 0) / MICRO),
        _one("farebox_credits_held", "Credits held for what is under way.", int(held or 0) / MICRO),
        ("farebox_chore_failures", "Turns of a chore that failed in a row.", ("chore",),
         {(turn.name,): float(turn.failures) for turn in turns}),
        ("farebox_chore_late_seconds", "How long ago a chore was due.", ("chore",),
         {(turn.name,): max(0.0, (now - turn.next_at).total_seconds()) for turn in turns}),
        *_mirror(connection),
    ]  # fmt: skip


def _mirror(connection: Connection) -> list[Figure]:
    """Only where there is one."""
    found = standing.read(connection)
    if not found.url:
        return []
    return [
        _one("farebox_mirror_backlog", "Events and things that wait for the mirror.", float(found.backlog)),
        _one("farebox_mirror_refused", "What the mirror refused and an operator has to look at.", float(found.failed)),
        _one("farebox_mirror_failures", "Turns in a row that could not reach the mirror.", float(found.failures)),
    ]


def _counted(
    connection: Connection,
    name: str,
    help_: str,
    label: str,
    column: ColumnElement[str],
    table: FromClause,
    where: ColumnElement[bool],
) -> Figure:
    found = connection.execute(select(column, func.count()).select_from(table).where(where).group_by(column))
    return name, help_, (label,), {(str(key),): float(count) for key, count in found}


def _number(connection: Connection, table: FromClause) -> float:
    query = select(func.count()).select_from(table).where(table.c.state == "waiting")
    return float(connection.execute(query).scalar_one())


def _one(name: str, help_: str, value: float) -> Figure:
    return name, help_, (), {(): value}
