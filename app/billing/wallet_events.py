"""What is announced of wallets, in the transaction in which it happens."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.billing import wallet_history, wallet_words
from app.kernel import events

Record = Mapping[str, Any]


def wallet(connection: Connection, type_: str, row: Record, now: datetime, **more: Any) -> None:
    """A wallet as it stands after what happened to it."""
    key = f"{type_}:{row['id']}:{now.isoformat()}"
    events.announce(connection, type_, {"wallet": wallet_words.shown(connection, row), **more}, key=key)


def moved(connection: Connection, row: Record, journal_id: str, now: datetime) -> None:
    """A movement, and the balance it leaves."""
    transaction = wallet_history.of_journal(connection, row, journal_id)
    said = wallet_words.transaction(row, transaction)
    events.announce(
        connection, "wallet.transaction.created", {"transaction": said}, key=f"wallet.transaction:{journal_id}"
    )
    wallet(connection, "wallet.ongoing_balance.updated", row, now)
