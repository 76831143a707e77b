"""Ask a provider once. The claim commits before the POST, the upstream id after it; between the two lies `unknown`.

A refusal that proves nothing was accepted may be followed by another attempt. Anything else that is not a clear yes or
a clear no leaves the attempt `unknown`, and nobody sends it again.
"""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, or_, update
from sqlalchemy.exc import IntegrityError

from app.catalogue.offers import Offer
from app.catalogue.upstream import to_upstream
from app.generation import rows
from app.generation.desk import Desk
from app.generation.fallback import after_refusal, route_of, steer
from app.generation.gate import Check
from app.generation.lifecycle import FINISHED, Event, State
from app.generation.settle import closing, give_back
from app.kernel import faults, meters, tracing
from app.kernel.errors import LimitReached, ProviderBusy, ProviderError, ProviderRefused, ProviderUnclear
from app.kernel.ids import is_id
from app.kernel.money import Money
from app.ledger.companion import Companion
from app.ledger.operations import Settled
from app.providers.port import Job, UpstreamRef

RETRY_SECONDS = 2.0
MAX_RETRY_SECONDS = 60.0
SUBMIT_TIMEOUT_SECONDS = 90.0  # after this an answer to the POST is not coming any more
UNKNOWN_DEADLINE_SECONDS = 2 * 3600.0  # providers redeliver callbacks for about two hours
UNKNOWN_CHECK_SECONDS = 2.0
CLOCK_SKEW = timedelta(seconds=5)  # between our clock and the provider's

CLAIM_ATTEMPT = (
    update(rows.ATTEMPT)
    .where(rows.ATTEMPT.c.id == bindparam("b_id"), rows.ATTEMPT.c.state == "intent")
    .values(state="sending", sent_at=bindparam("b_now"), updated_at=bindparam("b_now"))
)
ACCEPT_ATTEMPT = (
    update(rows.ATTEMPT)
    .where(
        rows.ATTEMPT.c.id == bindparam("b_id"),
        rows.ATTEMPT.c.state.in_(("sending", "unknown", "accepted")),
        or_(rows.ATTEMPT.c.upstream_id.is_(None), rows.ATTEMPT.c.upstream_id == bindparam("b_upstream")),
    )
    .values(
        state="accepted",
        upstream_id=bindparam("b_upstream"),
        status_url=bindparam("b_status_url"),
        response_url=bindparam("b_response_url"),
        cancel_url=bindparam("b_cancel_url"),
        updated_at=bindparam("b_now"),
    )
)
#: An attempt that was given up keeps its state, and is told which job it was.
NAME_ATTEMPT = (
    update(rows.ATTEMPT)
    .where(rows.ATTEMPT.c.id == bindparam("b_id"), rows.ATTEMPT.c.state == "unknown")
    .where(rows.ATTEMPT.c.upstream_id.is_(None))
    .values(
        upstream_id=bindparam("b_upstream"),
        status_url=bindparam("b_status_url"),
        response_url=bindparam("b_response_url"),
        cancel_url=bindparam("b_cancel_url"),
        updated_at=bindparam("b_now"),
    )
)
LOOK_AGAIN = (
    update(rows.GENERATION)
    .where(rows.GENERATION.c.id == bindparam("b_id"), rows.GENERATION.c.state == "unknown")
    .values(next_check_at=bindparam("b_next"))
)
log = logging.getLogger(__name__)


async def submit(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer) -> None:
    """Claim the attempt and make its one POST. Whoever loses the claim does nothing."""
    attempt = await steer(desk, generation, attempt, offer)
    route = route_of(offer, attempt)
    timeout = await desk.providers.setting(attempt["provider_id"], "submit_timeout_seconds", SUBMIT_TIMEOUT_SECONDS)
    now = desk.clock()
    if not await desk.write(_claim, generation["id"], attempt["id"], now, now + timedelta(seconds=timeout)):
        return
    faults.point("submit.after_intent")
    provider = await desk.providers.get(attempt["provider_id"])
    try:
        job = _job(desk, generation, attempt, offer)
        with meters.provider_call(attempt["provider_id"]), _span(generation, attempt):
            ref = await provider.submit(job)
    except (ProviderBusy, ProviderRefused) as refused:
        await desk.router.note_trouble(route, refused)
        await _try_again(desk, generation, attempt, offer, refused)
    except ProviderUnclear as unclear:
        await desk.router.note_trouble(route, unclear)
        await lose(desk, generation, attempt, unclear.message)
    else:
        faults.point("submit.after_answer")
        await accept(desk, generation, attempt, ref, offer)
        await desk.router.health.accepted(route)


def _span(generation: RowMapping, attempt: RowMapping) -> AbstractContextManager[None]:
    ids = {"generation_id": generation["id"], "attempt_id": attempt["id"], "provider_id": attempt["provider_id"]}
    return tracing.span("call", **ids)


def _for_customer(refused: ProviderError) -> tuple[str, str]:
    """Code and sentence for the customer: their input may be at fault, our account with the provider is not theirs."""
    if refused.stable_code == "provider_input_refused":
        said = refused.details.get("upstream_message") or "it did not say why"
        return refused.stable_code, f"The provider did not accept the input: {said}. Nothing was charged."
    if isinstance(refused, ProviderBusy):
        return "provider_busy", "The provider is busy or cannot be reached. Nothing was charged; try again shortly."
    return "provider_unavailable", "The provider cannot serve this model at the moment. Nothing was charged."


def _claim(connection: Connection, generation_id: str, attempt_id: str, now: datetime, lost_at: datetime) -> bool:
    if rows.locked_state(connection, generation_id) is not State.HELD:  # in the order in which a release locks them
        return False
    claimed = connection.execute(CLAIM_ATTEMPT, {"b_id": attempt_id, "b_now": now}).rowcount == 1
    if claimed:
        rows.move(connection, Event.CLAIM, generation_id, now, lost_at)
    return claimed


def _job(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer) -> Job:
    route = route_of(offer, attempt)
    return Job(
        attempt_id=attempt["id"],
        upstream_model=attempt["upstream_model"],
        params=to_upstream(route, with_links(desk, generation["params"])),
        callback_url=desk.callback_url(attempt["provider_id"], attempt["id"]),
        route_settings=route.settings,
        operation=offer.operation,
    )


def with_links(desk: Desk, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with every uploaded file replaced by a link the provider can fetch it by."""

    def link(value: Any) -> Any:
        if isinstance(value, list):
            return [link(item) for item in value]
        return desk.file_link(value) if isinstance(value, str) and is_id(value, "file") else value

    return {name: link(value) for name, value in params.items()}


async def accept(desk: Desk, generation: RowMapping, attempt: RowMapping, ref: UpstreamRef, offer: Offer) -> bool:
    """Write the upstream id down: from the submit's answer, a callback or the provider's list, whichever comes first.

    False when the attempt is already finished or belongs to another upstream job, and when the credits were given back
    meanwhile. A price that charges on submit is captured right after; a crash between the two leaves that to the
    settlement.
    """
    try:
        accepted = await desk.write(_accept, generation["id"], attempt, ref, desk.clock())
    except IntegrityError:
        return False  # that upstream job belongs to another attempt
    if accepted and offer.billing_mode == "charge_on_submit":
        await _charge(desk, generation)
    return accepted


def _accept(connection: Connection, generation_id: str, attempt: RowMapping, ref: UpstreamRef, now: datetime) -> bool:
    if rows.locked_state(connection, generation_id) in FINISHED:
        _note_late(connection, generation_id, attempt, ref, now)
        return False
    if connection.execute(ACCEPT_ATTEMPT, _accepted(attempt, ref, now)).rowcount != 1:
        return False
    if rows.move(connection, Event.ACCEPT, generation_id, now, now):
        rows.record(connection, generation_id, "accepted", now, _found_as(attempt, ref))
    return True


def _note_late(
    connection: Connection, generation_id: str, attempt: RowMapping, ref: UpstreamRef, now: datetime
) -> None:
    """Which job it was, for whoever compares it with the provider's bill: it was given up, and stays so."""
    if connection.execute(NAME_ATTEMPT, _accepted(attempt, ref, now)).rowcount == 1:
        rows.record(connection, generation_id, "found_late", now, _found_as(attempt, ref), operator_only=True)


def _found_as(attempt: RowMapping, ref: UpstreamRef) -> dict[str, Any]:
    return {"attempt": attempt["number"], "provider": attempt["provider_id"], "upstream_id": ref.upstream_id}


async def _charge(desk: Desk, generation: RowMapping) -> None:
    amount = Money(int(generation["estimate"]["total_micros"]))
    charged = rows.event(generation["id"], "charged_on_submit", desk.clock(), {"micros": amount.micros})

    def once(captured: Settled) -> list[Companion]:
        return [] if captured.already else [Companion(rows.INSERT_EVENT, charged)]

    await desk.ledger.capture_early(generation["id"], amount, actor="system", also=once)


def _accepted(attempt: RowMapping, ref: UpstreamRef, now: datetime) -> dict[str, Any]:
    return {
        "b_id": attempt["id"],
        "b_upstream": ref.upstream_id,
        "b_status_url": ref.status_url,
        "b_response_url": ref.response_url,
        "b_cancel_url": ref.cancel_url,
        "b_now": now,
    }


async def _try_again(
    desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer, refused: ProviderError
) -> None:
    """Another attempt: at once where another route is left, after a wait where only the same one is."""
    going = await after_refusal(desk, generation, attempt, offer, refused)
    if going is None:
        await give_back(desk, generation, attempt, offer, "refused", *_for_customer(refused), private=refused.message)
        return
    picked, is_repeated = going
    wait = _wait(attempt["number"], refused) if is_repeated else 0.0
    now = desk.clock()
    following = rows.attempt_row(
        generation["id"], attempt["number"] + 1, picked.route, now, picked.expected_cost_micros, picked.to_json()
    )
    hold = int(generation["hold_micros"])
    fits = desk.router.rules.checks(generation["workspace_id"], picked.route.provider_id, hold)
    try:
        await desk.write(
            _next_attempt, generation["id"], attempt, following, refused, now, now + timedelta(seconds=wait), fits
        )
    except LimitReached:  # another request took the last of that provider's quota a moment ago
        await give_back(desk, generation, attempt, offer, "refused", *_for_customer(refused), private=refused.message)


def _wait(attempts: int, refused: ProviderError) -> float:
    """As long as the provider asks for, or twice as long each time."""
    asked = refused.details.get("retry_after_seconds")
    return min(float(asked) if asked is not None else RETRY_SECONDS * 2 ** (attempts - 1), MAX_RETRY_SECONDS)


def _next_attempt(
    connection: Connection,
    generation_id: str,
    attempt: RowMapping,
    following: dict[str, Any],
    refused: ProviderError,
    now: datetime,
    retry_at: datetime,
    fits: tuple[Check, ...],
) -> None:
    for check in fits:
        check(connection)
    if rows.move(connection, Event.RETRY, generation_id, now, retry_at):
        connection.execute(rows.UPDATE_ATTEMPT, closing(attempt, "refused", now, refused.stable_code, refused.message))
        connection.execute(rows.INSERT_ATTEMPT, following)
        detail = {"attempt": attempt["number"], "provider": attempt["provider_id"], "why": refused.message}
        rows.record(connection, generation_id, "refused", now, detail, operator_only=True)
        if following["provider_id"] != attempt["provider_id"]:
            rows.record(connection, generation_id, "another_provider", now, {"provider": following["provider_id"]})


async def lose(desk: Desk, generation: rows.Row, attempt: rows.Row, why: str) -> None:
    """Nobody knows whether the provider took the job: say so, keep the hold, and look for it."""
    now = desk.clock()

    def run(connection: Connection) -> None:
        soon = now + timedelta(seconds=UNKNOWN_CHECK_SECONDS)
        if rows.move(connection, Event.LOSE, generation["id"], now, soon):
            connection.execute(rows.UPDATE_ATTEMPT, closing(attempt, "unknown", now, "provider_unclear", why))
            detail = {"attempt": attempt["number"], "provider": attempt["provider_id"], "why": why}
            rows.record(connection, generation["id"], "unknown", now, detail)

    await desk.write(run)


async def look_for(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer) -> None:
    """An unknown attempt: take it up if the provider lists it; give the credits back when its deadline has passed."""
    sent_at = attempt["sent_at"] or attempt["created_at"]
    ref = await _found(desk, generation, attempt, offer, sent_at)
    if ref is not None and await accept(desk, generation, attempt, ref, offer):
        return
    deadline = await desk.providers.setting(
        attempt["provider_id"], "unknown_deadline_seconds", UNKNOWN_DEADLINE_SECONDS
    )
    if desk.clock() >= sent_at + timedelta(seconds=deadline):
        await give_back(
            desk,
            generation,
            attempt,
            offer,
            "unknown",
            "outcome_unknown",
            "The provider never said whether it took this job. Nothing was charged.",
            cost_micros=attempt["expected_cost_micros"],
            unknown=True,
            close=rows.CLOSE_UNFOUND,
        )
    else:
        await desk.write(_look_again, generation["id"], desk.clock())


def _look_again(connection: Connection, generation_id: str, now: datetime) -> None:
    later = {"b_id": generation_id, "b_next": now + timedelta(seconds=UNKNOWN_CHECK_SECONDS)}
    connection.execute(LOOK_AGAIN, later)


async def _found(
    desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer, sent_at: datetime
) -> UpstreamRef | None:
    """The job in the provider's list; a provider that cannot say now is asked again until the deadline."""
    provider = await desk.providers.get(attempt["provider_id"])
    try:
        return await provider.find(_job(desk, generation, attempt, offer), sent_at - CLOCK_SKEW)
    except (ProviderBusy, ProviderRefused) as silent:
        log.warning("%s cannot say whether it took %s: %s", attempt["provider_id"], attempt["id"], silent)
        return None


async def notice_lost(desk: Desk, generation: RowMapping, attempt: RowMapping) -> None:
    """A claim whose answer never came back, because the process that made it died or the network swallowed it."""
    timeout = await desk.providers.setting(attempt["provider_id"], "submit_timeout_seconds", SUBMIT_TIMEOUT_SECONDS)
    if attempt["sent_at"] and desk.clock() >= attempt["sent_at"] + timedelta(seconds=timeout):
        await lose(desk, generation, attempt, "The connection ended before the provider answered.")
