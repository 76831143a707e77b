"""Wallets through the official SDK, and what only plain HTTP can ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.ledger.audit import run_audit
from app.plans import customers
from tests.billing_api.conftest import BillingServer

if TYPE_CHECKING:
    from flexprice import Flexprice

LATER = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def customer(sdk: Flexprice, request: pytest.FixtureRequest) -> str:
    """A customer of the test's own: their id."""
    made = sdk.customers.create_customer(external_id=f"w-{request.node.name}"[:200], name="Wallet tests")
    return made.id or ""


@pytest.fixture(autouse=True, scope="module")
def books_balance(billing_server: BillingServer) -> Any:
    yield
    assert run_audit(billing_server.db) == []


def make(sdk: Flexprice, customer: str, **more: Any) -> Any:
    return sdk.wallets.create_wallet(customer_id=customer, currency="usd", **more)


def test_the_life_of_a_wallet(sdk: Flexprice, customer: str) -> None:
    made = make(sdk, customer, conversion_rate="0.5", initial_credits_to_load="100", metadata={"team": "a"})
    assert (made.id.startswith("wallet_"), made.wallet_status, made.wallet_type) == (True, "active", "PRE_PAID")
    assert (made.credit_balance, made.balance, made.currency, made.metadata) == ("100", "50", "usd", {"team": "a"})
    topped = sdk.wallets.top_up_wallet(
        id=made.id, credits_to_add="20", transaction_reason="PURCHASED_CREDIT_DIRECT", expiry_date_utc=LATER,
        idempotency_key="k1", bonus_credits_to_add="5", priority=1,
    )  # fmt: skip
    assert (topped.wallet.credit_balance, topped.wallet_transaction.credit_amount) == ("125", "20")
    assert topped.wallet_transaction.amount == "10"
    again = sdk.wallets.top_up_wallet(
        id=made.id, credits_to_add="20", transaction_reason="PURCHASED_CREDIT_DIRECT", expiry_date_utc=LATER,
        idempotency_key="k1", bonus_credits_to_add="5", priority=1,
    )  # fmt: skip
    assert (again.wallet.credit_balance, again.wallet_transaction.id) == ("125", topped.wallet_transaction.id)
    by_amount = sdk.wallets.top_up_wallet(id=made.id, amount="1", transaction_reason="FREE_CREDIT_GRANT")
    assert by_amount.wallet_transaction.credit_amount == "2"
    now = sdk.wallets.get_wallet_balance(id=made.id)
    assert (now.real_time_credit_balance, now.real_time_balance, now.is_cached_fallback) == ("127", "63.5", False)
    assert (now.credits_available_breakdown.free, now.credits_available_breakdown.purchased) == ("107", "20")
    found = sdk.wallets.get_wallet_transactions(id_path_parameter=made.id)
    assert [one.transaction_reason for one in found.items] == [
        "FREE_CREDIT_GRANT", "PURCHASED_CREDIT_BONUS", "PURCHASED_CREDIT_DIRECT", "FREE_CREDIT_GRANT",
    ]  # fmt: skip
    assert found.items[1].parent_transaction_id == topped.wallet_transaction.id
    changed = sdk.wallets.update_wallet(id=made.id, name="Video", description="For films")
    assert (changed.name, changed.description, changed.metadata) == ("Video", "For films", {"team": "a"})
    ended = sdk.wallets.terminate_wallet(id=made.id)
    assert (ended.wallet_status, ended.credit_balance) == ("closed", "0")
    assert sdk.wallets.get_wallet_balance(id=made.id).real_time_balance == "0"
    assert sdk.wallets.terminate_wallet(id=made.id).wallet_status == "closed"


def test_a_debit_takes_what_is_used_first_and_never_more_than_there_is(
    sdk: Flexprice, http: httpx.Client, customer: str
) -> None:
    made = make(sdk, customer)
    for credits, more in (("50", {}), ("30", {"priority": 1}), ("20", {"priority": 1, "expiry_date_utc": LATER})):
        sdk.wallets.top_up_wallet(id=made.id, credits_to_add=credits, transaction_reason="FREE_CREDIT_GRANT", **more)
    asked = {"credits": "45", "idempotency_key": "d1", "transaction_reason": "MANUAL_BALANCE_DEBIT", "description": "x"}
    for _ in range(2):
        answer = http.post(f"/wallets/{made.id}/debit", json=asked)
        assert answer.status_code == 200, answer.text
        assert answer.json()["wallet"]["credit_balance"] == "55"
    left = {one.credit_amount: one.credits_available for one in
            sdk.wallets.get_wallet_transactions(id_path_parameter=made.id, type_="credit").items}  # fmt: skip
    assert left == {"20": "0", "30": "5", "50": "50"}
    [taken] = sdk.wallets.get_wallet_transactions(id_path_parameter=made.id, type_="debit").items
    assert [(Decimal(one.credits)) for one in taken.consumption_breakdown] == [20, 25]
    assert (taken.credit_balance_before, taken.credit_balance_after, taken.description) == ("100", "55", "x")
    refused = http.post(f"/wallets/{made.id}/debit", json={"credits": "55.000001"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_operation")
    assert sdk.wallets.get_wallet(id=made.id).credit_balance == "55"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("top-up", {"credits_to_add": "0", "transaction_reason": "FREE_CREDIT_GRANT"}, 400, id="nothing"),
        pytest.param("top-up", {"credits_to_add": "1", "transaction_reason": "WHY_NOT"}, 400, id="no such reason"),
        pytest.param("top-up", {"transaction_reason": "FREE_CREDIT_GRANT"}, 400, id="neither credits nor amount"),
        pytest.param(
            "top-up",
            {
                "credits_to_add": "1",
                "transaction_reason": "FREE_CREDIT_GRANT",
                "expiry_date_utc": "2020-01-01T00:00:00Z",
            },
            400,
            id="ended already",
        ),
        pytest.param(
            "top-up",
            {"credits_to_add": "1", "transaction_reason": "FREE_CREDIT_GRANT", "priority": -1},
            400,
            id="priority below zero",
        ),
        pytest.param(
            "top-up",
            {"credits_to_add": "1", "transaction_reason": "FREE_CREDIT_GRANT", "priority": "--5"},
            400,
            id="a priority that is no number",
        ),
        pytest.param("debit", {"credits": "-1"}, 400, id="a debit below zero"),
        pytest.param("debit", {"credits": "0.0000001"}, 400, id="less than a millionth"),
        pytest.param("debit", {"credits": 1e400}, 400, id="more than a number"),
    ],
)
def test_what_is_refused(
    http: httpx.Client, sdk: Flexprice, customer: str, path: str, body: dict[str, Any], status: int
) -> None:
    wallet = make(sdk, customer, initial_credits_to_load="10").id
    content = '{"credits": 1e400}' if body.get("credits") == 1e400 else None
    answer = http.post(f"/wallets/{wallet}/{path}", **({"content": content} if content else {"json": body}))
    assert (answer.status_code, set(answer.json())) == (status, {"code", "message", "http_status_code", "details"})
    assert sdk.wallets.get_wallet(id=wallet).credit_balance == "10"


def test_a_wallet_holds_no_more_than_can_be_counted(http: httpx.Client, sdk: Flexprice, customer: str) -> None:
    made = make(sdk, customer, topup_conversion_rate="1000000000").id
    bought = {"credits_to_add": "10000", "transaction_reason": "PURCHASED_CREDIT_DIRECT"}
    given = {"credits_to_add": "1000000000000", "transaction_reason": "FREE_CREDIT_GRANT"}
    answers = [http.post(f"/wallets/{made}/top-up", json=body).status_code for body in (bought, given, given, given)]
    assert answers == [400, 200, 200, 400], "what was paid for them has an end as well"
    assert sdk.wallets.get_wallet(id=made).credit_balance == "2000000000000"


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"topup_conversion_rate": "1000000001"}, id="a rate beyond reason"),
        pytest.param(
            {"initial_credits_to_load": "1", "initial_credits_to_load_expiry_date": 99991231},
            id="the last day there is",
        ),
    ],
)
def test_a_wallet_that_cannot_be(http: httpx.Client, customer: str, more: dict[str, Any]) -> None:
    answer = http.post("/wallets", json={"customer_id": customer, "currency": "usd", **more})
    assert (answer.status_code, answer.json()["details"]["param"]) == (400, [*more][-1])


def test_the_first_of_all_is_a_priority_too(http: httpx.Client, customer: str) -> None:
    wish = {"customer_id": customer, "currency": "usd", "priority": 0}
    made = http.post("/wallets", json=wish)
    assert (made.status_code, made.json()["priority"]) == (200, 0)


def test_a_key_is_good_for_one_movement(http: httpx.Client, sdk: Flexprice, customer: str) -> None:
    wallet = make(sdk, customer, initial_credits_to_load="10").id
    first = {"credits_to_add": "5", "transaction_reason": "FREE_CREDIT_GRANT", "idempotency_key": "once"}
    assert http.post(f"/wallets/{wallet}/top-up", json=first).status_code == 200
    for other in ({**first, "credits_to_add": "6"}, {**first, "transaction_reason": "PURCHASED_CREDIT_DIRECT"}):
        assert http.post(f"/wallets/{wallet}/top-up", json=other).status_code == 409
    assert http.post(f"/wallets/{wallet}/debit", json={"credits": "5", "idempotency_key": "once"}).status_code == 409
    assert sdk.wallets.get_wallet(id=wallet).credit_balance == "15"


def test_a_closed_wallet_takes_and_gives_nothing(http: httpx.Client, sdk: Flexprice, customer: str) -> None:
    wallet = make(sdk, customer).id
    sdk.wallets.terminate_wallet(id=wallet)
    asked = {"credits_to_add": "5", "transaction_reason": "FREE_CREDIT_GRANT"}
    assert http.post(f"/wallets/{wallet}/top-up", json=asked).status_code == 400
    assert http.post(f"/wallets/{wallet}/debit", json={"credits": "5"}).status_code == 400


def test_the_products_own_credits_are_listed_first(
    sdk: Flexprice, http: httpx.Client, billing_server: BillingServer, customer: str
) -> None:
    second = make(sdk, customer, initial_credits_to_load="3")
    house, other = sdk.wallets.get_wallets_by_customer_id(id=customer)
    assert (house.name, house.credit_balance, other.id) == ("Prepaid credits", "0", second.id)
    assert sdk.wallets.get_wallet(id=house.id).id == house.id
    sdk.wallets.top_up_wallet(id=house.id, credits_to_add="1000", transaction_reason="FREE_CREDIT_GRANT")
    assert sdk.wallets.get_wallet(id=house.id).balance == "1"  # at the demo's value of a credit
    sdk.wallets.update_wallet(id=house.id, name="Ours")
    with billing_server.db.read() as connection:
        found = customers.get(connection, customer)
    named = sdk.wallets.get_customer_wallets(lookup_key=found.external_id)
    assert [one.name for one in named] == ["Ours", "Wallet"]
    assert http.post(f"/wallets/{house.id}/terminate").status_code == 400


def test_an_alert_says_once_that_a_wallet_is_low_and_once_that_it_is_not(sdk: Flexprice, customer: str) -> None:
    levels = {
        "critical": {"threshold": "10", "condition": "below"},
        "warning": {"threshold": "50", "condition": "below"},
    }
    wallet = make(sdk, customer, initial_credits_to_load="40", alert_settings={"alert_enabled": True, **levels})
    assert wallet.alert_state == "warning"
    for credits in ("5", "200"):
        sdk.wallets.top_up_wallet(id=wallet.id, credits_to_add=credits, transaction_reason="FREE_CREDIT_GRANT")
    assert sdk.wallets.get_wallet(id=wallet.id).alert_state == "ok"
    log = sdk.alerts.query_alert_log(entity_id=wallet.id)
    assert [one.alert_status for one in log.items] == ["ok", "warning"]
    setting = sdk.alert_settings.create_alert_settings(
        entity_type="wallet", entity_id=wallet.id,
        config={"alert_enabled": True, "critical": {"threshold": "1000", "condition": "below"}},
    )  # fmt: skip
    assert (setting.entity_id, setting.enabled) == (wallet.id, True)
    assert sdk.alert_settings.query_alert_settings(entity_ids=[wallet.id]).items[0].id == setting.id
    sdk.wallets.top_up_wallet(id=wallet.id, credits_to_add="1", transaction_reason="FREE_CREDIT_GRANT")
    assert sdk.wallets.get_wallet(id=wallet.id).alert_state == "in_alarm"
    sdk.alert_settings.delete_alert_settings(id=setting.id)
    assert sdk.wallets.get_wallet(id=wallet.id).alert_settings.alert_enabled is False


def test_search(sdk: Flexprice, customer: str) -> None:
    made = [make(sdk, customer).id for _ in range(3)]
    sdk.wallets.terminate_wallet(id=made[0])
    found = sdk.wallets.query_wallet(wallet_ids=made, status="active", limit=1)
    assert ([one.id for one in found.items], found.pagination.total) == ([made[2]], 2)
    threshold = {"threshold": "1", "condition": "below"}
    watched = make(sdk, customer, alert_settings={"alert_enabled": True, "critical": threshold}).id
    for wished, ids, total in ((True, [watched], 1), (False, [made[2]], 2)):
        found = sdk.wallets.query_wallet(wallet_ids=[*made, watched], status="active", alert_enabled=wished, limit=1)
        assert ([one.id for one in found.items], found.pagination.total) == (ids, total)


def test_the_transactions_of_everybody_are_searched_too(http: httpx.Client, sdk: Flexprice) -> None:
    """As the SDK asks: it cannot name a wallet."""
    made = []
    for number, credits_ in enumerate(("3", "5")):
        name = f"everybody-{number}"
        customer = sdk.customers.create_customer(external_id=name, name=name).id
        wallet = sdk.wallets.create_wallet(customer_id=customer, currency="usd").id or ""
        sdk.wallets.top_up_wallet(
            id=wallet, credits_to_add=credits_, transaction_reason="FREE_CREDIT_GRANT", idempotency_key=name
        )
        made.append((wallet, customer))
    found = sdk.wallets.query_wallet_transaction(type_="credit", limit=2).items or []
    assert [(each.wallet_id, each.customer_id, each.credit_amount) for each in found] == [
        (*made[1], "5"), (*made[0], "3"),
    ]  # fmt: skip
    one = sdk.wallets.query_wallet_transaction(type_="credit", id=found[1].id)
    assert [(each.wallet_id, one.pagination.total) for each in one.items or []] == [(made[0][0], 1)]
    debits = sdk.wallets.query_wallet_transaction(type_="debit", start_time=found[1].created_at)
    assert not debits.items
    refused = http.post("/wallets/transactions/search", json={"wallet_id": "wallet_nobody"})
    assert refused.status_code == 404
