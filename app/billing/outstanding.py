"""What a customer's open invoices still ask for, and what the running period has come to: before it is billed."""

from datetime import datetime

from sqlalchemy import Connection

from app.billing.wallet_words import Outstanding


def outstanding(_connection: Connection, _workspace_id: str, _currency: str, _now: datetime) -> Outstanding:
    """Nothing, as long as nothing is billed afterwards."""
    return Outstanding()
