"""Invoicing in one hand: who sells, who buys, what tax, and the documents. What the pages and the payments use."""

import asyncio
import logging

from sqlalchemy import func, select

from app.invoicing import profiles, tables
from app.invoicing.archive import Invoices
from app.invoicing.parties import TaxIdCheck
from app.invoicing.profiles import MAX_LENGTH, Profile, ProfileForm, Profiles
from app.invoicing.rate_store import RateStore
from app.invoicing.rates import eu_members, tax_country
from app.invoicing.seller import SellerNeeded, Sellers
from app.invoicing.taxes import Taxes
from app.invoicing.vies import Vies
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import InvalidInput

RECHECKER = "vies"
log = logging.getLogger(__name__)


class Invoicing:
    """`vies` is asked only where the seller switched the online check on."""

    def __init__(self, db: Database, clock: Clock, vies: Vies | None = None) -> None:
        self._db = db
        self._clock = clock
        self._vies = vies or Vies(clock)
        self.sellers = Sellers(db, clock)
        self.profiles = Profiles(db, clock)
        self.rates = RateStore(db, clock)
        self.taxes = Taxes(db, clock)
        self.invoices = Invoices(db, clock)

    async def save_profile(self, workspace_id: str, form: ProfileForm, *, actor: str, ip_country: str = "") -> Profile:
        """Keep the profile, then ask about its EU VAT id. A service that does not answer never stops the customer."""
        profile = await asyncio.to_thread(self.profiles.save, workspace_id, form, actor=actor, ip_country=ip_country)
        return await self._checked(profile, actor)

    async def recheck(self, limit: int = 50) -> int:
        """Ask again about VAT ids nobody has answered for yet; how many were asked. Safe to run at any time."""
        waiting = await asyncio.to_thread(self._unanswered, limit)
        for profile in waiting:
            await self._checked(profile, RECHECKER)
        return len(waiting)

    def confirm_tax_id(self, workspace_id: str, *, valid: bool, actor: str, note: str) -> Profile:
        """An operator says, on evidence named in `note`, whether the tax id on the profile is the buyer's."""
        profile = self.profiles.of(workspace_id)
        if profile is None or profile.buyer.tax_id is None:
            raise InvalidInput("This workspace has given no tax id.", param="tax_id")
        if not note.strip():
            raise InvalidInput("Say what the tax id was checked against.", param="note")
        at = self._clock().isoformat()
        check = TaxIdCheck("manual", "valid" if valid else "invalid", at, request_id=_said(note))
        self.profiles.record_check(workspace_id, check, profile.buyer.tax_id.value, actor=actor)
        return self.profiles.of(workspace_id) or profile

    def exempt(self, workspace_id: str, reason: str | None, *, actor: str) -> None:
        """An operator accepts that this buyer is exempt from tax, for a `reason` that is printed; None ends it.

        `InvalidInput` without a reason, or without a billing profile.
        """
        if self.profiles.of(workspace_id) is None:
            raise InvalidInput("This workspace has no billing details yet.", param="reason")
        if reason is not None and not reason.strip():
            raise InvalidInput("Say why: the reason is printed on invoices.", param="reason")
        self.profiles.exempt(workspace_id, "" if reason is None else _said(reason), actor=actor)

    async def _checked(self, profile: Profile, actor: str) -> Profile:
        tax_id = profile.buyer.tax_id
        if tax_id is None or tax_id.type != "eu_vat" or (tax_id.check and tax_id.check.result == "valid"):
            return profile
        try:
            seller = await asyncio.to_thread(self.sellers.current)
        except SellerNeeded:
            return profile
        if seller.vat_check != "vies":
            return profile
        # Only a member state's number may ask in its own name: with another the service refuses to answer at all.
        ours = seller.vat_id if tax_country(seller.country) in eu_members() else ""
        check = await self._vies.check(tax_id.value, ours)
        if check.result == "unavailable":
            log.warning("VIES gave no answer about the VAT id of %s", profile.buyer.workspace_id)
        workspace_id = profile.buyer.workspace_id
        await asyncio.to_thread(self.profiles.record_check, workspace_id, check, tax_id.value, actor=actor)
        return await asyncio.to_thread(self.profiles.of, workspace_id) or profile

    def _unanswered(self, limit: int) -> list[Profile]:
        profile, check = tables.billing_profile, tables.tax_id_check
        answered = (
            select(check.c.id)
            .where(
                check.c.workspace_id == profile.c.workspace_id,
                check.c.tax_id == profile.c.tax_id,
                check.c.result != "unavailable",
            )
            .exists()
        )
        last = select(func.max(check.c.id)).where(check.c.workspace_id == profile.c.workspace_id).scalar_subquery()
        longest_ago_first = func.coalesce(last, 0)
        asked = select(profile.c.workspace_id).where(profile.c.tax_id.is_not(None), ~answered)
        asked = asked.order_by(longest_ago_first, profile.c.workspace_id).limit(limit)
        with self._db.read() as connection:
            found = [profiles.find(connection, each) for each in connection.execute(asked).scalars().all()]
        return [each for each in found if each and each.buyer.tax_id and each.buyer.tax_id.type == "eu_vat"]


def _said(note: str) -> str:
    """What an operator wrote, in one printable line."""
    text = " ".join(note.split())
    if len(text) > MAX_LENGTH or not text.isprintable():
        raise InvalidInput(f"At most {MAX_LENGTH} visible characters, please.", param="note")
    return text
