"""The gate every billable request passes: is this model allowed, is there room this minute, at this moment, in the
budget.

Two steps, in this order, and both belong to whoever makes a hold:

    headers = await desk.gate.admit(workspace_id, key_id, offer, tokens=…)   # before anything is reserved
    await desk.ledger.hold(…, checks=desk.gate.checks(offer, workspace_id, key_id, hold_micros, now))

`admit` counts the request in its minute (`rates.py`). `checks` look under the wallet's lock at what is running and what
was spent (`spend.py`), so parallel requests, first ones too, cannot pass together where only one fits.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from app.accounts.allowances import Allowance, AllowanceBook, Allowances
from app.catalogue.offers import Limits, Offer
from app.generation import spend
from app.generation.rate import Rate, RateHeaders, Refusal
from app.generation.rates import Rates
from app.generation.spend import Used
from app.kernel.errors import LimitReached, NotAllowed
from app.kernel.money import MICRO, Money, plain

Check = Callable[[Connection], None]
JOBS_RETRY_SECONDS: Final = 5

#: How a refusal speaks of whom it limits.
WHO: Final = {"key": "This API key", "model": "{alias}, for a workspace,", "workspace": "This workspace"}


class _Limited(NamedTuple):
    """A set of limits, whose they are, and the name its rates are counted under."""

    scope: Any
    subject: str
    limits: Allowance | Limits


class Gate:
    """Share one per process. `Desk.gate` is it."""

    def __init__(self, allowances: AllowanceBook, rates: Rates) -> None:
        self._book, self._rates = allowances, rates

    async def admit(self, workspace_id: str, key_id: str | None, offer: Offer, tokens: int = 0) -> RateHeaders:
        """Count this request; answer what the headers say.

        `tokens` is what the request takes of a tokens-a-minute limit: its input and the output it asks for at most.
        Raises `NotAllowed` "model_not_allowed", `LimitReached` "rate_limited".
        """
        found = self._book.peek(workspace_id, key_id)
        if found is None:
            found = await asyncio.to_thread(self._book.of, workspace_id, key_id)
        _allowed(found, offer)
        answer = await self._rates.take(_rates(_limited(found, workspace_id, key_id, offer), 1, tokens))
        if isinstance(answer, Refusal):
            raise _too_fast(answer, offer)
        return answer

    async def add_tokens(self, workspace_id: str, key_id: str | None, offer: Offer, tokens: int) -> None:
        """Count tokens that were used beyond those `admit` was told of. Never raises: the request is settled."""
        found = self._book.peek(workspace_id, key_id)
        if found is not None and tokens > 0:
            await self._rates.add(_rates(_limited(found, workspace_id, key_id, offer), 0, tokens))

    async def close(self) -> None:
        """Let go of what this event loop keeps open."""
        await self._rates.close()

    def require_model(self, workspace_id: str, key_id: str | None, offer: Offer) -> None:
        """`NotAllowed` where the key or its workspace may not use this model: for what only asks for a price."""
        _allowed(self._book.of(workspace_id, key_id), offer)

    def may_use(self, workspace_id: str, key_id: str | None) -> Callable[[Offer], bool]:
        """Which models of a list may be used."""
        found = self._book.of(workspace_id, key_id)
        return lambda offer: found.key.allows(offer.model_id) and found.workspace.allows(offer.model_id)

    def checks(
        self, offer: Offer, workspace_id: str, key_id: str | None, hold_micros: int, now: datetime
    ) -> tuple[Check, ...]:
        """For `Ledger.hold`: jobs at a time and budgets, counted under the wallet's lock. Empty without limits."""
        known = self._book.peek(workspace_id, key_id)
        if known is not None and not any(map(_is_counted, _sets(known, offer))):
            return ()

        def check(connection: Connection) -> None:
            found = known or self._book.read(connection, workspace_id, key_id)
            limited = [one for one in _limited(found, workspace_id, key_id, offer) if _is_counted(one.limits)]
            if limited:
                stands = spend.standing(connection, workspace_id, key_id, offer.model_id, now)
                for one in limited:
                    _fits(one, getattr(stands, one.scope), hold_micros, offer, now)

        return (check,)


def _sets(found: Allowances, offer: Offer) -> tuple[Allowance | Limits, ...]:
    return found.key, offer.limits, found.workspace


def _limited(found: Allowances, workspace_id: str, key_id: str | None, offer: Offer) -> list[_Limited]:
    """The narrowest first, so that a key that is out of breath does not use up its workspace's minute."""
    sets = [_Limited("model", f"{workspace_id}:{offer.model_id}", offer.limits)]
    if key_id is not None:
        sets.insert(0, _Limited("key", key_id, found.key))
    return [*sets, _Limited("workspace", workspace_id, found.workspace)]


def _is_counted(limits: Allowance | Limits) -> bool:
    return not (limits.concurrent_jobs is None and limits.credits_per_day_micros is None
                and limits.credits_per_month_micros is None)  # fmt: skip


def _allowed(found: Allowances, offer: Offer) -> None:
    for who, allowance in (("key", found.key), ("workspace", found.workspace)):
        if not allowance.allows(offer.model_id):
            raise NotAllowed(
                f"{WHO[who]} may not use {offer.alias}. GET /v1/models lists what it may use.",
                param="model",
                code="model_not_allowed",
            )


def _rates(limited: Iterable[_Limited], requests: int, tokens: int) -> list[Rate]:
    found = []
    for one in limited:
        if requests and one.limits.requests_per_minute is not None:
            found.append(Rate("requests", one.scope, one.subject, one.limits.requests_per_minute, requests))
        if tokens and one.limits.tokens_per_minute is not None:
            found.append(Rate("tokens", one.scope, one.subject, one.limits.tokens_per_minute, tokens))
    return found


def _too_fast(refused: Refusal, offer: Offer) -> LimitReached:
    rate = refused.rate
    who = WHO[rate.scope].format(alias=offer.alias)
    details: dict[str, Any] = {"limit": f"{rate.kind}_per_minute", "scope": rate.scope, "allowed": rate.allowed}
    if rate.amount > rate.allowed:
        return LimitReached(
            f"{who} takes {rate.allowed:,} {rate.kind} a minute and this request is {rate.amount:,}. Make it smaller.",
            code="request_too_large",
            **details,
        )
    wait = refused.retry_after_seconds
    return LimitReached(
        f"{who} takes {rate.allowed:,} {rate.kind} a minute. Try again in {wait} s.",
        code="rate_limited",
        retry_after_seconds=wait,
        **details,
    )


def _fits(one: _Limited, used: Used, hold_micros: int, offer: Offer, now: datetime) -> None:
    """Raise where one more job of `hold_micros` is one too many."""
    limits, who = one.limits, WHO[one.scope].format(alias=offer.alias)
    jobs = limits.concurrent_jobs
    if jobs is not None and used.running >= jobs:
        raise LimitReached(
            f"{who} runs {jobs:,} {'job' if jobs == 1 else 'jobs'} at a time. Wait for one to finish.",
            code="too_many_jobs",
            retry_after_seconds=JOBS_RETRY_SECONDS,
            limit="concurrent_jobs",
            scope=one.scope,
            allowed=jobs,
        )
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow, next_month = midnight + timedelta(days=1), (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    for period, code, allowed, spent, opens in (
        ("day", "daily_limit", limits.credits_per_day_micros, used.day_micros, tomorrow),
        ("month", "monthly_limit", limits.credits_per_month_micros, used.month_micros, next_month),
    ):
        left = None if allowed is None else allowed - spent - used.held_micros
        if allowed is not None and left is not None and hold_micros > left:
            raise LimitReached(
                f"{who} is limited to {_credits(allowed)} credits a {period}; {_credits(max(0, left))} are left and "
                f"this request may cost {_credits(hold_micros)}. It opens again at {opens:%d %B} 00:00 UTC.",
                code=code,
                retry_after_seconds=max(1, int((opens - now).total_seconds())),
                limit=f"credits_per_{period}",
                scope=one.scope,
                allowed=_figure(allowed),
                left=_figure(max(0, left)),
            )


def _credits(micros: int) -> str:
    whole = Money(micros).amount
    return f"{micros // MICRO:,}" if micros % MICRO == 0 else plain(whole)


def _figure(micros: int) -> Any:
    return Money(micros)
