"""What is sold, on which terms, by which rules: written by version, checked before it is published."""

from dataclasses import replace

import pytest
from sqlalchemy import null, text
from sqlalchemy.exc import DatabaseError

from app.kernel.errors import Conflict, InvalidInput, LimitReached, NotFound
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.enquiries import Asked
from app.payments.enquiries import State as EnquiryState
from app.payments.packages import Content, Kind
from app.payments.policy import Policy
from app.payments.seed import seed_payments
from tests.support.till import STARTER, Till


def test_a_new_version_replaces_the_one_on_sale(till: Till) -> None:
    packages, first = till.cashier.packages, till.package
    same = packages.publish(STARTER, kind=first.kind, package_id=first.id, actor="op")
    assert same.version_id == first.version_id
    dearer = replace(STARTER, prices={"EUR": Fiat(2_000, "EUR")}, title="  Starter   plus ")
    second = packages.publish(dearer, kind=first.kind, package_id=first.id, note="Dearer", actor="op")
    assert (second.number, second.content.title, second.note) == (2, "Starter plus", "Dearer")
    assert [version.number for version in packages.history(first.id)] == [2, 1]
    assert [package.version_id for package in packages.on_sale()] == [second.version_id]
    with pytest.raises(DatabaseError), till.services.db.write() as connection:
        connection.execute(text("UPDATE credit_package_version SET title = 'x'"))


def test_of_two_who_publish_at_once_the_slower_is_told(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read the last number before either has written the next one."""
    cashier, first = till.cashier, till.package
    taken = {"terms": "Other.", "refund_policy": "Refunds.", "invoice_wording": "", "actor": "op"}
    monkeypatch.setattr("app.payments.terms._next_number", lambda connection: 1)
    with pytest.raises(Conflict) as told:
        cashier.terms.publish(**taken)
    assert told.value.stable_code == "published_meanwhile"
    monkeypatch.setattr("app.payments.packages.func.max", lambda column: null())
    with pytest.raises(Conflict) as told:
        cashier.packages.publish(replace(STARTER, title="Dearer"), kind=first.kind, package_id=first.id, actor="op")
    assert told.value.stable_code == "published_meanwhile"
    assert [version.number for version in cashier.packages.history(first.id)] == [1]


@pytest.mark.one_engine
def test_archived_packages_are_not_sold(till: Till) -> None:
    packages = till.cashier.packages
    packages.archive(till.package.id)
    assert packages.on_sale() == []
    with pytest.raises(Conflict):
        till.buy()
    packages.archive(till.package.id, archived=False)
    assert till.buy().url


def test_packages_are_shown_in_the_order_chosen(one_till: Till) -> None:
    packages = one_till.cashier.packages
    other = packages.publish(replace(STARTER, title="Other"), kind=Kind.TEAM, actor="op")
    packages.reorder([other.id, one_till.package.id])
    assert [package.id for package in packages.on_sale()] == [other.id, one_till.package.id]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 81}, "title"),
        ({"title": "a\x07b"}, "title"),
        ({"summary": "x" * 301}, "summary"),
        ({"credits": Money(0)}, "credits"),
        ({"bonus": Money(-1)}, "credits"),
        ({"prices": {}}, "prices"),
        ({"prices": {"EUR": Fiat(0, "EUR")}}, "prices"),
        ({"prices": {"EUR": Fiat(-1, "EUR")}}, "prices"),
        ({"prices": {"EUR": Fiat(1, "USD")}}, "prices"),
        ({"prices": {"BHD": Fiat(1_001, "BHD")}}, "prices"),
        ({"expires_days": 0}, "expires_days"),
        ({"bonus_expires_days": 10_000}, "bonus_expires_days"),
    ],
    ids=str,
)
def test_a_package_that_makes_no_sense(one_till: Till, changes: dict, param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        one_till.cashier.packages.publish(replace(STARTER, **changes), kind=Kind.TEAM, actor="op")
    assert refused.value.param == param


def test_an_enterprise_package_is_an_enquiry(one_till: Till) -> None:
    till = one_till
    with pytest.raises(InvalidInput):
        till.cashier.packages.publish(STARTER, kind=Kind.ENTERPRISE, actor="op")
    big = till.cashier.packages.publish(Content("Enterprise", "Talk to us"), kind=Kind.ENTERPRISE, actor="op")
    with pytest.raises(Conflict, match="enquiry"):
        till.buy(package_version_id=big.version_id)
    tag = till.run(till.cashier.price_tags(till.workspace_id, "EUR"))[1]
    assert (tag.package.is_enquiry, tag.price, tag.total) == (True, None, None)
    with pytest.raises(Conflict):
        till.cashier.packages.publish(STARTER, kind=Kind.TEAM, package_id=big.id, actor="op")


@pytest.mark.one_engine
def test_terms_are_kept_by_version(till: Till) -> None:
    terms, first = till.cashier.terms, till.cashier.terms.current()
    same = terms.publish(terms="Terms.\n", refund_policy="Refunds.", invoice_wording="Prepaid.", actor="op")
    assert same.id == first.id
    second = terms.publish(terms="Other.", refund_policy="Refunds.", invoice_wording="", note="Shorter", actor="op")
    assert (second.number, terms.current().id) == (2, second.id)
    assert [version.number for version in terms.history()] == [2, 1]
    with pytest.raises(InvalidInput):
        terms.publish(terms=" ", refund_policy="x", invoice_wording="", actor="op")
    with pytest.raises(NotFound):
        terms.find("trm_x")
    with pytest.raises(DatabaseError), till.services.db.write() as connection:
        connection.execute(text("UPDATE terms_version SET terms = 'x'"))


@pytest.mark.one_engine
def test_an_order_keeps_the_terms_it_was_made_under(till: Till) -> None:
    order, first = till.buy(), till.cashier.terms.current()
    till.cashier.terms.publish(terms="Other.", refund_policy="x", invoice_wording="", actor="op")
    till.pay(order)
    paid = till.settle(order)
    assert paid.terms_version_id == first.id
    assert paid.accepted_at == paid.created_at


@pytest.mark.parametrize(
    ("four_eyes", "gross", "currency", "two"),
    [
        ({}, 10**9, "EUR", False),
        ({"EUR": 1_000}, 999, "EUR", False),
        ({"EUR": 1_000}, 1_000, "EUR", True),
        ({"EUR": 1_000}, 1, "USD", True),
    ],
    ids=["never", "below", "from", "a currency nobody thought of"],
)
def test_from_which_amount_two_approve(four_eyes: dict, gross: int, currency: str, two: bool) -> None:
    assert Policy(four_eyes_from=four_eyes).needs_two(gross, currency) is two


def test_the_policy_is_changed_and_noted(one_till: Till) -> None:
    policies = one_till.cashier.policies
    assert policies.current() == Policy()
    policies.change(transfer_days=10, actor="op")
    policies.change(four_eyes_from={"EUR": 5}, actor="op")
    assert policies.current() == Policy(transfer_days=10, four_eyes_from={"EUR": 5})
    assert one_till.count("audit_event", "action = 'payments.policy'") == 2
    for wrong in ({"transfer_days": 0}, {"four_eyes_from": {"XXX": 1}}, {"four_eyes_from": {"EUR": -1}}):
        with pytest.raises(InvalidInput):
            policies.change(actor="op", **wrong)


@pytest.mark.one_engine
def test_an_enquiry_becomes_an_order(till: Till) -> None:
    enquiries = till.cashier.enquiries
    asked = Asked("Ada", "ada@example.com", "A million a month\nplease", "Halfmoon", workspace_id=till.workspace_id)
    made = enquiries.ask(asked, actor=till.user_id)
    assert (enquiries.count_open(), till.mails()) == (1, ["enquiry_received"])
    order = till.cashier.manual.request(till.choice())
    done = enquiries.handle(made.id, EnquiryState.CLOSED, note="Offer sent", actor="op", order_id=order.id)
    assert (done.state, done.order_id, done.note, enquiries.count_open()) == ("closed", order.id, "Offer sent", 0)
    other = till.cashier.manual.request(till.choice())
    with pytest.raises(Conflict):
        enquiries.handle(made.id, EnquiryState.CLOSED, note="", actor="op", order_id=other.id)
    assert enquiries.all({EnquiryState.OPEN}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a\nb" * 100},
        {"email": "nobody"},
        {"email": "a@b.c\r\nBcc: all@example.com"},
        {"message": " "},
        {"message": "x" * 5_000},
        {"package_id": "pkg_x"},
    ],
    ids=str,
)
def test_an_enquiry_that_makes_no_sense(one_till: Till, wrong: dict) -> None:
    asked = Asked("Ada", "ada@example.com", "Hello")
    with pytest.raises((InvalidInput, NotFound)):
        one_till.cashier.enquiries.ask(replace(asked, **wrong), actor="usr_1")
    assert one_till.count("enquiry") == 0


def test_somebody_who_asks_all_day_is_slowed_down(one_till: Till) -> None:
    for _ in range(10):
        one_till.cashier.enquiries.ask(Asked("Ada", "ada@example.com", "Hello"), actor="usr_1")
    with pytest.raises(LimitReached):
        one_till.cashier.enquiries.ask(Asked("Ada", "ada@example.com", "Hello"), actor="usr_1")


def test_the_examples_of_the_demo_are_published_once(one_till: Till) -> None:
    with one_till.services.db.write() as connection:
        connection.execute(text("UPDATE credit_package SET archived_at = created_at"))
    seed_payments(one_till.cashier, actor="demo")
    assert len(one_till.cashier.packages.all()) == 1  # there are packages: nothing is added
    assert one_till.cashier.currencies() == []
