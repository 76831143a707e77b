"""Collecting what invoices ask for, in one hand: saved cards, the provider's page, refunds, and who agreed to what.

Without the provider's keys nothing is charged, and invoices are paid by transfer.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.billing import card_rows, invoices, refund_rows
from app.billing.charge_answers import ChargeAnswers
from app.billing.charging import InvoiceCharges
from app.billing.pay_pages import PayPages
from app.billing.refunding import InvoiceRefunds
from app.kernel import secrets
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, NotFound
from app.kernel.fiat import Fiat
from app.payments import consent as consents
from app.payments import saved_card_rows
from app.payments.cashier import Cashier
from app.payments.consent import INVOICES_WORDING, Consent
from app.payments.saved_card_rows import SavedCard
from app.payments.stripe_charges import StripeCharges
from app.payments.stripe_returns import StripeReturns


@dataclass(frozen=True, slots=True)
class InvoiceCard:
    """To which card the invoices of a workspace are charged. `reason` says why it was disabled."""

    state: str
    reason: str
    card: SavedCard

    @property
    def is_on(self) -> bool:
        return self.state == card_rows.ON


@dataclass(frozen=True, slots=True)
class OpenBill:
    """An invoice that was issued and waits to be paid; `link` leads to the provider's page."""

    id: str
    document_id: str
    number: str
    remaining: Fiat
    due_at: datetime | None
    link: str


class Collecting:
    """`public_url` and `signing_key` make the links that mails lead with."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        cashier: Cashier,
        *,
        public_url: str,
        signing_key: str,
        told: Callable[[str], None],
    ) -> None:
        self._db, self._clock, self._public_url, self._key = db, clock, public_url, signing_key
        self.charges: InvoiceCharges | None = None
        self.pages: PayPages | None = None
        self.refunds: InvoiceRefunds | None = None
        if cashier.cards is not None:
            cards = cashier.cards
            answers = ChargeAnswers(db, clock, self.link, told)
            self.charges = InvoiceCharges(db, clock, StripeCharges(cards.door), answers, self.link)
            self.pages = PayPages(db, clock, cards.door, cards.saved, f"{public_url}/invoices")
            self.refunds = InvoiceRefunds(db, clock, StripeReturns(cards.door))
            cards.fulfilment.elsewhere = answers.apply
            cashier.refunds.road.elsewhere = self.refunds.follow
            if cashier.dispute_road is not None:
                cashier.dispute_road.elsewhere = self.refunds.on_dispute

    async def run_due(self) -> int:
        """Charge, follow what was charged, give back what was credited: for the chores."""
        if self.charges is None or self.refunds is None:
            return 0
        return await self.charges.run_due() + await self.refunds.run_due()

    # --- paid by whoever has the link

    def link(self, invoice_id: str) -> str:
        """Where an invoice can be paid without signing in."""
        return f"{self._public_url}/payments/invoices/{invoice_id}/{secrets.sign(self._key, 'pay', invoice_id)}"

    async def page(self, invoice_id: str, signature: str) -> str:
        """The provider's page behind a link of ours; raises what `PayPages.open` raises, and `NotFound`."""
        if not secrets.same(signature, secrets.sign(self._key, "pay", invoice_id)):
            raise NotFound("This link is not ours.", code="invoice_not_found")
        if self.pages is None:
            raise Conflict("Paying by card is not set up here.", code="cards_off")
        return await self.pages.open(invoice_id)

    def open_bills(self, workspace_id: str) -> list[OpenBill]:
        """What this workspace has to pay, the oldest first."""
        with self._db.read() as connection:
            return [
                OpenBill(row.id, row.document_id, row.number, invoices.remaining(row), row.due_at, self.link(row.id))
                for row in card_rows.to_pay(connection, workspace_id)
            ]

    # --- charged by itself

    def of(self, workspace_id: str) -> InvoiceCard | None:
        """What a workspace agreed to, if it ever did."""
        with self._db.read() as connection:
            row = card_rows.setting_of(connection, workspace_id)
            card = saved_card_rows.find(connection, row.card_id) if row else None
            return None if row is None or card is None else InvoiceCard(row.state, row.reason, card)

    def sentence(self, workspace_id: str, card_id: str) -> str:
        """What is to be agreed to."""
        with self._db.read() as connection:
            return consents.invoices_sentence(saved_card_rows.chargeable(connection, card_id, workspace_id).text)

    async def turn_on(self, workspace_id: str, card_id: str, consent: Consent) -> InvoiceCard | None:
        """Charge the invoices of this workspace to this card from now on; those that are open with the next turn."""
        await asyncio.to_thread(self._turn_on, workspace_id, card_id, consent)
        return await asyncio.to_thread(self.of, workspace_id)

    def _turn_on(self, workspace_id: str, card_id: str, consent: Consent) -> None:
        consents.check(consent, INVOICES_WORDING)
        if self.charges is None:
            raise Conflict("Paying by card is not set up here.", code="cards_off")
        now = self._clock()
        with self._db.write() as connection:
            card = saved_card_rows.chargeable(connection, card_id, workspace_id)
            said = consents.invoices_sentence(card.text)
            consent_id = consents.keep(connection, workspace_id, consents.Kind.INVOICES, consent, said, now)
            kept = {"card_id": card.id, "consent_id": consent_id, "state": card_rows.ON, "reason": ""}
            card_rows.keep_setting(connection, workspace_id, now, changed_by=consent.given_by, **kept)

    def turn_off(self, workspace_id: str, *, actor: str) -> None:
        """Charge no invoice any more; what is under way goes on to its end."""
        now = self._clock()
        with self._db.write() as connection:
            if card_rows.setting_of(connection, workspace_id) is not None:
                off = {"state": card_rows.OFF, "reason": ""}
                card_rows.keep_setting(connection, workspace_id, now, changed_by=actor, **off)

    def refund_sent(self, refund_id: str, bank_reference: str, *, actor: str) -> None:
        """A refund by transfer was made."""
        with self._db.write() as connection:
            refund_rows.sent(connection, refund_id, bank_reference, actor=actor, now=self._clock())
