"""Requests are checked against what Stripe's own library declares."""

import pytest
import stripe

from app.sandbox.stripe import form, parameters
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations import OPERATIONS
from tests.sandbox.stripe.orders import session_params
from tests.sandbox.stripe.parameter_table import FILE, table, text


def test_the_table_is_what_the_library_declares_today():
    now = text(table())
    assert FILE.read_text(encoding="utf-8") == now, "run `python -m tests.sandbox.stripe.parameter_table`"


def test_every_operation_has_its_line_in_the_table():
    assert {name for _, _, name, _ in OPERATIONS} == set(parameters.TABLE)


def test_payment_method_types_can_no_longer_be_written():
    assert "payment_method_types" not in parameters.TABLE["checkout.sessions.create"]
    assert "payment_method_types" not in parameters.TABLE["payment_intents.create"]


@pytest.mark.parametrize(
    ("written", "tree"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("a=1&b=", {"a": "1", "b": ""}, id="plain and empty"),
        pytest.param("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}, id="a tree"),
        pytest.param("a[0]=x&a[1]=y", {"a": {"0": "x", "1": "y"}}, id="a numbered list"),
        pytest.param("a[]=x&a[]=y", {"a": {"0": "x", "1": "y"}}, id="a list without numbers"),
        pytest.param("a%5Bb%5D=%C3%A9%20%2B", {"a": {"b": "é +"}}, id="escaped"),
    ],
)
def test_a_form_is_a_tree(written, tree):
    assert form.decode(written) == tree


@pytest.mark.parametrize(
    "written",
    ["a=1&a[b]=2", "a[b]=1&a=2", "a[b=1", "=1", "[a]=1", "a" + "[b]" * 20 + "=1", "a=%ff"],
    ids=["leaf and branch", "branch and leaf", "unclosed", "no name", "no root", "too deep", "not UTF-8"],
)
def test_a_form_that_is_no_tree_is_refused(written):
    with pytest.raises(Refused):
        form.decode(written)


@pytest.mark.parametrize(
    ("operation", "written", "read"),
    [
        pytest.param("refunds.create", "charge=ch_1&amount=5", {"charge": "ch_1", "amount": 5}, id="whole numbers"),
        pytest.param("payment_intents.create", "amount=1&currency=eur&confirm=true&off_session=false",
                     {"amount": 1, "currency": "eur", "confirm": True, "off_session": False}, id="true and false"),
        pytest.param("events.list", "types[1]=b&types[0]=a&created[gte]=7",
                     {"types": ["a", "b"], "created": {"gte": 7}}, id="lists in the order of their numbers"),
        pytest.param("events.list", "created=7", {"created": 7}, id="one of two shapes"),
        pytest.param("customers.update", "metadata=", {"metadata": ""}, id="metadata emptied"),
        pytest.param("customers.update", "metadata[a]=", {"metadata": {"a": ""}}, id="one key emptied"),
        pytest.param("payment_intents.create", "amount=1&currency=eur&off_session=recurring",
                     {"amount": 1, "currency": "eur", "off_session": "recurring"}, id="a choice beside a flag"),
    ],
)  # fmt: skip
def test_parameters_get_their_types(operation, written, read):
    assert parameters.read(operation, form.decode(written)) == read


@pytest.mark.parametrize(
    ("operation", "written", "param", "code"),
    [
        pytest.param("refunds.create", "chrge=ch_1", "chrge", "parameter_unknown", id="unknown"),
        pytest.param("checkout.sessions.create", "line_items[0][price_data][colour]=red",
                     "line_items[0][price_data][colour]", "parameter_unknown", id="unknown deep inside"),
        pytest.param("payment_intents.create", "amount=1", "currency", "parameter_missing", id="missing"),
        pytest.param("checkout.sessions.create", "line_items[0][price_data][unit_amount]=1",
                     "line_items[0][price_data][currency]", "parameter_missing", id="missing deep inside"),
        pytest.param("refunds.create", "amount=1.5", "amount", "parameter_invalid_integer", id="a fraction"),
        pytest.param("refunds.create", "charge=", "charge", "parameter_invalid_empty", id="an empty text"),
        pytest.param("checkout.sessions.create", "mode=sell", "mode", None, id="no such choice"),
        pytest.param("payment_intents.create", "amount=1&currency=eur&confirm=yes", "confirm", None, id="no boolean"),
        pytest.param("events.list", "types=charge", "types", None, id="a text for a list"),
        pytest.param("events.list", "types[a]=charge", "types", None, id="a mapping for a list"),
        pytest.param("customers.create", "name[a]=b", "name", None, id="a mapping for a text"),
        pytest.param("customers.create", "metadata[a][b]=c", "metadata[a]", None, id="metadata in metadata"),
        pytest.param("customers.create", f"metadata[{'k' * 41}]=c", f"metadata[{'k' * 41}]", None, id="a long key"),
        pytest.param("customers.create", f"metadata[k]={'v' * 501}", "metadata[k]", None, id="a long value"),
        pytest.param("customers.create", "&".join(f"metadata[k{n}]=v" for n in range(51)), "metadata", None,
                     id="too much metadata"),
        pytest.param("checkout.sessions.create", "payment_method_types[0]=card", "payment_method_types",
                     "payment_method_types_no_longer_supported", id="a parameter that went away"),
    ],
)  # fmt: skip
def test_what_stripe_would_refuse_is_refused(operation, written, param, code):
    with pytest.raises(Refused) as refusal:
        parameters.read(operation, form.decode(written))
    assert (refusal.value.param, refusal.value.code) == (param, code)


def test_the_library_shows_the_refusal(client):
    params = session_params(payment_method_types=["card"])
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(params)
    assert refusal.value.code == "payment_method_types_no_longer_supported"
    assert refusal.value.param == "payment_method_types"
