"""Who is told of a dispute, in the transaction of what is told."""

from sqlalchemy import Connection

from app.kernel import outbox
from app.kernel.fiat import Fiat
from app.payments.dispute_turns import Turn
from app.payments.stripe_returns import DisputeSeen


def opened(connection: Connection, turn: Turn) -> None:
    """To the customer: credits of theirs rest."""
    told = {"order": turn.order.reference, "amount": turn.booked, "credits": turn.credits}
    outbox.mail(
        connection,
        "dispute_opened",
        key=f"dispute_opened:{turn.ref}",
        workspace_id=turn.order.workspace_id,
        params=told,
    )


def won(connection: Connection, turn: Turn) -> None:
    """To the customer: they are there again."""
    told = {"order": turn.order.reference, "amount": turn.booked}
    outbox.mail(
        connection, "dispute_won", key=f"dispute_won:{turn.ref}", workspace_id=turn.order.workspace_id, params=told
    )


def to_operators(connection: Connection, turn: Turn, seen: DisputeSeen) -> None:
    """What the bank says of it, once for each word."""
    outbox.mail(
        connection,
        "dispute_notice",
        key=f"dispute:{turn.ref}:{seen.status}",
        operators=True,
        params={
            "workspace": turn.order.workspace_id,
            "order": turn.order.reference,
            "amount": Fiat(turn.row.amount_minor, turn.row.currency),
            "reason": seen.reason,
            "status": seen.status,
            "due_by": seen.due_by,
        },
    )
