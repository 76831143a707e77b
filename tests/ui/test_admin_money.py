"""Packages, codes, everybody's invoices, settings, mail and today's decisions, as an operator's pages handle them."""

from collections.abc import Iterator
from contextvars import copy_context
from datetime import date, timedelta
from typing import Any

import pytest

from app.accounts.identity import Who
from app.jobs.courier import Courier
from app.kernel import outbox
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.promo import Offer
from app.payments.unmatched import Reason, report
from app.ui.guard import acting_as
from app.ui.pages.admin_invoices.state import AllInvoicesState
from app.ui.pages.admin_mail.state import MailState
from app.ui.pages.admin_packages.codes_state import PAGE as CODES_PAGE
from app.ui.pages.admin_packages.codes_state import CodesState
from app.ui.pages.admin_packages.state import PackagesState
from app.ui.pages.admin_settings.form import four_eyes_of, four_eyes_words, seller_of, values_of
from app.ui.pages.admin_settings.fx_state import FxState
from app.ui.pages.admin_settings.payments_state import PaymentsState
from app.ui.pages.admin_settings.seller_state import SellerState
from app.ui.pages.admin_settings.terms_state import TermsState
from app.ui.pages.admin_today.money import money_rows, waiting
from tests.support.lawless import lawless
from tests.support.till import Till
from tests.ui.tabs import new_tab


@pytest.fixture(autouse=True)
def operator(shop: Till) -> Iterator[Who]:
    person = Who(shop.operator(), "Op", "op@farebox.example", True, None, None, None)
    with acting_as(person):
        yield person


def do(shop: Till, work: Any) -> None:
    shop._runner.run(work, context=copy_context())


def open_page(shop: Till, path: str, kind: Any) -> Any:
    state = new_tab("operator", path).tree.get_substate(kind.get_full_name().split("."))
    do(shop, kind.load.fn(state))
    return state


def paid_order(shop: Till, operator: Who) -> str:
    manual = shop.cashier.manual
    order = manual.request(shop.choice())
    manual.record(order.id, order.gross, bank_reference="BANK-1", value_date=date(2026, 11, 20), actor=operator.user_id)
    do(shop, manual.approve(order.id, actor=operator.user_id))
    return order.id


# ---- packages ----


def packages(shop: Till) -> Any:
    return open_page(shop, "/admin/packages", PackagesState)


def test_a_new_price_is_a_new_version(shop: Till) -> None:
    state = packages(shop)
    do(shop, PackagesState.edit.fn(state, shop.package.id))
    assert (state.values["credits"], state.act) == ("10000", "Publish version 2")
    assert {each["unit"] for each in state.preview_prices} >= {"€1.00 per 1,000 credits"}
    PackagesState.write_price.fn(state, "EUR", "12.00")
    PackagesState.write_price.fn(state, "JPY", "")
    do(shop, PackagesState.publish.fn(state))
    live = shop.cashier.packages.find(shop.package.id)
    assert (live.number, dict(live.content.prices)) == (2, {"EUR": Fiat(1200, "EUR"), "USD": Fiat(1100, "USD")})
    do(shop, PackagesState.show_past.fn(state, shop.package.id))
    assert [row["live"] for row in state.past] == [True, False]


def test_a_new_package_in_one_more_currency(shop: Till) -> None:
    state = packages(shop)
    do(shop, PackagesState.edit.fn(state, "new"))
    PackagesState.choose_kind.fn(state, "team")
    PackagesState.name_currency.fn(state, "pounds")
    PackagesState.add_currency.fn(state)
    assert state.errors["currency"]
    PackagesState.name_currency.fn(state, "gbp")
    PackagesState.add_currency.fn(state)
    for name, text in {"title": "Team", "credits": "100,000", "expires_days": "365"}.items():
        PackagesState.write.fn(state, name, text)
    do(shop, PackagesState.publish.fn(state))
    assert state.errors["prices"]
    PackagesState.write_price.fn(state, "GBP", "80")
    do(shop, PackagesState.publish.fn(state))
    assert [row["title"] for row in state.rows] == ["Starter", "Team"]
    do(shop, PackagesState.move.fn(state, state.rows[1]["id"], -1))
    assert [row["title"] for row in state.rows] == ["Team", "Starter"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("title", " "), ("credits", "many"), ("credits", "0"), ("bonus", "-1"), ("expires_days", "soon")],
)
def test_what_is_wrong_with_a_package_stands_under_its_field(shop: Till, name: str, text: str) -> None:
    state = packages(shop)
    do(shop, PackagesState.edit.fn(state, shop.package.id))
    PackagesState.write.fn(state, name, text)
    do(shop, PackagesState.publish.fn(state))
    assert state.errors[name]
    assert shop.cashier.packages.find(shop.package.id).number == 1


def test_off_sale_and_back(shop: Till) -> None:
    state = packages(shop)
    do(shop, PackagesState.switch.fn(state, shop.package.id))
    assert shop.cashier.packages.on_sale() == []
    do(shop, PackagesState.switch.fn(state, shop.package.id))
    assert len(shop.cashier.packages.on_sale()) == 1
    do(shop, PackagesState.switch.fn(state, "pkg_nothing"))


# ---- codes ----


def codes(shop: Till) -> Any:
    return open_page(shop, "/admin/packages", CodesState)


def test_codes_are_shown_once_and_can_be_stopped(shop: Till) -> None:
    state = codes(shop)
    CodesState.opened.fn(state, True)
    for name, text in {"label": "Welcome", "credits": "500", "count": "3"}.items():
        CodesState.write.fn(state, name, text)
    do(shop, CodesState.make.fn(state))
    made = state.made.split("\n")
    assert len(made) == 3
    do(shop, CodesState.make.fn(state))  # the second of two clicks
    assert len(state.rows) == 3
    CodesState.opened.fn(state, False)
    assert state.made == ""
    do(shop, shop.cashier.promo.redeem(shop.workspace_id, made[0], actor=shop.user_id))
    assert shop.credits == 500
    state = codes(shop)
    CodesState.ask_stop.fn(state, next(row["id"] for row in state.rows if row["is_on"]))
    do(shop, CodesState.stop.fn(state))
    assert sorted(row["state"] for row in state.rows) == ["Stopped", "Used up", "Valid"]


def test_many_codes_have_pages_and_are_searched_by_label_and_end(shop: Till) -> None:
    promo = shop.cashier.promo
    promo.make(Offer("Conference", Money.from_exact(5)), actor="op", count=CODES_PAGE + 1)
    promo.make_named("SPRING26", Offer("Spring 100%", Money.from_exact(5)), actor="op")
    state = codes(shop)
    assert (len(state.rows), state.shown, state.has_next, state.has_previous) == (CODES_PAGE, "1–20", True, False)
    first = {row["id"] for row in state.rows}
    do(shop, CodesState.next_page.fn(state))
    assert (len(state.rows), state.shown, state.has_next, state.has_previous) == (2, "21–22", False, True)
    assert first.isdisjoint(row["id"] for row in state.rows)
    do(shop, CodesState.previous_page.fn(state))
    assert {row["id"] for row in state.rows} == first
    for text, found in (("conf", CODES_PAGE), ("ng-26", 1), ("100%", 1), ("%", 1), ("nothing of the kind", 0)):
        do(shop, CodesState.look_for.fn(state, text))
        assert len(state.rows) == found, text


@pytest.mark.parametrize(
    ("name", "text"), [("label", ""), ("credits", "0"), ("count", "x"), ("valid_until", "2020-01-01")]
)
def test_what_is_wrong_with_a_code_stands_under_its_field(shop: Till, name: str, text: str) -> None:
    state = codes(shop)
    CodesState.opened.fn(state, True)
    for known, given in {"label": "Welcome", "credits": "500", name: text}.items():
        CodesState.write.fn(state, known, given)
    do(shop, CodesState.make.fn(state))
    assert state.errors[name]
    assert state.rows == []


# ---- invoices ----


def test_everybodys_invoices_with_their_sums(shop: Till, operator: Who) -> None:
    paid_order(shop, operator)
    state = open_page(shop, "/admin/invoices", AllInvoicesState)
    assert len(state.rows) == 1
    assert state.rows[0]["scheme"]
    assert state.summed.startswith("test money, 1 document: €11.90")
    with lawless(shop.services.db) as connection:
        connection.exec_driver_sql("UPDATE invoice SET is_test = false")
    do(shop, AllInvoicesState.load.fn(state))
    assert state.summed.startswith("1 document: €11.90")
    do(shop, AllInvoicesState.look_for.fn(state, "nobody"))
    assert (state.rows, state.filtered) == ([], True)
    assert state.csv == "/download/all-invoices.csv?search=nobody"
    do(shop, AllInvoicesState.choose_kind.fn(state, "anything"))
    assert state.kind == "all"


# ---- settings ----


def test_a_seller_is_saved_as_a_version(shop: Till) -> None:
    state = open_page(shop, "/admin/settings", SellerState)
    SellerState.write.fn(state, "name", "Halfmoon Gateway GmbH")
    SellerState.write.fn(state, "registrations", "gb, us-ca")
    SellerState.choose.fn(state, "credits_tax_point", "redemption")
    SellerState.choose.fn(state, "credits_tax_point", "never")
    SellerState.switch.fn(state, "oss", True)
    do(shop, SellerState.save.fn(state))
    seller = shop.services.invoicing.sellers.current()
    assert (seller.name, seller.version, seller.credits_tax_point) == ("Halfmoon Gateway GmbH", 2, "redemption")
    assert seller.registrations == ("GB", "US-CA")
    assert seller.oss
    SellerState.write.fn(state, "vat_id", "DE000")
    do(shop, SellerState.save.fn(state))
    assert state.errors["vat_id"]
    do(shop, SellerState.discard.fn(state))
    assert state.values["vat_id"] == seller.vat_id


def test_the_form_of_a_seller_loses_nothing(shop: Till) -> None:
    seller = shop.services.invoicing.sellers.current()
    switches = {"oss": seller.oss, "prices_include_tax": seller.prices_include_tax}
    assert seller_of(values_of(seller), switches, seller) == seller


def test_terms_are_published_after_a_question(shop: Till) -> None:
    state = open_page(shop, "/admin/settings", TermsState)
    TermsState.write.fn(state, "terms", "New terms.")
    do(shop, TermsState.publish.fn(state))
    assert len(state.past) == 1
    TermsState.ask.fn(state, True)
    do(shop, TermsState.publish.fn(state))
    assert [row["live"] for row in state.past] == [True, False]
    do(shop, TermsState.read.fn(state, state.past[1]["id"]))
    assert state.reading_text["terms"] == "Terms."


def test_rules_for_transfers(shop: Till) -> None:
    state = open_page(shop, "/admin/settings", PaymentsState)
    assert state.cards == "off"
    PaymentsState.write.fn(state, "four_eyes", "EUR 500\nusd 0\n")
    PaymentsState.write.fn(state, "transfer_days", "14")
    PaymentsState.switch_transfers.fn(state, False)
    do(shop, PaymentsState.save.fn(state))
    policy = shop.cashier.policies.current()
    assert (policy.transfers, policy.transfer_days) == (False, 14)
    assert policy.four_eyes_from == {"EUR": 50_000, "USD": 0}
    assert four_eyes_of(four_eyes_words(policy)) == policy.four_eyes_from
    PaymentsState.write.fn(state, "four_eyes", "five hundred")
    do(shop, PaymentsState.save.fn(state))
    assert state.errors["four_eyes"]


def test_a_rate_of_ones_own_is_added_and_revoked(shop: Till) -> None:
    state = open_page(shop, "/admin/settings", PaymentsState)
    PaymentsState.add_opened.fn(state, True)
    for name, text in {"jurisdiction": "us-ca", "type": "Sales tax", "rate": "x", "since": "2026-01-01"}.items():
        PaymentsState.write_rate.fn(state, name, text)
    do(shop, PaymentsState.add_rate.fn(state))
    assert state.rate_errors["rate"]
    PaymentsState.write_rate.fn(state, "rate", "8.875")
    do(shop, PaymentsState.add_rate.fn(state))
    assert [(row["place"], row["rate"], row["in_force"]) for row in state.rates] == [("US-CA", "8.875%", True)]
    PaymentsState.ask_revoke.fn(state, state.rates[0]["id"])
    do(shop, PaymentsState.revoke.fn(state))
    assert [row["in_force"] for row in state.rates] == [False]


def test_an_exchange_rate_is_entered_once_a_day(shop: Till) -> None:
    state = open_page(shop, "/admin/settings", FxState)
    yesterday = (shop.time() - timedelta(days=1)).date().isoformat()

    def add(**changes: str) -> None:
        FxState.opened.fn(state, True)
        given = {"base": "usd", "quote": "EUR", "rate": "0.91954", "on": yesterday, "source": "ECB"}
        for name, text in {**given, **changes}.items():
            FxState.write.fn(state, name, text)
        do(shop, FxState.add.fn(state))

    for name, wrong in {"rate": "0", "on": "yesterday", "source": " ", "base": "EUR"}.items():
        add(**{name: wrong})
        assert state.errors[name]
        assert state.rates == []
    add()
    assert [(row["pair"], row["rate"], row["source"]) for row in state.rates] == [("1 USD in EUR", "0.91954", "ECB")]
    add(rate="0.9")
    assert state.errors["on"]
    tax = shop.services.invoicing.taxes.quote_tax(shop.workspace_id, Fiat(1_000, "USD"))
    assert (tax.fx.to, tax.fx.source, str(tax.tax_declared)) == ("EUR", "ECB", "1.75 EUR")


# ---- mail ----


def test_mails_are_listed_read_and_not_sent_without_a_server(shop: Till) -> None:
    shop.services.notify.mails.test("ada@example.com")
    do(shop, Courier(shop.services.db, {outbox.MAIL: shop.services.notify.write}, shop.time).run())
    state = open_page(shop, "/admin/mail", MailState)
    assert not state.sends
    assert [(row["address"], row["words"]) for row in state.rows] == [("ada@example.com", "Kept")]
    do(shop, MailState.open.fn(state, state.rows[0]["id"]))
    assert "<html" in state.html
    do(shop, MailState.resend.fn(state))
    assert "FAREBOX_SMTP_URL" in state.problem
    MailState.reading.fn(state, False)
    assert state.html == ""
    MailState.write_test.fn(state, "nobody")
    do(shop, MailState.test.fn(state))
    assert state.test_problem
    do(shop, MailState.open.fn(state, "mal_nothing"))
    assert state.opened["id"] == ""
    do(shop, MailState.choose_state.fn(state, "anything"))
    assert state.state == "all"


# ---- today ----


def test_today_names_what_waits_about_money(shop: Till, operator: Who) -> None:
    manual = shop.cashier.manual
    order = manual.request(shop.choice())
    manual.record(order.id, order.gross, bank_reference="BANK-1", value_date=date(2026, 11, 20), actor=operator.user_id)
    with shop.services.db.write() as connection:
        report(
            connection, Reason.NO_ORDER, provider="stripe", external_id="pi_1", livemode=False, now=shop.time(),
            amount=Fiat(500, "EUR"),
        )  # fmt: skip
    rows = money_rows(waiting(shop.services), shop.time())
    assert [row["href"] for row in rows] == ["/admin/orders?tab=unmatched", f"/admin/orders/{order.id}"]
    assert rows[1]["verb"] == "Approve"


# ---- Stripe Tax ----


def test_stripe_tax_is_not_offered_without_a_stripe_account(shop: Till) -> None:
    state = open_page(shop, "/admin/settings", SellerState)
    assert not state.takes_cards
    SellerState.choose.fn(state, "tax_source", "stripe_tax")
    do(shop, SellerState.save.fn(state))
    assert "Stripe account" in state.errors["tax_source"]
    assert shop.services.invoicing.sellers.current().tax_source == "table"
