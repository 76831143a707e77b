"""What a purchase leaves in the books: lots, expiries, tax, and time that does as it likes."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from app.kernel.errors import Conflict, LimitReached, NotFound
from app.kernel.money import Money
from app.payments.lifecycle import State
from app.payments.promo import Offer
from tests.support.till import Till


def bought(till: Till, **changes: object) -> None:
    order = till.buy(**changes)
    till.pay(order)
    assert till.settle(order).state is State.PAID


def lots(till: Till) -> list[tuple[str, int]]:
    found = till.services.ledger.lots(till.workspace_id)
    return sorted((lot.kind, int(lot.remaining.amount)) for lot in found)


@pytest.mark.one_engine
def test_case_41_tax_is_not_turned_into_credits(till: Till) -> None:
    bought(till)
    assert till.scalar("SELECT gross_minor - net_minor FROM payment_order") == 190
    assert till.scalar("SELECT sum(granted) FROM lot WHERE kind = 'paid'") == 10_000_000_000
    cash = till.scalar("SELECT sum(amount) FROM entry WHERE account LIKE 'cash:stripe%'")
    tax = till.scalar("SELECT sum(amount) FROM entry WHERE account LIKE '%tax%'")
    assert (int(cash), int(tax)) == (11_900_000, -1_900_000)


def test_case_42_paid_and_bonus_credits_are_lots_of_their_own(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    till.deliver(till.events() * 3)
    till.apply()
    assert lots(till) == [("paid", 10_000), ("promo", 500)]
    paid, bonus = (till.scalar(f"SELECT expires_at FROM lot WHERE kind = '{kind}'") for kind in ("paid", "promo"))
    assert paid != bonus
    till.assert_books_balance()


def test_case_42_a_redeemed_code_is_not_doubled_by_a_purchase(till: Till) -> None:
    [code] = till.cashier.promo.make(Offer("Welcome", Money.from_exact(50)), actor="op")
    till.run(till.cashier.promo.redeem(till.workspace_id, code.lower(), actor=till.user_id))
    bought(till)
    assert lots(till) == [("paid", 10_000), ("promo", 50), ("promo", 500)]
    with pytest.raises(Conflict):
        till.run(till.cashier.promo.redeem(till.workspace_id, code, actor=till.user_id))
    assert till.credits == 10_550
    till.assert_books_balance()


def test_bug_a5_a_code_is_claimed_no_more_often_than_was_meant(till: Till) -> None:
    promo = till.cashier.promo
    code = promo.make_named("Welcome 50", Offer("Welcome", Money.from_exact(50), most_claims=3), actor="op")
    customers = [till.customer(name=f"C{number}") for number in range(8)]

    async def rush() -> list[object]:
        claims = [promo.redeem(workspace, code, actor=user) for workspace, user in customers for _ in range(2)]
        return await asyncio.gather(*claims, return_exceptions=True)

    answers = till.run(rush())
    given = [answer for answer in answers if not isinstance(answer, Exception)]
    assert len(given) == 3
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {Conflict}
    assert (till.count("redemption_claim"), till.scalar("SELECT claims FROM redemption_code")) == (3, 3)
    assert till.scalar("SELECT sum(balance) FROM wallet") == 150_000_000
    till.assert_books_balance()


@pytest.mark.one_engine
def test_codes_end_and_guessing_is_stopped(till: Till) -> None:
    promo, later = till.cashier.promo, till.time() + timedelta(days=1)
    over = promo.make_named("SUMMER", Offer("Summer", Money.from_exact(5), valid_until=later), actor="op")
    off = promo.make_named("WINTER", Offer("Winter", Money.from_exact(5)), actor="op")
    promo.disable(next(code.id for code in promo.codes() if code.label == "Winter"))
    till.time.ahead += timedelta(days=1)
    for code in (over, off):
        with pytest.raises(Conflict, match="no longer valid"):
            till.run(promo.redeem(till.workspace_id, code, actor="x"))
    for _ in range(10):
        with pytest.raises(NotFound):
            till.run(promo.redeem(till.workspace_id, "nothing", actor="x"))
    with pytest.raises(LimitReached):
        till.run(promo.redeem(till.workspace_id, "SUMMER", actor="x"))
    with pytest.raises(Conflict, match="taken"):
        promo.make_named("s u m m e r", Offer("Again", Money.from_exact(5)), actor="op")
    assert till.credits == 0


MOMENTS = {
    "the end of a month": datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC),
    "the end of a leap year's February": datetime(2028, 2, 29, 12, tzinfo=UTC),
    "the hour that summer time skips": datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
    "the hour that comes twice": datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
    "the last second of a year": datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_case_46_days_are_24_hours_whatever_the_calendar_does(one_till: Till, moment: datetime) -> None:
    till = one_till
    till.time.ahead = moment - datetime.now(UTC)
    order, actor = till.cashier.manual.request(till.choice()), till.operator()
    till.cashier.manual.record(order.id, order.gross, bank_reference="B", value_date=moment.date(), actor=actor)
    paid = till.run(till.cashier.manual.approve(order.id, actor=actor))
    found = {lot.kind: lot.expires_at for lot in till.services.ledger.lots(till.workspace_id)}
    for kind, days in (("paid", 365), ("promo", 90)):
        assert abs(found[kind] - paid.paid_at - timedelta(days=days)) < timedelta(seconds=5)
    assert paid.paid_at.tzinfo is UTC


@pytest.mark.one_engine
def test_case_46_a_clock_that_jumps_refuses_and_then_takes_the_same_event(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    events, now = till.events(), till.time().timestamp()
    bodies = [json.dumps(event) for event in events]
    till.time.ahead = timedelta(hours=-3)
    assert till.deliver([bodies[0]], till.signed(bodies[0], at=now)) == [400]
    till.time.ahead = timedelta(hours=3)
    assert till.deliver([bodies[0]], till.signed(bodies[0], at=now)) == [400]
    till.time.ahead = timedelta()
    assert set(till.deliver(bodies[0:1], till.signed(bodies[0]))) == {200}
    assert till.settle(order).state is State.PAID
    till.time.ahead = timedelta(days=-2)  # and back: nothing is undone, nothing happens again
    till.apply()
    assert (till.state(order), till.credits) == (State.PAID, 10_500)
    till.assert_books_balance()
