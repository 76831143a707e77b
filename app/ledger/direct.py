"""Operations of the ledger in a transaction that somebody else has open: an invoice and the credits that pay it.

The lane is for what happens all the time; this is for what must commit together with rows of its own. The wallets are
locked by one statement in the order of their ids, as the lane locks them.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.kernel.clock import Clock
from app.ledger.lane import at_once
from app.ledger.operations import Operation, Result


def post(connection: Connection, ops: Sequence[Operation], clock: Clock) -> list[Result]:
    """Do them all or raise what refused the first of them: the caller's transaction is then to be rolled back."""
    found: list[Result] = []
    for outcome in at_once(connection, ops, clock):
        if isinstance(outcome, Exception):
            raise outcome
        found.append(outcome)
    return found
