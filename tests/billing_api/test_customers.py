"""Customers through the official SDK and by plain HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import insert, select

from app.kernel import clock
from app.kernel.db import metadata
from app.plans import customers, tables
from tests.billing_api.conftest import BillingServer
from tests.support.late import Late

sdk_models = Late("flexprice.models")
sdk_errors = Late("flexprice.models.errors")

if TYPE_CHECKING:
    from flexprice import Flexprice


def test_a_customer_is_made_found_changed_and_taken_off(sdk: Flexprice) -> None:
    made = sdk.customers.create_customer(
        external_id="studio-1", name="Example Studio", email="Billing@Example.com", address_city="Berlin",
        timezone="Europe/Berlin", metadata={"segment": "pro"},
        contact_persons=[sdk_models.CustomerContactPerson(first_name="Mara")],
    )  # fmt: skip
    assert (made.id or "").startswith("cust_")
    assert (made.email, made.status, made.timezone) == ("billing@example.com", "published", "Europe/Berlin")
    assert sdk.customers.get_customer(id=made.id or "").metadata == {"segment": "pro"}
    assert sdk.customers.get_customer_by_external_id(external_id="studio-1").id == made.id
    changed = sdk.customers.update_customer(id=made.id, name="Renamed", address_city="Bonn")
    assert (changed.name, changed.address_city, changed.email) == ("Renamed", "Bonn", "billing@example.com")
    by_name = sdk.customers.update_customer(external_customer_id="studio-1", metadata={"a": "b"})
    assert (by_name.id, by_name.metadata, by_name.name) == (made.id, {"a": "b"}, "Renamed")
    sdk.customers.delete_customer(id=made.id or "")
    with pytest.raises(sdk_errors.FlexpriceDefaultError) as refused:
        sdk.customers.get_customer(id=made.id or "")
    assert (refused.value.status_code, '"not_found"' in refused.value.body) == (404, True)
    assert sdk.customers.create_customer(external_id="studio-1", name="Again").id != made.id


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        pytest.param({"external_ids": ["find-a", "find-b", "nobody"]}, ["find-b", "find-a"], id="external ids"),
        pytest.param({"external_id": "find-a"}, ["find-a"], id="one external id"),
        pytest.param({"email": "find-b@example.com"}, ["find-b"], id="e-mail"),
        pytest.param({"metadata": {"find": "c"}}, ["find-c"], id="metadata"),
        pytest.param(
            {
                "filters": [
                    {"field": "external_id", "operator": "contains", "value": {"string": "FIND-"}},
                    {"field": "name", "operator": "not_in", "value": {"array": ["B"]}},
                ],
                "sort": [{"field": "name", "direction": "asc"}],
            },
            ["find-a", "find-c"],
            id="conditions, sorted",
        ),
        pytest.param({"metadata": {"find": "c"}, "status": "deleted"}, [], id="status"),
        pytest.param({"email": "find-b@example.com", "offset": 1}, [], id="beyond the last page"),
    ],
)
def test_search(sdk: Flexprice, searchable: None, wish: dict[str, Any], found: list[str]) -> None:
    answer = sdk.customers.query_customer(**wish)
    assert [each.external_id for each in answer.items or []] == found
    assert answer.pagination is not None
    assert answer.pagination.total == (1 if "offset" in wish else len(found))


@pytest.fixture(scope="module")
def searchable(sdk: Flexprice) -> None:
    for letter in "abc":
        sdk.customers.create_customer(
            external_id=f"find-{letter}", name=letter.upper(), email=f"find-{letter}@example.com",
            metadata={"find": letter},
        )  # fmt: skip


def test_a_page_says_how_much_there_is(sdk: Flexprice, searchable: None) -> None:
    answer = sdk.customers.query_customer(external_ids=["find-a", "find-b", "find-c"], limit=2, offset=1)
    assert answer.pagination is not None
    assert (answer.pagination.total, answer.pagination.limit, answer.pagination.offset) == (3, 2, 1)
    assert [each.external_id for each in answer.items or []] == ["find-b", "find-a"]


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        pytest.param(lambda c: c.post("/customers", json={"name": "x"}), 400, "validation_error", id="no external id"),
        pytest.param(lambda c: c.post("/customers", json=[]), 400, "validation_error", id="a list"),
        pytest.param(lambda c: c.post("/customers", content=b"{"), 400, "validation_error", id="no JSON"),
        pytest.param(
            lambda c: c.post("/customers", json={"external_id": "z", "name": "z", "timezone": "Mars/Base"}),
            400, "validation_error", id="a zone that is none",
        ),
        pytest.param(lambda c: c.post("/customers", json={"external_id": "a\0", "name": "z"}), 400, "validation_error",
                     id="a text that cannot be stored"),
        pytest.param(lambda c: c.get("/customers/cust_nobody"), 404, "not_found", id="nobody"),
        pytest.param(lambda c: c.post("/customers/search", json={"limit": 1001}), 400, "validation_error", id="limit"),
        pytest.param(
            lambda c: c.post("/customers/search", json={"filters": [{"field": "secret", "value": {"string": "1"}}]}),
            400, "validation_error", id="a field that is none",
        ),
        pytest.param(lambda c: c.get("/nowhere"), 404, "not_found", id="nowhere"),
        pytest.param(lambda c: c.get("/customers/%00"), 404, "not_found", id="a name that cannot be stored"),
        pytest.param(lambda c: c.get("/payments?destination_id=%00"), 400, "validation_error",
                     id="a question that cannot be stored"),
        pytest.param(lambda c: c.patch("/customers"), 405, "invalid_operation", id="a method nobody serves"),
        pytest.param(lambda c: c.get("/customers/x", headers={"x-api-key": "fbb_no"}), 401, "permission_denied",
                     id="unknown key"),
        pytest.param(lambda c: c.get("/customers/x", headers={"x-api-key": ""}), 401, "permission_denied", id="no key"),
    ],
)  # fmt: skip
def test_refusals(http: httpx.Client, call: Callable[[httpx.Client], httpx.Response], status: int, code: str) -> None:
    answer = call(http)
    said = answer.json()
    assert (answer.status_code, said["code"], said["http_status_code"]) == (status, code, status)
    assert said["message"]
    assert isinstance(said["details"], dict)


def test_an_external_id_is_taken_once(sdk: Flexprice) -> None:
    sdk.customers.create_customer(external_id="twice", name="One")
    with pytest.raises(sdk_errors.FlexpriceDefaultError) as refused:
        sdk.customers.create_customer(external_id="twice", name="Two")
    assert refused.value.status_code == 409
    assert '"already_exists"' in refused.value.body


def test_a_workspace_becomes_a_customer_when_it_is_asked_for(billing_server: BillingServer, sdk: Flexprice) -> None:
    workspace = metadata.tables["workspace"]
    with billing_server.db.write() as connection:
        connection.execute(insert(workspace).values(id="ws_lazy", name="Halfmoon", created_at=clock.now()))
    found = sdk.customers.get_customer_by_external_id(external_id="ws_lazy")
    assert (found.name, found.external_id) == ("Halfmoon", "ws_lazy")
    with billing_server.db.write() as connection:
        assert customers.of_workspace(connection, "ws_lazy", now=clock.now()).id == found.id
        rows = select(tables.customer.c.id).where(tables.customer.c.workspace_id == "ws_lazy")
        assert len(connection.execute(rows).all()) == 1


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [
        pytest.param(("*:write",), 200, 201, id="everything"),
        pytest.param(("*:read",), 200, 403, id="looking only"),
        pytest.param(("customers:write",), 200, 201, id="this area"),
        pytest.param(("events:write",), 403, 403, id="another area"),
    ],
)
def test_a_key_is_good_for_its_scopes(
    billing_server: BillingServer, scopes: tuple[str, ...], reads: int, writes: int
) -> None:
    with billing_server.http(billing_server.key(*scopes)) as client:
        assert client.post("/customers/search", json={}).status_code == reads
        body = {"external_id": f"scope-{scopes[0]}", "name": "x"}
        assert client.post("/customers", json=body).status_code == writes
