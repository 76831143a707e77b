"""Top up: what is offered, what an order comes to, and what its buyer is told until the credits are there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app import services as building
from app.accounts.identity import Role as MemberRole
from app.accounts.identity import Who
from app.invoicing.parties import Bank
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.cashier import PriceTag
from app.payments.lifecycle import State
from app.payments.packages import Content, Kind, Package
from app.payments.promo import Offer as CodeOffer
from app.ui.find import find
from app.ui.guard import PageState, acting_as, required_role
from app.ui.pages.admin_settings.seller_state import SellerState
from app.ui.pages.billing.words import tax_headline
from app.ui.pages.top_up import shop_state
from app.ui.pages.top_up.extras_state import EnquiryState, RedeemState
from app.ui.pages.top_up.offer import CARD, TRANSFER, bank_lines, package_cards, summary
from app.ui.pages.top_up.order_state import OrderState
from app.ui.pages.top_up.orders import TONES, messages, order_facts, order_row
from app.ui.pages.top_up.shop_state import ShopState, problem_words
from app.ui.roles import Role
from tests.invoicing.support import company, person, seller, tax_on
from tests.support.american import CALCULATIONS, NOWHERE, PORTLAND, leave_to_stripe_tax, move
from tests.support.house import House
from tests.support.returns import bought, charge_of, refund
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import DECLINED, SEPA, Till
from tests.support.till import till as open_till
from tests.support.topups import hear
from tests.ui.screens import Screen
from tests.ui.tabs import event_name

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)


@pytest.fixture
def till(
    tmp_path: Path,
    sqlite_url: str,
    stripe_: SandboxStripe,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Till]:
    with open_till(tmp_path / "home", sqlite_url, stripe_) as opened:
        monkeypatch.setattr(building, "_current", opened.services)
        yield opened


@pytest.fixture
def buyer(till: Till) -> Screen:
    return screen_of(till, till.workspace_id, till.user_id)


def screen_of(till: Till, workspace_id: str, user_id: str) -> Screen:
    who = Who(user_id, "Mara", "mara@example.com", False, workspace_id, "Halfmoon", MemberRole.OWNER)
    return Screen(House(till.services, workspace_id, ""), who)


def visit(till: Till, screen: Screen, state: type[PageState], query: str = "") -> Any:
    return till.run(screen.open(state, "/top-up", query))


def act(till: Till, screen: Screen, work: Any) -> list[Any]:
    """Run a handler, one that yields too; the events it sends to the browser."""

    async def done() -> list[Any]:
        with acting_as(screen.person):
            if hasattr(work, "__aiter__"):
                return [event async for event in work if event is not None]
            answer = await work
            return [] if answer is None else [answer]

    return till.run(done())


def of(till: Till, screen: Screen, state: type[PageState]) -> Any:
    return till.run(screen.tab.tree.get_state(state))


# ---- words ----


def tag(credits: int, euros: str, *, bonus: int = 0, days: int | None = 365, tax: Any = None, problem: str = "") -> Any:
    price = Fiat.parse(euros, "EUR")
    content = Content("Team", "", Money.from_exact(credits), Money.from_exact(bonus), {"EUR": price}, days, 90)
    package = Package("pkg_1", Kind.TEAM, 0, f"pkv_{credits}", 1, content, True, False, "", "", NOW)
    return PriceTag(package, price, tax, problem)


def test_a_card_says_credits_final_amount_tax_and_unit_price() -> None:
    small, large = package_cards(
        [tag(10_000, "9.50", tax=tax_on("9.50")), tag(100_000, "95.00", bonus=5_000, tax=tax_on("95.00"))]
    )
    assert (small["credits"], small["total"], small["net_and_tax"]) == ("10,000", "€11.31", "€9.50 + €1.81 VAT")
    assert (small["rate"], small["saving"], small["bonus"], small["lasts"]) == (
        "€0.95 net per 1,000",
        "",
        "",
        "valid 365 days",
    )
    assert (large["rate"], large["saving"], large["bonus"]) == ("€0.905 net per 1,000", "Save 4%", "+ 5,000 bonus")


def test_a_buyer_without_tax_reads_that_there_is_none() -> None:
    (card,) = package_cards([tag(10_000, "10.00", tax=tax_on("10.00", buys=company("FR", result="valid")))])
    assert (card["total"], card["net_and_tax"]) == ("€10.00", "no tax")


def test_without_a_profile_the_price_is_before_tax_and_the_slip_says_what_is_missing() -> None:
    unknown = tag(10_000, "10.00", problem="billing_profile_needed")
    (card,) = package_cards([unknown])
    assert (card["total"], card["net_and_tax"]) == ("€10.00", "before tax")
    slip = summary(unknown, Money(0), CARD, NOW)
    assert (slip["problem"], slip["total"], slip["button"]) == ("billing_profile_needed", "", "")


def test_the_slip_has_every_line_of_the_order() -> None:
    chosen = tag(100_000, "95.00", bonus=5_000, tax=tax_on("95.00", seller(), person()))
    slip = summary(chosen, Money.from_exact(10_000), TRANSFER, NOW)
    assert (slip["title"], slip["net"], slip["tax_label"], slip["tax"], slip["total"]) == (
        "Team",
        "€95.00",
        "19% VAT, Germany",
        "€18.05",
        "€113.05",
    )
    assert slip["credits"] == "100,000 credits, valid until 21 Nov 2027"
    assert slip["bonus"] == "Bonus: 5,000 credits, valid until 19 Feb 2027"
    assert slip["balance"] == "10,000 → 115,000"
    assert slip["buyer"] == "Mara Lind, Hamburg"
    assert slip["button"] == "Place order · €113.05"
    assert summary(chosen, Money(0), CARD, NOW)["button"] == "Pay €113.05"


def test_bank_details_are_grouped_and_leave_out_what_there_is_not() -> None:
    lines = bank_lines(Bank("Farebox GmbH", "DE02120300000000202051", "", "", ""), "FB-1")
    assert [(line["label"], line["value"]) for line in lines] == [
        ("Reference", "FB-1"),
        ("Beneficiary", "Farebox GmbH"),
        ("IBAN", "DE02 1203 0000 0000 2020 51"),
    ]


@pytest.mark.parametrize("state", list(State))
def test_every_state_of_an_order_has_its_words(till: Till, state: State) -> None:
    order = replace(till.buy(), state=state, failure_message="Wrong company")
    facts = order_facts(order, None, "v1", NOW)
    assert facts["message"]
    assert facts["advice"]
    assert messages(order, facts) == (facts["message"], facts["advice"])
    assert order_row(order, NOW)["tone"] == TONES[state]


@pytest.mark.parametrize("code", ["terms_changed", "provider_unreachable", "cards_off", "never_heard_of"])
def test_every_refusal_has_words(code: str) -> None:
    assert problem_words(code)
    assert problem_words("") == ""


# ---- the shop ----


def test_the_page_opens_on_the_first_package_in_the_sellers_currency(till: Till, buyer: Screen) -> None:
    page = visit(till, buyer, ShopState)
    (card,) = page.cards
    assert (page.ready, page.currency, page.chosen) == (True, "EUR", card["id"])
    assert (card["total"], page.summary["total"]) == ("€11.90", "€11.90")
    assert page.takes_cards
    assert page.takes_transfers
    assert (page.terms_words, page.refund_text) == ("I accept the terms v1 and the refund policy.", "Refunds.")
    assert page.accepted is False


def test_another_currency_is_another_price_and_another_order(till: Till, buyer: Screen) -> None:
    page = visit(till, buyer, ShopState)
    key = page.key
    act(till, buyer, page.choose_currency("JPY"))
    assert (page.cards[0]["total"], page.summary["total"]) == ("¥1,785", "¥1,785")
    assert page.key != key


@pytest.mark.parametrize(
    ("handler", "argument"),
    [("choose", "pkv_other"), ("choose_currency", "GBP"), ("choose_method", "cash"), ("cancel", "ord_1")],
)
def test_what_is_not_offered_is_not_chosen(till: Till, buyer: Screen, handler: str, argument: str) -> None:
    page = visit(till, buyer, ShopState)
    before = page.dict()
    act(till, buyer, getattr(page, handler)(argument))
    assert page.dict() == before


def test_an_enterprise_package_is_asked_about_not_bought(till: Till, buyer: Screen) -> None:
    offer = till.cashier.packages.publish(Content("Enterprise", "Tell us."), kind=Kind.ENTERPRISE, actor="test")
    page = visit(till, buyer, ShopState)
    assert [card["is_enquiry"] for card in page.cards] == ["", "true"]
    act(till, buyer, page.choose(offer.version_id))
    assert page.chosen == till.package.version_id

    dialog = of(till, buyer, EnquiryState)
    act(till, buyer, dialog.open_for(offer.id))
    act(till, buyer, dialog.send())
    assert dialog.errors["message"]
    act(till, buyer, dialog.write("message", "A million pictures a month"))
    act(till, buyer, dialog.send())
    assert dialog.is_open is False
    (asked,) = till.cashier.enquiries.all()
    assert (asked.workspace_id, asked.package_id, asked.message) == (
        till.workspace_id,
        offer.id,
        "A million pictures a month",
    )


def test_a_transfer_is_ordered_once_after_the_terms_were_accepted(till: Till, buyer: Screen) -> None:
    page = visit(till, buyer, ShopState)
    act(till, buyer, page.choose_method(TRANSFER))
    act(till, buyer, page.place_order())
    assert page.error == "Please accept the terms and the refund policy first."
    assert till.cashier.orders_of(till.workspace_id) == []

    act(till, buyer, page.accept(True))
    went = act(till, buyer, page.place_order())
    again = act(till, buyer, page.place_order())
    (order,) = till.cashier.orders_of(till.workspace_id)
    assert (order.provider, order.gross, order.terms_version_id) == ("manual", Fiat(1_190, "EUR"), page.terms_id)
    assert f"/top-up?order={order.id}" in str(went[-1])
    assert f"/top-up?order={order.id}" in str(again[-1])


def test_terms_that_changed_meanwhile_are_accepted_again(till: Till, buyer: Screen) -> None:
    page = visit(till, buyer, ShopState)
    act(till, buyer, page.choose_method(TRANSFER))
    act(till, buyer, page.accept(True))
    till.cashier.terms.publish(terms="Other terms.", refund_policy="None.", invoice_wording="", actor="test")
    act(till, buyer, page.place_order())
    assert page.error == "The terms have changed meanwhile. Please read and accept them again."
    assert (page.accepted, page.refund_text) == (False, "None.")
    assert till.cashier.orders_of(till.workspace_id) == []


def test_a_suspended_workspace_orders_nothing(till: Till, buyer: Screen) -> None:
    screen = Screen(buyer.house, replace(buyer.person, is_suspended=True))
    page = visit(till, screen, ShopState)
    act(till, screen, page.choose_method(TRANSFER))
    act(till, screen, page.accept(True))
    act(till, screen, page.place_order())
    assert page.error == "This workspace is suspended. Please contact the operator."
    assert till.cashier.orders_of(till.workspace_id) == []


def test_before_there_is_a_profile_nothing_can_be_paid(till: Till) -> None:
    workspace_id, user_id = till.customer(profile=False)
    page = visit(till, screen_of(till, workspace_id, user_id), ShopState)
    assert page.cards[0]["total"] == "€10.00"
    assert page.summary["problem"] == "billing_profile_needed"


def test_without_packages_the_page_says_so(till: Till, buyer: Screen) -> None:
    till.cashier.packages.archive(till.package.id)
    page = visit(till, buyer, ShopState)
    assert (page.ready, page.cards, page.summary["title"]) == (True, [], "")


def test_who_is_sent_back_reads_why(till: Till, buyer: Screen) -> None:
    page = visit(till, buyer, ShopState, "?problem=package_changed")
    assert page.problem == "This package has changed meanwhile. Here is the present offer."


def test_orders_are_listed_page_by_page_and_open_ones_stand_beside(till: Till, buyer: Screen, monkeypatch) -> None:
    monkeypatch.setattr(shop_state, "PAGE", 2)
    orders = [till.cashier.manual.request(till.choice()) for _ in range(3)]
    page = visit(till, buyer, ShopState)
    assert [row["id"] for row in page.rows] == [orders[2].id, orders[1].id]
    assert len(page.waiting) == 3
    assert (page.shown, page.has_next) == ("1–2", True)
    act(till, buyer, page.next_page())
    assert [row["id"] for row in page.rows] == [orders[0].id]
    act(till, buyer, page.previous_page())
    assert page.shown == "1–2"
    act(till, buyer, page.cancel(orders[2].id))
    assert page.rows[0]["word"] == "Canceled"
    assert len(page.waiting) == 2


def test_another_workspace_s_order_is_not_called_off(till: Till, buyer: Screen) -> None:
    order = till.cashier.manual.request(till.choice())
    stranger = screen_of(till, *till.customer(name="Kestrel"))
    page = visit(till, stranger, ShopState)
    act(till, stranger, page.cancel(order.id))
    assert till.state(order) is State.PENDING
    assert page.rows == []


# ---- one order ----


def test_case_08_coming_back_proves_nothing_and_credits_nothing(till: Till, buyer: Screen) -> None:
    order = till.buy()
    page = visit(till, buyer, OrderState, f"?cs={till.session_of(order)}")
    assert page.facts["message"] == "Processing: we are waiting for the payment's confirmation."
    assert (page.facts["word"], page.facts["credited"]) == ("Processing", "")
    assert till.credits == 0

    stranger = screen_of(till, *till.customer(name="Kestrel"))
    theirs = visit(till, stranger, OrderState, f"?cs={till.session_of(order)}")
    assert (theirs.missing, theirs.facts["id"], theirs.steps) == (True, "", [])


def test_a_paid_order_is_processing_until_the_webhook_lands_and_then_tells_of_credits_and_invoice(
    till: Till, buyer: Screen
) -> None:
    order = till.buy()
    session = till.session_of(order)
    till.pay(order)
    page = visit(till, buyer, OrderState, f"?cs={session}")
    assert page.facts["message"].startswith("Processing")
    till.settle(order)
    act(till, buyer, page.refresh())
    assert page.facts["message"] == "10,500 credits have arrived."
    assert (page.facts["word"], page.facts["total_label"], page.facts["may_pay"]) == ("Paid", "You paid", "")
    paid = till.order(order)
    assert page.facts["invoice"] == paid.invoice_number
    assert page.facts["invoice_href"] == f"/download/invoices/{paid.invoice_id}.pdf"
    assert [step["tone"] for step in page.steps[:4]] == ["good"] * 4
    assert page.steps[2]["detail"] == "10,500 credits added"


def test_an_order_left_open_is_paid_on_its_page_again_or_called_off(till: Till, buyer: Screen) -> None:
    order = till.buy()
    page = visit(till, buyer, OrderState, f"?order={order.id}")
    assert (page.facts["word"], page.facts["may_pay"], page.facts["may_cancel"]) == ("Not paid yet", "true", "true")
    went = act(till, buyer, page.pay())
    assert order.url is not None
    assert order.url in str(went[-1])
    act(till, buyer, page.cancel())
    assert page.facts["message"] == "This order was canceled. Nothing was charged."
    assert till.state(order) is State.CANCELED


def test_a_declined_card_leaves_the_order_open(till: Till, buyer: Screen) -> None:
    order = till.buy()
    till.pay(order, card=DECLINED)
    till.settle(order)
    page = visit(till, buyer, OrderState, f"?order={order.id}")
    assert page.facts["may_pay"] == "true"
    assert till.credits == 0


def test_a_bank_debit_on_its_way_is_processing(till: Till, buyer: Screen) -> None:
    till.stripe.ctl("settings", settle_debits="on_demand")
    order = till.buy()
    till.pay(order, iban=SEPA)
    till.settle(order)
    page = visit(till, buyer, OrderState, f"?order={order.id}")
    assert page.facts["message"] == "Processing: your payment is on its way."
    assert (page.facts["may_pay"], page.facts["may_cancel"]) == ("", "")


def test_a_transfer_shows_where_the_money_goes_and_how_much_is_missing(till: Till, buyer: Screen) -> None:
    order = till.cashier.manual.request(till.choice())
    page = visit(till, buyer, OrderState, f"?order={order.id}")
    assert page.facts["message"] == "Please transfer €11.90."
    assert (page.facts["missing_plain"], page.facts["may_upload"]) == ("11.90", "true")
    assert page.bank[0] == {"label": "Reference", "value": order.reference, "mono": "true"}

    operator, today = till.operator(), NOW.date()
    till.cashier.manual.record(order.id, Fiat(500, "EUR"), bank_reference="B1", value_date=today, actor=operator)
    act(till, buyer, page.refresh())
    assert page.facts["message"] == "€5.00 has arrived. Please transfer the missing €6.90."
    assert page.facts["may_cancel"] == ""
    till.cashier.manual.record(order.id, Fiat(690, "EUR"), bank_reference="B2", value_date=today, actor=operator)
    act(till, buyer, page.refresh())
    assert page.facts["message"] == "€11.90 has arrived and is being checked."
    till.run(till.cashier.manual.approve(order.id, actor=operator))
    act(till, buyer, page.refresh())
    assert page.facts["message"] == "10,500 credits have arrived."
    assert page.bank == []


def test_proofs_are_listed_until_there_are_enough(till: Till, buyer: Screen) -> None:
    order = till.cashier.manual.request(till.choice())
    for number in range(5):
        till.cashier.proofs.keep(
            order.id, f"proof {number}.pdf", b"%PDF-1", workspace_id=till.workspace_id, actor=till.user_id
        )
    page = visit(till, buyer, OrderState, f"?order={order.id}")
    assert [row["name"] for row in page.proofs] == [f"proof {number}.pdf" for number in range(5)]
    assert page.takes_more is False


@pytest.mark.parametrize("query", ["?order=ord_1", "?order=../x", "?cs=cs_test_nobody", "?cs="])
def test_an_order_nobody_has_is_missing(till: Till, buyer: Screen, query: str) -> None:
    page = visit(till, buyer, OrderState, query)
    assert page.missing is (query != "?cs=")
    assert page.facts["id"] == ""


def test_another_workspace_s_order_is_missing_too(till: Till, buyer: Screen) -> None:
    order = till.cashier.manual.request(till.choice())
    page = visit(till, screen_of(till, *till.customer(name="Kestrel")), OrderState, f"?order={order.id}")
    assert (page.missing, page.facts["reference"], page.bank) == (True, "", [])


def test_going_back_to_the_packages_forgets_the_order(till: Till, buyer: Screen) -> None:
    order = till.cashier.manual.request(till.choice())
    visit(till, buyer, OrderState, f"?order={order.id}")
    page = visit(till, buyer, OrderState)
    assert (page.asked, page.ready, page.facts["id"]) == (False, False, "")


# ---- codes ----


def test_a_code_is_redeemed_once(till: Till, buyer: Screen) -> None:
    (code,) = till.cashier.promo.make(CodeOffer("Welcome", Money.from_exact(500)), actor="test")
    box = of(till, buyer, RedeemState)
    act(till, buyer, box.redeem())
    assert box.error == "Type the code first."
    act(till, buyer, box.write(code.lower()))
    act(till, buyer, box.redeem())
    assert (box.done, box.error, box.code) == ("500 credits added: Welcome.", "", "")
    assert till.credits == 500
    act(till, buyer, box.write(code))
    act(till, buyer, box.redeem())
    assert box.error
    assert till.credits == 500


def test_a_code_whose_credits_end_says_when(till: Till, buyer: Screen) -> None:
    offer = CodeOffer("Trial", Money.from_exact(5), credits_expire_days=10)
    (code,) = till.cashier.promo.make(offer, actor="test")
    box = of(till, buyer, RedeemState)
    act(till, buyer, box.write(code))
    act(till, buyer, box.redeem())
    end = till.time() + timedelta(days=10)
    assert f"Valid until {end.day} " in box.done


@pytest.mark.parametrize(
    "handler",
    [ShopState.place_order, ShopState.cancel, OrderState.pay, OrderState.cancel, RedeemState.redeem, EnquiryState.send],
    ids=lambda handler: event_name(handler).rpartition(".")[2],
)
def test_only_customers_buy(handler: Any) -> None:
    assert required_role(event_name(handler)) is Role.CUSTOMER


def test_an_order_is_found_by_all_its_names(till: Till, buyer: Screen) -> None:
    order = till.buy()
    payment = till.pay(order)
    order = till.settle(order)
    stranger = screen_of(till, *till.customer(name="Kestrel"))
    for name in (order.id, order.reference, order.reference.lower(), till.session_of(order), payment, order.payment_id):
        (mine, *_) = find(till.services, buyer.person, str(name))
        assert (mine.kind, mine.label, mine.href) == ("order", order.reference, f"/top-up?order={order.id}"), name
        assert find(till.services, stranger.person, str(name)) == [], name
    kinds = [found.kind for found in find(till.services, buyer.person, str(order.invoice_number))]
    assert kinds == ["order", "invoice"]


# ---- money that went back ----


def test_a_buyer_sees_what_went_back_and_nobody_elses(till: Till, buyer: Screen) -> None:
    order = bought(till)
    back = refund(till, order, 595, note="an internal remark")
    disputed = till.stripe.ctl("disputes", charge=charge_of(till, order))
    hear(till)
    state = visit(till, buyer, OrderState, f"?order={order.id}")
    dispute, refunded = state.back
    assert (refunded["title"], refunded["word"], refunded["amount"]) == ("Refund", "Refunded", "€5.95")
    [note] = back.credit_notes
    assert refunded["notes"] == [{"number": note.number, "href": f"/download/invoices/{note.id}.pdf"}]
    assert refunded["detail"] == "5,000 credits went with it"
    assert (dispute["title"], dispute["word"], dispute["notes"]) == ("Dispute", "Being decided", [])
    shown = str(state.back)
    assert not [secret for secret in ("internal", disputed["id"], back.external_id, "fraudulent") if secret in shown]
    stranger = screen_of(till, *till.customer(name="Oak"))
    assert visit(till, stranger, OrderState, f"?order={order.id}").back == []


# ---- a tax that Stripe works out ----


def test_a_tax_of_many_places_is_one_rate_to_who_pays_it(till: Till) -> None:
    leave_to_stripe_tax(till)
    tax = till.run(till.cashier.quote_amount(till.workspace_id, Fiat(1_100, "USD")))
    assert tax_headline(list(tax.rates)) == "8.875% Sales tax, New York"


def test_the_page_shows_the_tax_that_stripe_says_and_nothing_at_a_guess(till: Till, buyer: Screen) -> None:
    leave_to_stripe_tax(till)
    shop = visit(till, buyer, ShopState)
    act(till, buyer, shop.choose_currency("USD"))
    assert (shop.summary["total"], shop.summary["problem"]) == ("$11.98", "")
    move(till, NOWHERE)
    act(till, buyer, shop.refresh())
    assert (shop.summary["total"], shop.summary["button"], shop.summary["problem"]) == ("", "", "tax_address_unknown")
    move(till, PORTLAND)
    till.stripe.ctl("fail", fault="429", match=CALCULATIONS)
    act(till, buyer, shop.refresh())
    assert (shop.summary["total"], shop.summary["problem"]) == ("", "tax_unavailable")
    act(till, buyer, shop.refresh())
    assert (shop.summary["total"], shop.summary["problem"]) == ("$11.00", "")


def test_an_order_by_transfer_is_refused_in_words_while_the_tax_is_not_known(till: Till, buyer: Screen) -> None:
    leave_to_stripe_tax(till)
    till.stripe.ctl("tax", active=False)
    shop = visit(till, buyer, ShopState)
    act(till, buyer, shop.choose_currency("USD"))
    act(till, buyer, shop.choose_method(TRANSFER))
    act(till, buyer, shop.accept(True))
    act(till, buyer, shop.place_order())
    assert shop.error == problem_words("tax_unavailable")
    assert till.count("payment_order") == 0


def test_stripe_tax_is_switched_on_once_it_is_active_at_stripe(till: Till) -> None:
    till.stripe.ctl("tax", active=False)
    operator = Screen(
        House(till.services, till.workspace_id, ""),
        Who(till.operator(), "Op", "op@example.com", True, None, None, None),
    )
    page = till.run(operator.open(SellerState, "/admin/settings"))
    assert page.takes_cards
    page.choose("tax_source", "stripe_tax")
    page.write("stripe_tax_places", "us")
    act(till, operator, page.save())
    assert "head office" in page.errors["tax_source"]
    till.stripe.ctl("tax", active=True)
    act(till, operator, page.save())
    seller = till.services.invoicing.sellers.current()
    assert (seller.tax_source, seller.stripe_tax_places, page.errors["tax_source"]) == ("stripe_tax", ("US",), "")
