"""Automatic top-up on its page: off until an owner agrees to a sentence, shown as it stands, stopped with one press."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.saved_card_rows import SavedCard
from app.payments.topup_rules import Mode
from app.payments.topup_rules import State as Topup
from app.ui.guard import required_role
from app.ui.pages.balance.trouble import auto_words
from app.ui.pages.top_up.auto import auto_facts, buys, card_rows, first_values, rules_of
from app.ui.pages.top_up.auto_state import AutoOwnerState, AutoState
from app.ui.pages.top_up.orders import order_row
from app.ui.roles import Role
from tests.support.till import Till
from tests.support.topups import behave, card_on_file, due, empty, hear, on, setting, topups
from tests.ui.screens import Screen
from tests.ui.tabs import event_name
from tests.ui.test_top_up import act, buyer, of, screen_of, till, visit  # noqa: F401 - fixtures among them

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
SCA_LATER = "authentication_required"


def saved(month: int = 12, year: int = 2030, state: str = "active") -> SavedCard:
    return SavedCard("crd_1", "ws_1", "visa", "4242", month, year, "DE", state, "", NOW)


# ---- words ----


@pytest.mark.parametrize(
    ("card", "detail", "usable"),
    [
        (saved(), "until 12/30", "true"),
        (saved(11, 2026), "until 11/26", "true"),
        (saved(10, 2026), "expired 10/26", ""),
        (saved(state="blocked"), "not charged any more", ""),
    ],
)
def test_a_card_on_file_says_whether_it_can_be_charged(card: SavedCard, detail: str, usable: str) -> None:
    (row,) = card_rows([card], NOW)
    assert (row["name"], row["detail"], row["usable"]) == ("Visa 4242", detail, usable)


def test_a_first_form_proposes_a_package_and_no_maximum() -> None:
    values = first_values(None, card_rows([saved()], NOW), Fiat(9_500, "EUR"))
    assert (values["mode"], values["amount"], values["month_cap"], values["card"]) == ("fixed", "95.00", "", "crd_1")


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"threshold": "some"}, "threshold"),
        ({"amount": "10.001"}, "amount"),
        ({"month_cap": "NaN"}, "month_cap"),
        ({"month_cap": ""}, "month_cap"),
        ({"mode": "refill", "refill_to": "1e999"}, "refill_to"),
        ({"charge_cap": "-"}, "charge_cap"),
        ({"threshold": "1e999999999"}, "threshold"),
        ({"amount": "1e-999999999"}, "amount"),
    ],
    ids=str,
)
def test_what_is_no_figure_is_said_at_its_field(values: dict[str, str], param: str) -> None:
    form = first_values(None, card_rows([saved()], NOW), Fiat(1_000, "EUR")) | {"month_cap": "100"} | values
    with pytest.raises(InvalidInput) as refused:
        rules_of(form, "EUR")
    assert refused.value.param == param


def test_figures_may_be_written_as_people_do() -> None:
    form = first_values(None, card_rows([saved()], NOW), Fiat(1_000, "EUR"))
    rules = rules_of(form | {"threshold": "2,000", "amount": "1,250.50", "month_cap": "5 000"}, "EUR")
    assert (rules.threshold, rules.amount, rules.month_cap) == (
        Money.from_exact(2_000),
        Fiat(125_050, "EUR"),
        Fiat(500_000, "EUR"),
    )
    assert buys(rules) == "€1,250.50 at list prices"
    refill = rules_of(form | {"mode": "refill", "refill_to": "20000", "month_cap": "10"}, "EUR")
    assert (refill.mode, buys(refill)) == (Mode.REFILL, "up to 20,000 credits")


# ---- the page ----


def opened(till: Till, screen: Screen) -> Any:  # noqa: F811
    form = of(till, screen, AutoOwnerState)
    act(till, screen, form.open_form(True))
    return form


def test_it_is_off_and_asks_for_a_card_first(till: Till, buyer: Screen) -> None:  # noqa: F811
    page = visit(till, buyer, AutoState)
    assert (page.ready, page.offered, page.may_edit, page.cards, page.facts["on"]) == (True, True, True, [], "")
    assert page.sentence.startswith("Save this card")
    form = opened(till, buyer)
    assert (form.cards, form.preview["total"]) == ([], "")
    act(till, buyer, form.save())
    assert setting_or_none(till) is None


def test_a_card_is_saved_on_the_provider_s_page(till: Till, buyer: Screen) -> None:  # noqa: F811
    visit(till, buyer, AutoState)
    owner = of(till, buyer, AutoOwnerState)
    went = act(till, buyer, owner.add_card())
    assert "/c/" in str(went[-1])
    assert till.stripe is not None
    assert till.stripe.url in str(went[-1])


def test_rules_are_previewed_agreed_to_and_shown(till: Till, buyer: Screen) -> None:  # noqa: F811
    card_on_file(till)
    page = visit(till, buyer, AutoState)
    assert [card["name"] for card in page.cards] == ["Visa 4242"]
    form = opened(till, buyer)
    assert form.preview["total"] == ""  # no maximum yet
    assert form.errors["month_cap"] == ""
    act(till, buyer, form.write("month_cap", "200"))
    assert (form.preview["credits"], form.preview["total"]) == ("10,000 credits", "€11.90")
    assert "Visa 4242" in form.preview["sentence"]
    act(till, buyer, form.save())
    assert form.errors[""] == "Please agree to the sentence above first."
    act(till, buyer, form.agree(True))
    act(till, buyer, form.write("threshold", "2,000"))
    assert form.agreed is False  # it was another sentence
    act(till, buyer, form.agree(True))
    act(till, buyer, form.save())
    assert form.is_open is False
    assert (page.facts["on"], page.facts["threshold"], page.facts["buys"]) == ("true", "2,000", "€10.00 at list prices")
    assert (page.facts["most"], page.facts["card"]) == ("€200.00", "Visa 4242")
    assert page.facts["spent"] == "€0.00 of €200.00 charged this month"
    assert setting(till).state is Topup.ON


@pytest.mark.parametrize(
    ("field", "value"), [("threshold", "0"), ("month_cap", "5"), ("charge_cap", "5"), ("amount", "0")]
)
def test_rules_that_cannot_be_are_refused_at_their_field(till: Till, buyer: Screen, field: str, value: str) -> None:  # noqa: F811
    card_on_file(till)
    form = opened(till, buyer)
    act(till, buyer, form.write("month_cap", "200"))
    act(till, buyer, form.write(field, value))
    assert form.errors[field]
    assert form.preview["total"] == ""
    act(till, buyer, form.agree(True))
    act(till, buyer, form.save())
    assert setting_or_none(till) is None


def test_a_low_balance_is_charged_at_once_and_said_before(till: Till, buyer: Screen) -> None:  # noqa: F811
    card_on_file(till)
    empty(till)
    page = visit(till, buyer, AutoState)
    form = opened(till, buyer)
    act(till, buyer, form.write("threshold", "2000"))
    act(till, buyer, form.write("month_cap", "200"))
    assert form.preview["at_once"] == "Your balance is below already: €11.90 is charged at once."
    act(till, buyer, form.agree(True))
    act(till, buyer, form.save())
    assert till.credits == 11_000
    assert page.facts["spent"] == "€11.90 of €200.00 charged this month"
    (order,) = topups(till)
    assert order_row(order, NOW)["title"] == "Automatic top-up"


def test_one_press_stops_it(till: Till, buyer: Screen) -> None:  # noqa: F811
    on(till)
    page = visit(till, buyer, AutoState)
    assert page.facts["on"]
    owner = of(till, buyer, AutoOwnerState)
    act(till, buyer, owner.switch(False))
    assert (page.facts["on"], setting(till).state) == ("", Topup.OFF)
    empty(till)
    assert due(till) == 0
    act(till, buyer, owner.switch(True))


def test_a_card_that_is_removed_stops_it_too(till: Till, buyer: Screen) -> None:  # noqa: F811
    card = on(till)
    page = visit(till, buyer, AutoState)
    owner = of(till, buyer, AutoOwnerState)
    act(till, buyer, owner.remove_card("crd_other"))
    assert len(page.cards) == 1
    act(till, buyer, owner.remove_card(card.id))
    assert page.cards == []
    assert page.facts["notice"]
    assert setting(till).state is Topup.DISABLED


def test_a_bank_that_wants_its_customer_leads_to_the_order(till: Till, buyer: Screen) -> None:  # noqa: F811
    card = on(till)
    behave(till, card, SCA_LATER)
    empty(till)
    due(till)
    page = visit(till, buyer, AutoState)
    assert page.facts["notice"].startswith("Your bank wants you to confirm")
    (order,) = topups(till)
    assert page.facts["order_href"] == f"/top-up?order={order.id}"


def test_another_workspace_sees_neither_cards_nor_rules(till: Till, buyer: Screen) -> None:  # noqa: F811
    card = on(till)
    stranger = screen_of(till, *till.customer(name="Kestrel"))
    page = visit(till, stranger, AutoState)
    assert (page.cards, page.facts["threshold"]) == ([], "")
    owner = of(till, stranger, AutoOwnerState)
    act(till, stranger, owner.remove_card(card.id))
    assert setting(till).state is Topup.ON


def test_only_owners_agree_to_anything() -> None:
    assert required_role(event_name(AutoState.load)) is Role.CUSTOMER
    for handler in (AutoOwnerState.save, AutoOwnerState.switch, AutoOwnerState.add_card, AutoOwnerState.remove_card):
        assert required_role(event_name(handler)) is Role.OWNER


def test_nothing_is_told_of_rules_that_are_off() -> None:
    assert auto_facts(None, "")["threshold"] == ""


def setting_or_none(till: Till) -> Any:  # noqa: F811
    return till.cashier.topups.of(till.workspace_id)


def test_the_balance_says_how_it_refills(till: Till) -> None:  # noqa: F811
    assert auto_words(None) == ("Off: you buy credits yourself", "neutral")
    on(till)
    assert auto_words(setting(till)) == ("On below 2,000 credits", "good")
    order = till.cashier.orders_of(till.workspace_id)[0]
    [payment] = till.cashier.payments_of(order.id)
    till.stripe.ctl("disputes", charge=payment.charge_id)
    hear(till)
    assert auto_words(setting(till)) == ("Was stopped: see why", "loss")
