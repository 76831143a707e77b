"""The limits that stand beside a price, counted where the money is: in the ledger's own transaction."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from app.catalogue.offers import Offer
from app.generation.rows import GENERATION
from app.kernel.errors import LimitReached
from app.kernel.money import MICRO

Check = Callable[[Connection], None]


def checks(offer: Offer, workspace_id: str, hold_micros: int, now: datetime) -> tuple[Check, ...]:
    """The limits of this model for this workspace, as checks to run under the wallet's lock."""
    limits = offer.limits
    mine = (GENERATION.c.workspace_id == workspace_id) & (GENERATION.c.model_id == offer.model_id)
    found: list[Check] = []
    if limits.requests_per_minute is not None:
        found.append(_rate(limits.requests_per_minute, mine, offer.alias, now))
    if limits.concurrent_jobs is not None:
        found.append(_concurrency(limits.concurrent_jobs, mine, offer.alias))
    if limits.credits_per_day_micros is not None:
        found.append(_budget(limits.credits_per_day_micros, mine, offer.alias, hold_micros, now))
    return tuple(found)


def _rate(allowed: int, mine: ColumnElement[bool], alias: str, now: datetime) -> Check:
    def check(connection: Connection) -> None:
        recent = select(GENERATION.c.created_at).where(mine, GENERATION.c.created_at > now - timedelta(minutes=1))
        times = sorted(connection.execute(recent).scalars())
        if len(times) >= allowed:
            wait = max(1, 60 - int((now - times[len(times) - allowed]).total_seconds()))
            raise LimitReached(
                f"{alias} takes {allowed} requests a minute from a workspace. Try again in {wait} s.",
                code="rate_limited",
                retry_after_seconds=wait,
            )

    return check


def _concurrency(allowed: int, mine: ColumnElement[bool], alias: str) -> Check:
    def check(connection: Connection) -> None:
        running = select(func.count()).select_from(GENERATION).where(mine, GENERATION.c.finished_at.is_(None))
        if int(connection.execute(running).scalar_one()) >= allowed:
            raise LimitReached(
                f"{alias} runs {allowed} jobs at a time for a workspace. Wait for one to finish.",
                code="too_many_jobs",
                retry_after_seconds=5,
            )

    return check


def _budget(allowed_micros: int, mine: ColumnElement[bool], alias: str, hold_micros: int, now: datetime) -> Check:
    def check(connection: Connection) -> None:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        used = func.coalesce(GENERATION.c.charged_micros, GENERATION.c.hold_micros)
        today = select(func.coalesce(func.sum(used), 0)).where(mine, GENERATION.c.created_at >= midnight)
        if int(connection.execute(today).scalar_one()) + hold_micros > allowed_micros:
            wait = int((midnight + timedelta(days=1) - now).total_seconds())
            raise LimitReached(
                f"{alias} is limited to {allowed_micros // MICRO:,} credits a day for a workspace. "
                "It opens again at 00:00 UTC.",
                code="daily_limit",
                retry_after_seconds=wait,
            )

    return check
