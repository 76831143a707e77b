"""Alerts of wallets: a balance that fell below what its owner chose, or rose above it. Each change of state is told
once: a row of the log, an announcement, and a mail to the workspace when it got worse.

A movement is judged in its own transaction; what is used in between (`real time`) by a chore.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from app.billing import wallet_events, wallet_moves, wallet_words, wallets
from app.billing.wallet_tables import alert_log
from app.billing.wallet_tables import wallet as _wallet
from app.billing.wallet_words import Outstanding
from app.billing.wallets import House, Record
from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.ids import new_id
from app.kernel.money import CREDIT, Money
from app.kernel.said import decimal
from app.ledger import reads

log = logging.getLogger(__name__)
#: From the worst to the mildest, with the state each puts a wallet in.
STATES: Final = (("critical", "in_alarm"), ("warning", "warning"), ("info", "info"))
RANK: Final = {"ok": 0, "info": 1, "warning": 2, "in_alarm": 3}
OUTSTANDING = Callable[[Connection, str, str], Outstanding]
AUTOMATIC: Final = "auto/"
UNITS: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


class WalletAlerts:
    """The chore: every wallet with an alert or an automatic top-up, by what it has left at the moment."""

    def __init__(self, db: Database, clock: Clock, house: House, outstanding: OUTSTANDING) -> None:
        self._db, self._clock, self._house, self._outstanding = db, clock, house, outstanding

    async def run(self) -> int:
        """How many changed their state or were filled."""
        return await asyncio.to_thread(self.look)

    def look(self) -> int:
        """A wallet a transaction: what is wrong with one delays no other."""
        watched = select(_wallet.c.id).where(
            _wallet.c.wallet_status == wallets.ACTIVE,
            _wallet.c.alert_settings.is_not(None) | _wallet.c.auto_topup.is_not(None),
        )
        with self._db.read() as connection:
            ids = list(connection.execute(watched.order_by(_wallet.c.id)).scalars())
        changed = 0
        for wallet_id in ids:
            try:
                changed += self._look_at(wallet_id)
            except Exception:
                log.exception("the wallet %s could not be looked at; it is tried again", wallet_id)
        return changed

    def _look_at(self, wallet_id: str) -> int:
        with self._db.read() as connection:
            row = wallets.get(connection, wallet_id, self._house)
            left = self._left(connection, row)
            state = state_of(connection, row, left, self._clock())
            if state == row["alert_state"] and not _needs_credits(row, left):
                return 0
        with self._db.write() as connection:
            row = wallets.get(connection, wallet_id, self._house)
            filled = fill(connection, row, self._left(connection, row), self._clock)
            return int(judge(connection, row, self._left(connection, row), self._clock())) + int(filled)

    def _left(self, connection: Connection, row: Record) -> Fraction:
        outstanding = self._outstanding(connection, str(row["workspace_id"]), str(row["currency"]))
        return wallet_words.real_time(connection, row, outstanding, self._clock())


def state_of(connection: Connection, row: Record, left: Fraction, now: datetime) -> str:
    """Where a wallet stands by its settings. Thresholds are in its currency, or per cent of what it was given."""
    settings: Mapping[str, Any] = row["alert_settings"] or {}
    if not settings.get("alert_enabled") or row["wallet_status"] != wallets.ACTIVE:
        return "ok"
    if settings.get("alert_threshold_type") == "percentage":
        lots = reads.lots(connection, str(row["workspace_id"]), now, str(row["unit"]))
        given = Fraction(sum(lot.granted.micros for lot in lots), 10**6) * wallets.rate_of(row)
        left = left / given * 100 if given else Fraction(0)
    for level, state in STATES:
        threshold = settings.get(level)
        if threshold is not None:
            limit = Fraction(Decimal(threshold["threshold"]))
            if left < limit if threshold["condition"] == "below" else left > limit:
                return state
    return "ok"


def judge(connection: Connection, row: Record, left: Fraction, now: datetime) -> bool:
    """Tell of a change of state, once; whether there was one."""
    state, before = state_of(connection, row, left, now), str(row["alert_state"])
    if state == before:
        return False
    mine = update(_wallet).where(_wallet.c.id == row["id"], _wallet.c.alert_state == before)
    if connection.execute(mine.values(alert_state=state)).rowcount != 1:
        return False  # somebody else was quicker, or nothing is kept of this wallet
    row = {**row, "alert_state": state}
    log_id, value = new_id("alog"), decimal(left)
    connection.execute(
        insert(alert_log).values(
            id=log_id, workspace_id=row["workspace_id"], customer_id=row["customer_id"], entity_type="wallet",
            entity_id=row["id"], alert_type="low_ongoing_balance", alert_status=state,
            settings=row["alert_settings"] or {}, value=value, created_at=now,
        )
    )  # fmt: skip
    is_worse = RANK[state] > RANK[before]
    info = {
        "state": state,
        "threshold": row["alert_settings"],
        "current_balance": value,
        "alert_type": "low_ongoing_balance",
    }
    told = "wallet.ongoing_balance.dropped" if is_worse else "wallet.ongoing_balance.recovered"
    wallet_events.wallet(connection, told, row, now, alert=info)
    if is_worse:
        credits = wallets.credits_of(connection, row).balance
        params = {"wallet": row["name"], "available": Money(credits.micros), "state": state}
        outbox.mail(
            connection, "wallet_low", key=f"wallet_low:{log_id}", workspace_id=str(row["workspace_id"]), params=params
        )
    return True


def fill(connection: Connection, row: Record, left: Fraction, clock: Clock) -> bool:
    """Add the credits of an automatic top-up where it is time; whether it was."""
    if not _needs_credits(row, left):
        return False
    settings, now = row["auto_topup"], clock()
    cooldown = settings.get("cooldown") or {"unit": "minute", "value": 5}
    wait = timedelta(seconds=UNITS[cooldown["unit"]] * max(1, int(cooldown["value"])))
    last = wallet_moves.latest(connection, row, AUTOMATIC)
    if last is not None and now - last.created_at < wait:
        return False
    # Named after the one before it: of two who look at once, one adds.
    ref = AUTOMATIC + (last.id if last is not None else "first")
    memo = {"transaction_reason": "PURCHASED_CREDIT_DIRECT", "description": "Automatic top-up"}
    amount = Fraction(Decimal(str(settings["amount"])))
    return not wallet_moves.credit(connection, row, amount, ref=ref, memo=memo, actor="system", clock=clock).already


def _needs_credits(row: Record, left: Fraction) -> bool:
    settings = row["auto_topup"] or {}
    # The product's own wallet is filled by paying: a saved card, an order, never by itself.
    if not settings.get("enabled") or row["unit"] == CREDIT or row["wallet_status"] != wallets.ACTIVE:
        return False
    return left <= Fraction(Decimal(str(settings["threshold"])))
