"""Drawing lots and giving back, as plain values; and which failures of a database pass by themselves."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.kernel.errors import Broken
from app.ledger.state import Lot, Use, Wallet, draw, give_back, in_draw_order
from app.ledger.transient import is_transient

NOW = datetime(2026, 6, 1, tzinfo=UTC)
REMAINDERS = st.lists(st.integers(0, 50), max_size=6)


def lot(name: str, remaining: int = 10, *, priority: int = 10, year: int | None = None) -> Lot:
    expires = None if year is None else NOW.replace(year=year)
    return Lot(name, 1, f"j{name}", remaining, remaining, remaining > 0, priority, expires)


def test_lots_are_used_in_this_order() -> None:
    ordered = [
        lot("expired, bought", priority=100, year=2020),
        lot("soon", year=2027),
        lot("later", year=2030),
        lot("a: never, older"),
        lot("b: never, newer"),
        lot("bought, soon", priority=100, year=2027),
        lot("bought", priority=100),
    ]
    assert in_draw_order(reversed(ordered), NOW) == ordered
    assert in_draw_order([lot("just expired", priority=100, year=2026), lot("gift")], NOW)[0].id == "just expired"


@given(REMAINDERS, st.integers(0, 300))
def test_drawing_takes_exactly_what_was_asked(remainders: list[int], asked: int) -> None:
    lots = [lot(str(number), remaining) for number, remaining in enumerate(remainders)]
    if asked > sum(remainders):
        with pytest.raises(Broken, match="short of the balance"):
            draw(lots, asked)
        return
    changed, uses = draw(lots, asked)
    assert sum(use.micros for use in uses) == asked
    assert all(use.micros > 0 for use in uses)
    assert [use.lot_id for use in uses] == [after.id for after in changed]
    for after, use in zip(changed, uses, strict=True):
        assert after.remaining == remainders[int(after.id)] - use.micros
        assert after.open is (after.remaining > 0)
    assert all(after.remaining == 0 for after in changed[:-1]), "a later lot was touched before an earlier was empty"


@given(REMAINDERS, st.integers(0, 300), st.integers(0, 300))
def test_giving_back_undoes_the_last_use_first(remainders: list[int], asked: int, returned: int) -> None:
    asked = min(asked, sum(remainders))
    returned = min(returned, asked)
    _, uses = draw([lot(str(number), remaining) for number, remaining in enumerate(remainders)], asked)
    back = give_back(uses, returned)
    assert sum(use.micros for use in back) == -returned
    kept = {use.lot_id: use.micros for use in uses}
    for use in back:
        kept[use.lot_id] += use.micros
    assert min(kept.values(), default=0) >= 0
    assert give_back(uses, asked) == tuple(Use(use.lot_id, -use.micros) for use in reversed(uses))


def test_more_than_was_taken_cannot_go_back() -> None:
    with pytest.raises(Broken, match="never taken"):
        give_back([Use("a", 5)], 6)


def test_a_wallet_counts_its_operations() -> None:
    wallet = Wallet(1, "ws_1", "credit", 100, 30, 5, 20, frozen=False, version=7)
    assert wallet.available == 85
    after = wallet.moved(balance=-10, held=-30, owed=1)
    assert (after.balance, after.held, after.owed, after.version) == (90, 0, 6, 8)
    assert wallet.moved().version == 8


class Said(Exception):
    def __init__(self, sqlstate: str | None = None, sqlite_errorname: str | None = None) -> None:
        super().__init__()
        self.sqlstate, self.sqlite_errorname = sqlstate, sqlite_errorname


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        pytest.param(OperationalError("", None, Said("40001")), True, id="serialization"),
        pytest.param(OperationalError("", None, Said("40P01")), True, id="deadlock"),
        pytest.param(OperationalError("", None, Said("57014")), True, id="statement timeout"),
        pytest.param(OperationalError("", None, Said("55P03")), True, id="lock timeout"),
        pytest.param(OperationalError("", None, Said("08006")), True, id="connection failure"),
        pytest.param(OperationalError("", None, Said("57P01")), True, id="server shut down"),
        pytest.param(OperationalError("", None, Said(None, "SQLITE_BUSY")), True, id="another writer"),
        pytest.param(DBAPIError("", None, Said(), connection_invalidated=True), True, id="connection lost"),
        pytest.param(IntegrityError("", None, Said("23505")), False, id="the same row twice"),
        pytest.param(OperationalError("", None, Said("42P01")), False, id="no such table"),
        pytest.param(OperationalError("", None, Said(None, "SQLITE_FULL")), False, id="disk full"),
        pytest.param(ValueError("x"), False, id="not the database at all"),
    ],
)
def test_which_failures_pass_by_themselves(error: Exception, passes: bool) -> None:
    assert is_transient(error) is passes
