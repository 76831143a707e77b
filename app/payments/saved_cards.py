"""Cards on file: kept at the provider, known here by their last digits, and charged only as their owner agreed.

What is here follows what is there: each event about a card, and each look at a customer, brings the two together. A
card removed here is removed there too, if need be later.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from app.accounts.tables import Member, User, Workspace
from app.invoicing import profiles
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import NotFound, ProviderError
from app.kernel.ids import new_id
from app.payments import consent as consents
from app.payments import customers, saved_card_rows, topup_rows
from app.payments.card_tables import auto_topup, saved_card
from app.payments.consent import SAVE_CARD_WORDING, Consent
from app.payments.inbox import Delivery
from app.payments.saved_card_rows import ACTIVE, AT_PROVIDER, BLOCKED, BY_OWNER, CUSTOMER_DELETED, REMOVED, SavedCard
from app.payments.stripe_charges import SeenCard, SetupAsk, StripeCharges
from app.payments.stripe_client import OpenSession

USER, WORKSPACE, MEMBER = (metadata.tables[str(one.__tablename__)] for one in (User, Workspace, Member))

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CardPage:
    """Where a card can be saved: the provider's page."""

    session_id: str
    url: str


class SavedCards:
    """The cards of every workspace at one account of the provider."""

    def __init__(self, db: Database, clock: Clock, charges: StripeCharges, public_url: str) -> None:
        self._db, self._clock, self._charges, self._public_url = db, clock, charges, public_url

    # --- by their owner

    async def add(self, workspace_id: str, currency: str, consent: Consent) -> CardPage:
        """A page of the provider on which a card can be saved without buying anything."""
        consents.check(consent, SAVE_CARD_WORDING)
        customer_id = await self.customer(workspace_id)
        try:
            opened = await self._open(workspace_id, customer_id, currency)
        except NotFound:
            if not await self._charges.door.is_gone(customer_id):
                raise
            await asyncio.to_thread(self._customer_gone, customer_id)  # nobody has told us yet
            opened = await self._open(workspace_id, await self.customer(workspace_id), currency)
        await asyncio.to_thread(self._keep_consent, workspace_id, consent, opened.session_id)
        return CardPage(opened.session_id, opened.url)

    async def _open(self, workspace_id: str, customer_id: str, currency: str) -> OpenSession:
        return await self._charges.open_setup(
            SetupAsk(
                key=f"setup:{new_id('con')}",
                workspace_id=workspace_id,
                customer_id=customer_id,
                currency=currency,
                success_url=f"{self._public_url}/top-up?card=saved",
                cancel_url=f"{self._public_url}/top-up",
            )
        )

    async def remove(self, workspace_id: str, card_id: str, *, actor: str) -> None:
        """Charge this card no more and have it forgotten at the provider. Turns off what would charge it."""
        card = await asyncio.to_thread(self._end_by_owner, workspace_id, card_id, actor)
        await self._detach(card.id, card.method_id)

    async def refresh(self, workspace_id: str) -> list[SavedCard]:
        """Bring our list and the provider's together, for somebody who comes back from saving a card."""
        customer_id = await asyncio.to_thread(self._known_customer, workspace_id)
        if customer_id is None:
            return []
        try:
            seen = await self._charges.cards(customer_id)
        except NotFound:
            await asyncio.to_thread(self._customer_gone, customer_id)
            return []
        return await asyncio.to_thread(self._follow, workspace_id, seen)

    def of(self, workspace_id: str) -> list[SavedCard]:
        with self._db.read() as connection:
            return saved_card_rows.of_workspace(connection, workspace_id)

    # --- by the provider

    async def on_method(self, delivery: Delivery) -> str:
        """A card was saved, changed or forgotten."""
        try:
            seen = await self._charges.card(delivery.object_id)
        except NotFound:
            return await asyncio.to_thread(self._gone, delivery.object_id)
        if seen is None:
            return "not a card"
        if seen.customer_id is None:
            return await asyncio.to_thread(self._gone, delivery.object_id)
        return await asyncio.to_thread(self._seen, seen)

    async def on_customer(self, delivery: Delivery) -> str:
        """A customer was deleted at the provider, and all its cards with it."""
        return await self.customer_gone(delivery.object_id)

    async def customer_gone(self, customer_id: str) -> str:
        """The provider does not know this customer any more: the next one is made anew."""
        return await asyncio.to_thread(self._customer_gone, customer_id)

    async def detach_due(self) -> int:
        """Have the provider forget what was removed here while it could not be told."""
        waiting = await asyncio.to_thread(self._to_detach)
        for row in waiting:
            await self._detach(row.id, row.method_id)
        return len(waiting)

    # --- rows

    def _seen(self, seen: SeenCard) -> str:
        with self._db.write() as connection:
            workspace_id = customers.workspace_of(connection, self._charges.door.name, seen.customer_id or "")
            if workspace_id is None:
                return "of nobody's here"
            saved_card_rows.keep(connection, workspace_id, self._charges.door.name, seen, self._clock())
            return "known"

    def _follow(self, workspace_id: str, seen: list[SeenCard]) -> list[SavedCard]:
        now, there = self._clock(), {card.method_id for card in seen}
        with self._db.write() as connection:
            for card in seen:
                saved_card_rows.keep(connection, workspace_id, self._charges.door.name, card, now)
            mine = select(saved_card).where(
                saved_card.c.workspace_id == workspace_id,
                saved_card.c.livemode == self._charges.door.livemode,
                saved_card.c.state.in_([ACTIVE, BLOCKED]),
            )
            for row in connection.execute(mine).all():
                if row.method_id not in there:
                    _end(connection, row, AT_PROVIDER, topup_rows.MISSING, now)
            return saved_card_rows.of_workspace(connection, workspace_id)

    def _gone(self, method_id: str) -> str:
        with self._db.write() as connection:
            row = saved_card_rows.by_method(connection, self._charges.door.name, method_id)
            if row is None:
                return "never known"
            _end(connection, row, AT_PROVIDER, topup_rows.MISSING, self._clock())
            return "removed"

    def _customer_gone(self, customer_id: str) -> str:
        now, name = self._clock(), self._charges.door.name
        with self._db.write() as connection:
            workspace_id = customers.deleted(connection, name, customer_id, now)
            if workspace_id is None:
                return "of nobody's here"
            mine = select(saved_card).where(saved_card.c.provider == name, saved_card.c.customer_id == customer_id)
            for row in connection.execute(mine).all():
                _end(connection, row, CUSTOMER_DELETED, topup_rows.CUSTOMER_DELETED, now)
            return "customer deleted"

    def _end_by_owner(self, workspace_id: str, card_id: str, actor: str) -> Row[Any]:
        now = self._clock()
        with self._db.write() as connection:
            card = saved_card_rows.owned(connection, card_id, workspace_id)
            _end(connection, card, BY_OWNER, topup_rows.MISSING, now, to_detach=True)
        log.info("%s removed the card %s", actor, card_id)
        return card

    async def _detach(self, card_id: str, method_id: str) -> None:
        try:
            await self._charges.detach(method_id)
        except ProviderError as error:
            log.warning("the card %s is still known at the provider: %s", card_id, error)
            return
        await asyncio.to_thread(self._detached, card_id)

    def _detached(self, card_id: str) -> None:
        with self._db.write() as connection:
            connection.execute(update(saved_card).where(saved_card.c.id == card_id).values(to_detach=False))

    def _to_detach(self) -> list[Row[Any]]:
        query = select(saved_card).where(
            saved_card.c.to_detach,
            saved_card.c.provider == self._charges.door.name,
            saved_card.c.livemode == self._charges.door.livemode,
        )
        with self._db.read() as connection:
            return list(connection.execute(query.limit(50)))

    def _keep_consent(self, workspace_id: str, consent: Consent, ref: str) -> None:
        sentence = consents.save_card_sentence()
        with self._db.write() as connection:
            consents.keep(connection, workspace_id, consents.Kind.SAVE_CARD, consent, sentence, self._clock(), ref=ref)

    # --- the customer at the provider

    async def customer(self, workspace_id: str) -> str:
        """The workspace as a customer of the provider; made if there is none."""
        known = await asyncio.to_thread(self._known_customer, workspace_id)
        if known is not None:
            return known
        name, email, deleted = await asyncio.to_thread(self._who, workspace_id)
        made = await self._charges.door.create_customer(workspace_id, name=name, email=email, times_deleted=deleted)
        return await asyncio.to_thread(self._keep_customer, workspace_id, made)

    def _known_customer(self, workspace_id: str) -> str | None:
        door = self._charges.door
        with self._db.read() as connection:
            return customers.known(connection, door.name, workspace_id, livemode=door.livemode)

    def _keep_customer(self, workspace_id: str, customer_id: str) -> str:
        door = self._charges.door
        with self._db.write() as connection:
            return customers.keep(
                connection, door.name, workspace_id, customer_id, self._clock(), livemode=door.livemode
            )

    def _who(self, workspace_id: str) -> tuple[str, str | None, int]:
        """Name and address for the provider, from the billing profile or else from the workspace and its owner."""
        owner = (
            select(USER.c.email)
            .join(MEMBER, MEMBER.c.user_id == USER.c.id)
            .where(MEMBER.c.workspace_id == workspace_id, MEMBER.c.role == "owner")
            .order_by(MEMBER.c.created_at)
            .limit(1)
        )
        with self._db.read() as connection:
            deleted = customers.times_deleted(connection, self._charges.door.name, workspace_id)
            profile = profiles.find(connection, workspace_id)
            email = connection.execute(owner).scalar()
            if profile is not None:
                return profile.buyer.title, profile.buyer.email or email, deleted
            name = connection.execute(select(WORKSPACE.c.name).where(WORKSPACE.c.id == workspace_id)).scalar()
            return str(name), email, deleted


def _end(
    connection: Connection, card: Row[Any], why: str, reason: str, now: datetime, *, to_detach: bool = False
) -> None:
    """The card is gone, and so is the automatic top-up that would charge it."""
    if not saved_card_rows.end(connection, card.id, REMOVED, why, now, to_detach=to_detach):
        return
    uses = select(auto_topup.c.workspace_id).where(auto_topup.c.card_id == card.id)
    for workspace_id in connection.execute(uses).scalars().all():
        text = saved_card_rows.view(card).text
        topup_rows.disable(connection, workspace_id, reason, now, key=f"{card.id}:{reason}", card=text)
