"""Whether a customer's plans cover a request, asked before anything is held.

What they come to is remembered for a few seconds. In this process a change is seen at once (`forget`); in others the
mark that every change moves (`kernel/versions.py`) is looked at as often as `LOOKED_AT` says.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from app.accounts.cache import ShortCache
from app.catalogue.offers import Offer
from app.kernel import versions
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotAllowed
from app.plans.allowed import QUOTA_USED, Change, Decision, Terms, decide, refuse

REMEMBERED_FOR: Final = timedelta(seconds=5)
LOOKED_AT: Final = timedelta(seconds=1)
Check = Callable[[Connection], None]

#: What a workspace's plans come to; None where nothing is restricted.
TermsOf = Callable[[Connection, str, datetime], Terms | None]
#: The names of the plans under which a request would be covered.
PlansThat = Callable[[Connection, Callable[[Terms], bool]], list[str]]


class Entitled:
    """Share one per process."""

    def __init__(self, db: Database, clock: Clock, terms_of: TermsOf, plans_that: PlansThat) -> None:
        self._db, self._clock, self._terms_of, self._plans_that = db, clock, terms_of, plans_that
        self._cache: ShortCache[tuple[Terms | None]] = ShortCache(clock, REMEMBERED_FOR)
        self._mark = 0
        self._looked_at: datetime | None = None

    def forget(self) -> None:
        """Something of somebody's plans changed here."""
        self._cache.clear()

    def decide(self, workspace_id: str, offer: Offer, params: Mapping[str, Any]) -> tuple[Change, ...]:
        """What of the request is made less. `NotAllowed` "not_in_plan", "plan_quota_used" or "subscription_paused",
        naming the plans that would allow it."""
        terms = self.terms(workspace_id)
        decision = decide(terms, offer.alias, offer.schema, params)
        if decision.refusal is not None and decision.refusal.code == QUOTA_USED:
            terms = self._read(workspace_id)  # something may have come to nothing since
            decision = decide(terms, offer.alias, offer.schema, params)
        if decision.refusal is not None:
            with self._db.read() as connection:
                raise self._refusal(connection, decision, offer, params, terms)
        return decision.changes

    def checks(self, workspace_id: str, offer: Offer, params: Mapping[str, Any]) -> tuple[Check, ...]:
        """For `Ledger.hold`: quotas, counted under the wallet's lock with all that is under way, so that requests at
        the same moment cannot pass together where only one fits. Empty without quotas."""
        if not self.has_quotas(workspace_id):
            return ()

        def check(connection: Connection) -> None:
            terms = self._terms_of(connection, workspace_id, self._clock())
            decision = decide(terms, offer.alias, offer.schema, params)
            if decision.refusal is not None:
                raise self._refusal(connection, decision, offer, params, terms)

        return (check,)

    def has_quotas(self, workspace_id: str) -> bool:
        """Whether a plan may limit how much is used; True while nothing is remembered."""
        known = self._cache.get(workspace_id)
        return known is None or (known[0] is not None and bool(known[0].quotas))

    def require(self, workspace_id: str, offer: Offer, params: Mapping[str, Any]) -> None:
        """The same where a request goes out as it came: what would be made less is refused."""
        changes = self.decide(workspace_id, offer, params)
        if changes:
            first = changes[0]
            raise NotAllowed(
                f"{first.plan} allows {first.parameter} up to {first.given}, not {first.asked}. Ask for that.",
                param=first.parameter,
                code="not_in_plan",
            )

    async def covers(self, workspace_id: str, offer: Offer, params: Mapping[str, Any]) -> None:
        """`require` off the event loop, unless what it needs is remembered."""
        if self._is_fresh() and self._cache.get(workspace_id) is not None:
            self.require(workspace_id, offer, params)
        else:
            await asyncio.to_thread(self.require, workspace_id, offer, params)

    def terms(self, workspace_id: str) -> Terms | None:
        self._look()
        known = self._cache.get(workspace_id)
        if known is not None:
            return known[0]
        return self._read(workspace_id)

    def _read(self, workspace_id: str) -> Terms | None:
        epoch = self._cache.epoch
        with self._db.read() as connection:
            found = self._terms_of(connection, workspace_id, self._clock())
        self._cache.put(workspace_id, (found,), epoch)
        return found

    def _look(self) -> None:
        if self._is_fresh():
            return
        self._looked_at = self._clock()
        with self._db.read() as connection:
            mark = versions.read(connection, versions.ENTITLEMENTS)
        if mark != self._mark:
            self._mark = mark
            self._cache.clear()

    def _is_fresh(self) -> bool:
        at = self._looked_at
        return at is not None and at <= self._clock() < at + LOOKED_AT

    def _refusal(
        self, connection: Connection, decision: Decision, offer: Offer, params: Mapping[str, Any], own: Terms | None
    ) -> NotAllowed:
        """A plan whose quota is used up as well is no way out: what was used counts there too."""
        used = {quota.name: quota.used for quota in own.quotas} if own else {}

        def covers(terms: Terms) -> bool:
            quotas = tuple(replace(quota, used=used.get(quota.name, quota.used)) for quota in terms.quotas)
            return decide(replace(terms, quotas=quotas), offer.alias, offer.schema, params).refusal is None

        if decision.refusal is None:
            raise ValueError("nothing was refused")
        if decision.refusal.code == "subscription_paused":
            return refuse(decision.refusal, ())
        return refuse(decision.refusal, self._plans_that(connection, covers))
