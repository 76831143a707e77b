"""The rules of a workspace's automatic top-up: agreed to, shown, and turned off. Off until somebody turns it on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from app.accounts.tables import AuditEvent
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.fiat import Fiat, psp_minor
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.ledger import reads as books
from app.payments import consent as consents
from app.payments import packages, rows, saved_card_rows, tables, terms, topup_rows
from app.payments.card_tables import auto_topup
from app.payments.consent import TOPUP_WORDING, Consent
from app.payments.lifecycle import State as OrderState
from app.payments.orders import AUTO_TOPUP, Quote
from app.payments.packages import Package
from app.payments.saved_card_rows import SavedCard
from app.payments.topup_rules import Rules, Standing, State

AUDIT = metadata.tables[str(AuditEvent.__tablename__)]


@dataclass(frozen=True, slots=True)
class TopupChoice:
    """What is turned on. `terms_version_id` is accepted for every order that comes of it."""

    workspace_id: str
    rules: Rules
    card_id: str
    terms_version_id: str | None
    consent: Consent


@dataclass(frozen=True, slots=True)
class Preview:
    """One charge by these rules as of now, and the sentence to agree to. `at_once`: it would be made right away."""

    credits: Money
    tax: TaxSnapshot
    at_once: bool
    sentence: str
    wording: str

    @property
    def total(self) -> Fiat:
        return self.tax.total_gross


@dataclass(frozen=True, slots=True)
class TopupView:
    """How automatic top-up stands. `rules` and the rest are those last agreed to, even while it is off."""

    state: State
    reason: str
    rules: Rules
    card: SavedCard | None
    standing: Standing
    failures: int
    changed_at: datetime


class TopupSettings:
    """Reads and writes the rules; nothing here charges anything."""

    def __init__(self, db: Database, clock: Clock, quote: Quote) -> None:
        self._db, self._clock, self._quote = db, clock, quote

    def of(self, workspace_id: str) -> TopupView | None:
        """None when nobody ever turned it on."""
        with self._db.read() as connection:
            row = topup_rows.find(connection, workspace_id)
            return None if row is None else _view(connection, row, self._clock())

    def preview(self, workspace_id: str, rules: Rules, card_id: str) -> Preview:
        """What a charge by these rules comes to; nothing is written. Raises what `save` raises about the rules."""
        with self._db.read() as connection:
            card = saved_card_rows.chargeable(connection, card_id, workspace_id)
            rate = sold_by(connection, rules.currency).rate(rules.currency)
            available = books.balance(connection, workspace_id).available
        rules.checked(rate)
        below = rules.wanted(available, rate)
        net = below or rules.wanted(Money(rules.threshold.micros - 1), rate)
        if net is None:
            raise InvalidInput("These rules would never charge anything.", param="refill_to")
        tax = self._quote(workspace_id, net)
        _check_caps(rules, tax.total_gross)
        sentence = consents.topup_sentence(rules, card.text, inclusive=tax.seller.prices_include_tax)
        return Preview(rate.credits_for(net), tax, below is not None, sentence, TOPUP_WORDING)

    def save(self, choice: TopupChoice) -> TopupView:
        """Turn it on by these rules. Whatever had stopped it before is forgotten.

        Raises `InvalidInput` about the rules, the terms or the agreement, `NotFound` "card_not_found", `Conflict`
        "currency_in_use" when this month's maximum is in another currency.
        """
        consents.check(choice.consent, TOPUP_WORDING)
        preview = self.preview(choice.workspace_id, choice.rules, choice.card_id)
        now = self._clock()
        with self._db.write() as connection:
            before = topup_rows.find(connection, choice.workspace_id, lock=True)
            accepted = terms.accepted(connection, choice.terms_version_id)
            card = saved_card_rows.chargeable(connection, choice.card_id, choice.workspace_id)
            if topup_rows.currencies_of_month(connection, choice.workspace_id, now) - {choice.rules.currency}:
                raise Conflict(
                    "This month something was charged in another currency: its maximum cannot be compared. Keep the"
                    " currency until the month is over.",
                    code="currency_in_use",
                )
            package = sold_by(connection, choice.rules.currency)
            consent_id = consents.keep(
                connection,
                choice.workspace_id,
                consents.Kind.AUTO_TOPUP,
                choice.consent,
                preview.sentence,
                now,
                card=card.id,
                terms=accepted.id,
                **_plain(choice.rules),
            )
            values = {
                **_columns(choice.rules),
                "state": str(State.ON),
                "reason": "",
                "package_id": package.id,
                "card_id": card.id,
                "terms_version_id": accepted.id,
                "consent_id": consent_id,
                "failures": 0,
                "not_before": None,
                "changed_by": choice.consent.given_by,
                "changed_at": now,
            }
            if before is None:
                made = {"workspace_id": choice.workspace_id, **values}
                if not rows.insert_once(connection, auto_topup, made, "workspace_id"):
                    raise Conflict("This is being changed from elsewhere: please look again.", code="topup_changed")
            else:
                connection.execute(
                    update(auto_topup).where(auto_topup.c.workspace_id == choice.workspace_id).values(values)
                )
            _audit(connection, choice.consent.given_by, "payments.topup_on", choice.workspace_id, preview.sentence, now)
            return self._written(connection, choice.workspace_id)

    def waiting_orders(self, workspace_id: str) -> list[str]:
        """Orders of an automatic top-up that wait for their owner to confirm them."""
        orders = tables.payment_order.c
        query = select(orders.id).where(
            orders.workspace_id == workspace_id, orders.kind == AUTO_TOPUP, orders.state == str(OrderState.PENDING)
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def stop(self, workspace_id: str, *, actor: str) -> TopupView | None:
        """Turn it off. A charge that is under way is not called back."""
        now = self._clock()
        with self._db.write() as connection:
            mine = update(auto_topup).where(auto_topup.c.workspace_id == workspace_id, auto_topup.c.state != State.OFF)
            stopped = mine.values(state=State.OFF, reason="", not_before=None, changed_by=actor, changed_at=now)
            if connection.execute(stopped).rowcount:
                _audit(connection, actor, "payments.topup_off", workspace_id, "", now)
            row = topup_rows.find(connection, workspace_id)
            return None if row is None else _view(connection, row, now)

    def _written(self, connection: Connection, workspace_id: str) -> TopupView:
        row = topup_rows.find(connection, workspace_id)
        if row is None:
            raise NotFound("There is no automatic top-up here.", code="topup_not_found")
        return _view(connection, row, self._clock())


def sold_by(connection: Connection, currency: str, package_id: str | None = None) -> Package:
    """By the terms of which package a free amount is sold: the one agreed to, or the first on sale in that currency."""
    on_sale = [
        package
        for package in packages.listed(connection)
        if not package.is_archived and not package.is_enquiry and currency in package.content.prices
    ]
    if not on_sale:
        raise InvalidInput(f"Nothing is sold in {currency[:8]}.", param="currency")
    return next((package for package in on_sale if package.id == package_id), on_sale[0])


def _check_caps(rules: Rules, gross: Fiat) -> None:
    try:
        psp_minor(gross)
    except ValueError as error:
        raise InvalidInput(str(error), param="amount") from None
    if rules.charge_cap is not None and gross.minor > rules.charge_cap.minor:
        raise InvalidInput(f"One charge comes to {gross}, more than you allow at once.", param="charge_cap")
    if gross.minor > rules.month_cap.minor:
        raise InvalidInput(f"One charge comes to {gross}, more than you allow in a month.", param="month_cap")


def _columns(rules: Rules) -> dict[str, Any]:
    return {
        "threshold_micros": rules.threshold.micros,
        "mode": str(rules.mode),
        "currency": rules.currency,
        "amount_minor": rules.amount.minor if rules.amount else None,
        "refill_micros": rules.refill_to.micros if rules.refill_to else None,
        "charge_cap_minor": rules.charge_cap.minor if rules.charge_cap else None,
        "month_cap_minor": rules.month_cap.minor,
        "most_per_day": rules.most_per_day,
    }


def _plain(rules: Rules) -> dict[str, Any]:
    """The figures that were agreed to, beside the sentence."""
    return {name: value for name, value in _columns(rules).items() if value is not None}


def _view(connection: Connection, row: Row[Any], now: datetime) -> TopupView:
    standing = topup_rows.standing(connection, row.workspace_id, row.currency, now)
    return TopupView(
        state=State(row.state),
        reason=row.reason,
        rules=topup_rows.rules_of(row),
        card=saved_card_rows.find(connection, row.card_id),
        standing=Standing(standing.spent, standing.today, standing.last_at, standing.in_flight, row.not_before),
        failures=row.failures,
        changed_at=row.changed_at,
    )


def _audit(connection: Connection, actor: str, action: str, subject: str, detail: str, now: datetime) -> None:
    connection.execute(
        insert(AUDIT).values(
            id=new_id("evt"), actor_id=actor, action=action, subject=subject, detail=detail[:500], created_at=now
        )
    )
