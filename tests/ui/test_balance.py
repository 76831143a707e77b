"""The balance page: its figures, its chart and its list, each from the books."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from app.generation.report import Spending
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.ledger.asides import FreezeView
from app.ledger.reads import Balance, LotView
from app.ledger.standing import Standing
from app.payments.lots import BoughtLot
from app.ui.guard import required_role
from app.ui.pages.balance import state as balance
from app.ui.pages.balance.alert_state import AlertOwnerState, AlertState
from app.ui.pages.balance.figures import figures, lot_rows, made_of, outlook
from app.ui.pages.balance.ledger import month_options
from app.ui.pages.balance.spend import draw, grouped
from app.ui.pages.balance.state import BalanceState
from app.ui.pages.balance.statement_state import StatementState
from app.ui.pages.balance.trouble import troubles
from app.ui.roles import Role
from app.ui.theme import SERIES
from tests.support.house import House
from tests.ui.screens import Screen, owner_of, stranger
from tests.ui.tabs import event_name

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
TODAY = NOW.date()


def credits(amount: float) -> Money:
    return Money(round(amount * 1_000_000))


def lot(kind: str, left: float, granted: float = 0, days: int | None = None, basis: int | None = None) -> LotView:
    ends = None if days is None else NOW + timedelta(days=days, hours=1)
    cost = None if basis is None else Money(basis, "USD")
    return LotView(f"lot_{kind}", kind, kind.title(), credits(granted or left), credits(left), 1, ends, cost, NOW)


def stands(*lots: LotView, held: float = 0, jobs: int = 0, owed: float = 0, limit: float = 0) -> Standing:
    total = sum(one.remaining.micros for one in lots) / 1_000_000
    books = Balance(
        credits(total), credits(held), credits(owed), credits(limit), credits(total + limit - owed - held), False
    )
    ending = tuple(one for one in lots if one.expires_at and one.expires_at <= NOW + timedelta(days=30))
    return Standing(books, jobs, lots, ending)


def spent(by_day: dict[int, dict[str, float]], days: int = 30) -> Spending:
    """Spending by days ago and model."""
    every = tuple(TODAY - timedelta(days=ago) for ago in range(days - 1, -1, -1))
    found = {
        (TODAY - timedelta(days=ago), model): credits(amount)
        for ago, models in by_day.items()
        for model, amount in models.items()
    }
    sums: dict[str, int] = {}
    for (_, model), amount in found.items():
        sums[model] = sums.get(model, 0) + amount.micros
    return Spending(every, tuple(sorted(sums, key=lambda model: (-sums[model], model))), found)


# ---- what stands in the way ----


def books(**more: object) -> Balance:
    plain = stands(lot("paid", 100)).balance
    return plain._replace(**more)


def freeze(reason: str) -> FreezeView:
    return FreezeView(reason, "dp_1", "system", NOW)


@pytest.mark.parametrize(
    ("balance", "freezes", "names"),
    [
        (books(), [], []),
        (books(available=credits(0)), [], ["empty"]),
        (books(debt=credits(50), available=credits(0), frozen=True), [freeze("debt")], ["debt"]),
        (books(frozen=True), [freeze("dispute")], ["frozen_dispute"]),
        (books(frozen=True), [freeze("sanctions")], ["frozen_other"]),
        (books(set_aside=credits(10)), [], ["set_aside"]),
        (
            books(debt=credits(5), frozen=True, set_aside=credits(1), available=credits(0)),
            [freeze("debt"), freeze("dispute")],
            ["debt", "frozen_dispute", "set_aside"],
        ),
    ],
    ids=["nothing", "empty", "debt", "dispute", "another reason", "set aside", "everything"],
)
def test_what_stands_in_the_way_is_said_once_the_gravest_first(balance, freezes, names) -> None:
    found = troubles(balance, freezes)
    assert [trouble["name"] for trouble in found] == names
    assert all(trouble["title"] and trouble["sentence"] for trouble in found)


def test_a_debt_says_how_much_and_that_credits_settle_it() -> None:
    (debt,) = troubles(books(debt=credits(50), frozen=True), [freeze("debt")])
    assert (debt["title"], debt["tone"], debt["buys"]) == ("You owe 50 credits", "loss", "true")


# ---- the figures ----


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (stands(lot("paid", 42_306), lot("promo", 6_000), held=96), "42,306 paid + 6,000 promo − 96 held"),
        (stands(lot("promo", 10)), "10 promo"),
        (stands(limit=500, owed=20), "500 limit − 20 owed"),
        (stands(), ""),
    ],
)
def test_available_says_what_it_is_made_of(standing: Standing, words: str) -> None:
    assert made_of(standing) == words


def test_the_strip_says_what_is_held_and_what_ends() -> None:
    shown = figures(stands(lot("promo", 6_000, 10_000, days=9), lot("paid", 42_306), held=96, jobs=1), spent({}))
    assert (shown["held"], shown["held_by"], shown["running"]) == ("96", "1 job running", "true")
    assert (shown["expiring"], shown["expiring_when"], shown["expiring_tone"]) == (
        "6,000",
        "on 30 Nov, used first",
        "thin",
    )


def test_an_empty_strip_is_calm_and_says_that_nothing_is_left() -> None:
    shown = figures(stands(), spent({}))
    assert (shown["available"], shown["held_by"], shown["expiring"], shown["lasts"]) == (
        "0",
        "no job is running",
        "0",
        "–",
    )


@pytest.mark.parametrize(
    ("available", "by_day", "expected"),
    [
        (48_210, {29: {"a": 100_000}, 0: {"a": 24_860}}, ("11 days", "at 4,162 a day")),
        (100, {0: {"a": 100}}, ("1 day", "at 100 a day")),
        (100, {1: {"a": 100}, 0: {"a": 100}}, ("1 day", "at 100 a day")),
        (99, {0: {"a": 100}}, ("under a day", "at 100 a day")),
        (100_000, {0: {"a": 1}}, ("over a year", "at 1 a day")),
        (100, {0: {"a": 0.5}}, ("200 days", "at 0.5 a day")),
        (100, {}, ("–", "nothing spent in 30 days")),
    ],
)
def test_how_long_it_lasts_is_an_average_since_the_first_charge(available, by_day, expected) -> None:
    assert outlook(credits(available), spent(by_day)) == expected


def test_lots_say_what_is_left_what_they_cost_and_when_they_end() -> None:
    rows = lot_rows(
        stands(lot("promo", 6_000, 10_000, days=9), lot("paid", 42_306, 60_000, days=356, basis=55_020_000)), NOW
    )
    promo, paid = rows
    assert (promo["first"], promo["left"], promo["granted"], promo["percent"]) == (
        "Used first",
        "6,000",
        "of 10,000",
        "60",
    )
    assert (promo["origin"], promo["ends"], promo["tone"]) == ("a gift", "Expires in 9 days, 30 Nov", "thin")
    assert (paid["origin"], paid["ends"], paid["first"]) == ("1 credit = $0.000917", "Expires 12 Nov 2027", "")


@pytest.mark.parametrize(
    ("days", "words"),
    [(None, "Does not expire"), (0, "Expires today"), (1, "Expires in 1 day, 22 Nov"), (-2, "Ended 19 Nov 2026")],
)
def test_the_end_of_a_lot(days: int | None, words: str) -> None:
    (row,) = lot_rows(stands(lot("promo", 1, days=days)), NOW)
    assert row["ends"] == words
    assert row["first"] == ""


# ---- the chart ----


def names(groups: Sequence[tuple[str, tuple[str, ...]]]) -> list[str]:
    return [name for name, _ in groups]


@pytest.mark.parametrize(
    ("models", "series"),
    [
        (1, ["m0"]),
        (5, ["m0", "m1", "m2", "m3", "m4"]),
        (6, ["m0", "m1", "m2", "m3", "2 others"]),
        (9, ["m0", "m1", "m2", "m3", "5 others"]),
    ],
)
def test_at_most_four_models_and_the_others(models: int, series: list[str]) -> None:
    groups = grouped(spent({0: {f"m{index}": 100 - index for index in range(models)}}))
    assert names(groups) == series
    assert len(groups) <= len(SERIES)


def test_bars_list_table_and_sentence_say_the_same() -> None:
    drawn = draw(spent({3: {"veo": 1_680, "flux": 32}, 0: {"flux": 48}}, days=7))

    assert [bar.name for bar in drawn.figure.data] == drawn.names == ["veo", "flux"]
    assert [bar.marker.color for bar in drawn.figure.data] == list(SERIES[:2])
    assert list(drawn.figure.data[1].y) == [0, 0, 0, 32, 0, 0, 48]
    assert list(drawn.figure.data[1].customdata)[-1] == "48"
    assert [(share["name"], share["amount"], share["percent"], share["width"]) for share in drawn.shares] == [
        ("veo", "1,680", "95%", "100"),
        ("flux", "80", "5%", "4.8"),
    ]
    assert [(row["day"], row["cells"], row["total"]) for row in drawn.table] == [
        ("21 Nov", ["0", "48"], "48"),
        ("18 Nov", ["1,680", "32"], "1,712"),
    ]
    assert drawn.total == "1,760 credits in 7 days"
    assert drawn.summary == "1,760 credits in 7 days, most on 18 Nov with 1,712; veo took 95%."


def test_nothing_spent_is_said_and_drawn_as_nothing() -> None:
    drawn = draw(spent({}))
    assert drawn.is_empty
    assert drawn.summary == "Nothing was spent in 30 days."
    assert len(drawn.figure.data) == 0


def test_a_day_on_which_more_came_back_than_was_spent_hangs_no_bar_below_the_line() -> None:
    drawn = draw(spent({1: {"a": 10}, 0: {"a": -4}}, days=7))
    assert min(drawn.figure.data[0].y) == 0
    assert drawn.table[0]["total"] == "−4"


def test_months_are_named() -> None:
    assert [option["label"] for option in month_options(["2026-11", "2026-10"])] == ["All time", "Nov 2026", "Oct 2026"]


# ---- the page ----


@pytest.fixture(scope="module")
def busy(shared_house: House) -> House:
    """A customer with a charge, and with a job that failed."""
    home = shared_house.newcomer(10_000)

    async def ask() -> None:
        await home.run("flux-schnell", prompt="A red tram", num_images=2)
        await home.run("flux-schnell", prompt="A red tram [[fault:401]]")

    asyncio.run(ask())
    return home


@pytest.fixture
def reader(busy: House, pages_ask: None) -> Screen:
    return Screen(busy, owner_of(busy))


async def test_the_page_agrees_with_the_books(reader: Screen) -> None:
    state = await reader.open(BalanceState, "/balance")
    assert (state.figures["available"], state.figures["available_of"]) == ("9,980", "9,980 promo")
    assert state.spent == "20 credits in 30 days"
    assert [share["name"] for share in state.shares] == ["flux-schnell"]
    assert [(row["entry"], row["credits"], row["tone"], row["quiet"]) for row in state.rows] == [
        ("Released", "10 back", "quiet", "true"),
        ("Hold", "10 held", "quiet", "true"),
        ("Charge", "−20", "neutral", ""),
        ("Hold", "20 held", "quiet", "true"),
        ("Grant", "+10,000", "good", ""),
    ]
    assert state.rows[2]["href"] == f"/logs/{state.rows[2]['reference']}"
    assert state.rows[4]["href"] == ""
    assert [row["balance"] for row in state.rows] == ["9,980", "9,980", "9,980", "10,000", "10,000"]
    assert state.csv == "/download/statement.csv?show=all"


async def test_the_filter_and_its_csv_are_one(reader: Screen) -> None:
    state = await reader.open(BalanceState, "/balance")
    month = state.month_choices[1]["value"]
    await reader.act(state.choose_show("charges"))
    await reader.act(state.choose_month(month))
    assert [row["entry"] for row in state.rows] == ["Charge"]
    assert state.csv == f"/download/statement.csv?show=charges&month={month}"


async def test_many_lots_are_shown_a_few_at_a_time(screen: Screen, home: House) -> None:
    ledger = home.services.ledger
    for number in range(balance.LOTS + 2):
        await ledger.grant(
            home.workspace_id, credits(5), kind="promo", label=f"Lot {number}", ref=f"{number}", actor="test"
        )
    state = await screen.open(BalanceState, "/balance")
    assert (len(state.lots), state.more_lots) == (balance.LOTS, "Show more of the other 3")
    await screen.act(state.show_more_lots())
    assert (len(state.lots), state.more_lots) == (balance.LOTS + 3, "")


@pytest.mark.parametrize(
    ("handler", "bad"), [("choose_show", "secrets"), ("choose_month", "2001-01"), ("choose_period", "1000000")]
)
async def test_a_choice_that_is_not_offered_changes_nothing(reader: Screen, handler: str, bad: str) -> None:
    state = await reader.open(BalanceState, "/balance")
    await reader.act(getattr(state, handler)(bad))
    assert (state.show, state.month, state.period) == ("all", "all", "30")


async def test_the_period_changes_the_chart_and_not_the_outlook(reader: Screen) -> None:
    state = await reader.open(BalanceState, "/balance")
    lasts = state.figures["lasts"]
    await reader.act(state.choose_period("7"))
    assert state.spent == "20 credits in 7 days"
    assert len(state.chart["data"][0]["x"]) == 7
    assert state.figures["lasts"] == lasts


async def test_the_ledger_goes_on_over_pages(reader: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "PAGE", 2)
    state = await reader.open(BalanceState, "/balance")
    seen = [row["credits"] for row in state.rows]
    while state.has_next:
        await reader.act(state.next_page())
        seen += [row["credits"] for row in state.rows]
    assert seen == ["10 back", "10 held", "−20", "20 held", "+10,000"]
    assert state.shown == "5–5"
    await reader.act(state.previous_page())
    assert [row["credits"] for row in state.rows] == ["−20", "20 held"]


async def test_news_moves_the_figures(screen: Screen, home: House) -> None:
    state = await screen.open(BalanceState, "/balance")
    await home.start("flux-schnell", prompt="A red tram", num_images=4)
    await screen.act(state.refresh())
    assert (state.figures["available"], state.figures["held"], state.figures["running"]) == ("9,960", "40", "true")


async def test_another_workspace_has_its_own_page(home: House, reader: Screen) -> None:
    theirs = Screen(home, stranger(home.newcomer().workspace_id))
    state = await theirs.open(BalanceState, "/balance")
    assert state.figures["available"] == "0"
    assert (state.rows, state.shares, state.lots) == ([], [], [])
    assert state.nothing_spent


def test_a_bought_lot_says_what_a_credit_cost_and_leads_to_its_order() -> None:
    bought = {
        "lot_paid": BoughtLot("ord_1", "FB-1", credits(100_000), Fiat(9_500, "EUR")),
        "lot_promo": BoughtLot("ord_1", "FB-1", credits(5_000), None),
    }
    promo, paid = lot_rows(stands(lot("promo", 5_000, days=90), lot("paid", 100_000, days=365)), NOW, bought)
    assert (promo["origin"], promo["href"]) == ("a bonus", "/top-up?order=ord_1")
    assert (paid["origin"], paid["href"]) == ("1 credit = €0.00095", "/top-up?order=ord_1")


async def test_spending_is_told_by_key_too(screen: Screen, home: House) -> None:
    await home.run("flux-schnell", prompt="A tram")
    page = await screen.open(BalanceState, "/balance")
    assert [share["name"] for share in page.shares] == ["flux-schnell"]
    await screen.act(page.choose_by("key"))
    assert [share["name"] for share in page.shares] == ["Playground"]
    assert page.series == ["Playground"]
    await screen.act(page.choose_by("customer"))
    assert page.by == "key"


# ---- the statement and the alert ----


async def test_a_statement_spans_whole_days_between_two_balances(screen: Screen, home: House) -> None:
    found: StatementState = await screen.tab.tree.get_state(StatementState)
    await screen.act(found.opened(True))
    today = home.services.desk.clock().date()
    assert (found.first, found.last) == (today.replace(day=1).isoformat(), today.isoformat())
    assert (found.opening, found.closing, found.error) == ("0", "10,000", "")
    tomorrow = (today + timedelta(days=1)).isoformat()
    assert found.csv == f"/download/account.csv?from={found.first}&to={tomorrow}"


@pytest.mark.parametrize("day", ["", "2026-13-01", "9999-12-31", "x' OR 1=1"])
async def test_what_is_no_period_has_no_statement(screen: Screen, day: str) -> None:
    found: StatementState = await screen.tab.tree.get_state(StatementState)
    await screen.act(found.opened(True))
    await screen.act(found.choose_last(day))
    assert (found.csv, found.opening) == ("", "")
    assert found.error


async def test_a_period_that_ends_before_it_begins_is_none(screen: Screen) -> None:
    found: StatementState = await screen.tab.tree.get_state(StatementState)
    await screen.act(found.opened(True))
    await screen.act(found.choose_last("2001-01-01"))
    assert found.error


async def test_an_owner_sets_and_switches_the_alert(screen: Screen, home: House) -> None:
    shown = await screen.open(AlertState, "/balance")
    assert (shown.is_on, shown.may_edit) == (True, True)
    owner: AlertOwnerState = await screen.tab.tree.get_state(AlertOwnerState)
    await screen.act(owner.open_edit(True))
    await screen.act(owner.write("nothing"))
    await screen.act(owner.save())
    assert owner.error == "Enter an amount of credits above zero."
    await screen.act(owner.write("20,000"))
    await screen.act(owner.save())
    assert (owner.is_open, shown.words) == (False, "A mail to the owners below 20,000 credits")
    await screen.act(owner.switch(False))
    assert (shown.is_on, shown.words) == (False, "No mail when credits run low")
    kept = home.services.notify.alerts.of(home.workspace_id)
    assert (kept.enabled, kept.threshold) == (False, credits(20_000))


def test_a_member_sees_the_alert_and_cannot_change_it() -> None:
    assert required_role(event_name(AlertState.load)) is Role.CUSTOMER
    assert required_role(event_name(AlertOwnerState.switch)) is Role.OWNER
