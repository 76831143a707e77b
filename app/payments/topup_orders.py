"""Whether a workspace is topped up now, and by how much: looked at without a lock, then decided under the lock of its
rules and written as an order with its charge. One is under way at a time, by a unique index.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, insert, select
from sqlalchemy.exc import IntegrityError

from app.accounts.tables import Workspace
from app.invoicing.tax_elsewhere import TaxNotCalculated
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.taxes import Taxes
from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.money import CREDIT, Money
from app.kernel.text import t
from app.ledger import reads as books
from app.ledger.reads import Balance
from app.ledger.tables import wallet
from app.payments import rows, saved_card_rows, tables, topup_rows
from app.payments.card_tables import auto_topup, off_session_charge
from app.payments.orders import AUTO_TOPUP, Draft, Sale, insert_order
from app.payments.packages import Package
from app.payments.stripe_client import StripeDoor
from app.payments.topup_rules import (
    WORTH_A_MAIL,
    HoldOff,
    Rules,
    Standing,
    State,
    again_at,
    day_of,
    holding_off,
    month_of,
)
from app.payments.topup_settings import sold_by
from app.payments.waiting import BATCH, BEING_ASKED

WORKSPACE = metadata.tables[str(Workspace.__tablename__)]
AVAILABLE = wallet.c.balance + wallet.c.credit_limit - wallet.c.owed - wallet.c.held - wallet.c.debt


@dataclass(frozen=True, slots=True)
class Wanted:
    """What would be charged: `net` at list prices, with its tax."""

    rules: Rules
    package: Package
    net: Fiat
    tax: TaxSnapshot

    @property
    def sale(self) -> Sale:
        return _sale(self.package, self.package.rate(self.rules.currency).credits_for(self.net))

    def is_too_much(self, balance: Balance) -> bool:
        """Whether less would be asked for at this balance, or nothing."""
        least = self.rules.wanted(balance.available, self.package.rate(self.rules.currency))
        return balance.frozen or least is None or least.minor < self.net.minor


class TopupOrders:
    """The orders of automatic top-ups, at the provider behind `door`."""

    def __init__(self, db: Database, clock: Clock, taxes: Taxes, door: StripeDoor) -> None:
        self._db, self._clock, self._taxes, self._door = db, clock, taxes, door

    def low(self) -> list[str]:
        """Workspaces whose balance is below their threshold, and that nothing keeps from being topped up."""
        orders = tables.payment_order.c
        under_way = exists().where(
            orders.workspace_id == auto_topup.c.workspace_id,
            orders.kind == AUTO_TOPUP,
            orders.state.in_([str(state) for state in topup_rows.UNDER_WAY]),
        )
        now = self._clock()
        query = (
            select(auto_topup.c.workspace_id)
            .join(wallet, (wallet.c.workspace_id == auto_topup.c.workspace_id) & (wallet.c.unit == CREDIT))
            .join(WORKSPACE, WORKSPACE.c.id == auto_topup.c.workspace_id)
            .where(
                auto_topup.c.state == str(State.ON),
                (auto_topup.c.not_before.is_(None)) | (auto_topup.c.not_before <= now),
                auto_topup.c.threshold_micros > AVAILABLE,
                ~wallet.c.frozen,
                WORKSPACE.c.suspended_at.is_(None),
                ~under_way,
            )
            .order_by(auto_topup.c.not_before, auto_topup.c.workspace_id)
            .limit(BATCH)
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def begin(self, workspace_id: str) -> str | None:
        """Decide, and write the order of it; None when nothing is to be charged."""
        with self._db.read() as connection:
            setting = topup_rows.find(connection, workspace_id)
            if setting is None or setting.state != State.ON or _is_suspended(connection, workspace_id):
                return None
            rules = topup_rows.rules_of(setting)
            try:
                package = sold_by(connection, rules.currency, setting.package_id)
            except InvalidInput:
                package = None
            balance = books.balance(connection, workspace_id)
        if package is None:
            self.cannot(workspace_id, "package_gone")
            return None
        net = None if balance.frozen else rules.wanted(balance.available, package.rate(rules.currency))
        if net is None:
            return None
        try:
            tax = self._taxes.quote_tax(workspace_id, net)
        except TaxNotCalculated:
            raise
        except (Conflict, InvalidInput) as missing:
            self.cannot(workspace_id, missing.stable_code)
            return None
        try:
            return self._write(workspace_id, setting.consent_id, Wanted(rules, package, net, tax))
        except IntegrityError:
            return None  # another one is under way since a moment ago

    def _write(self, workspace_id: str, consent_id: str, wanted: "Wanted") -> str | None:
        now, rules, tax = self._clock(), wanted.rules, wanted.tax
        with self._db.write() as connection:
            setting = topup_rows.find(connection, workspace_id, lock=True)
            if setting is None or setting.state != State.ON or setting.consent_id != consent_id:
                return None
            if wanted.is_too_much(books.balance(connection, workspace_id)):
                return None  # credits came while the tax was worked out; the next turn looks anew
            seen = topup_rows.standing(connection, workspace_id, rules.currency, now)
            standing = Standing(seen.spent, seen.today, seen.last_at, seen.in_flight, setting.not_before)
            reason = holding_off(rules, tax.total_gross, standing, now)
            if reason is not None:
                self._hold_off(connection, workspace_id, rules, tax.total_gross, reason, standing)
                return None
            card = saved_card_rows.by_id(connection, setting.card_id)
            if card is None or card.state != saved_card_rows.ACTIVE:
                topup_rows.disable(connection, workspace_id, topup_rows.MISSING, now, key=setting.consent_id)
                return None
            draft = Draft(
                workspace_id,
                self._door.name,
                self._door.livemode,
                wanted.sale,
                tax,
                setting.terms_version_id,
                rows.SYSTEM,
                f"topup:{workspace_id}:{setting.consent_id}:{now.timestamp()}",
            )
            order = insert_order(connection, draft, now)
            rows.change(connection, order.id, now, customer_id=card.customer_id)
            connection.execute(
                insert(off_session_charge).values(
                    order_id=order.id,
                    card_id=card.id,
                    method_id=card.method_id,
                    customer_id=card.customer_id,
                    state=topup_rows.ASKED,
                    looks=0,
                    asked_at=now,
                    look_at=now + BEING_ASKED,
                    updated_at=now,
                )
            )
            return order.id

    def _hold_off(
        self,
        connection: Connection,
        workspace_id: str,
        rules: Rules,
        gross: Fiat,
        reason: HoldOff,
        standing: Standing,
    ) -> None:
        """Not now: look again when that can have changed, and say so where only its owner can change it."""
        now = self._clock()
        later = again_at(reason, standing, now)
        if later is not None:
            topup_rows.change(connection, workspace_id, now, not_before=later)
        if reason in WORTH_A_MAIL:
            period = day_of(now)[0] if reason is HoldOff.DAY_LIMIT else month_of(now)[0]
            outbox.mail(
                connection,
                "topup_failed",
                key=f"topup_held:{workspace_id}:{reason}:{period:%Y-%m-%d}:{rules.month_cap.minor}",
                workspace_id=workspace_id,
                params={"amount": gross, "reason": str(reason), "retry_at": later},
            )

    def wait(self, workspace_id: str, until: datetime) -> None:
        """Leave it alone until then."""
        with self._db.write() as connection:
            topup_rows.change(connection, workspace_id, self._clock(), not_before=until)

    def cannot(self, workspace_id: str, reason: str) -> None:
        """Turn its rules off, and say why."""
        with self._db.write() as connection:
            topup_rows.disable(connection, workspace_id, reason, self._clock(), key=f"{self._clock():%Y-%m-%d %H:%M}")


def _is_suspended(connection: Connection, workspace_id: str) -> bool:
    """Whoever may use nothing is charged for nothing."""
    query = select(WORKSPACE.c.suspended_at).where(WORKSPACE.c.id == workspace_id)
    return connection.execute(query).scalar() is not None


def _sale(package: Package, credits: Money) -> Sale:
    """A free amount on the terms of a package, bonus apart: what it buys at the list price, with tax in it or not."""
    return Sale(
        AUTO_TOPUP,
        t("payments.topup.title"),
        credits,
        Money(0),
        package.content.expires_days,
        None,
        package.version_id,
    )
