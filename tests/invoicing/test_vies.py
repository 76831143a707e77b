"""The online check: an answer counts, an outage never stops anybody, and the policy decides."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.invoicing.doubts import doubtful
from app.invoicing.parties import TaxIdCheck
from app.invoicing.service import Invoicing
from app.invoicing.vies import Vies
from app.kernel.db import Database
from app.kernel.errors import InvalidInput
from tests.invoicing.support import NOON, Office, euros
from tests.invoicing.test_profiles import PARIS

pytestmark = pytest.mark.anyio

VALID = {"valid": True, "requestIdentifier": "WAPI1", "name": "SA GOOGLE", "address": "8 RUE\nDE LONDRES"}
ERROR = {"actionSucceed": False, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]}


def service(answer: Callable[[httpx.Request], httpx.Response]) -> Vies:
    return Vies(lambda: NOON, transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        pytest.param(200, VALID, "valid", id="yes"),
        pytest.param(200, {"valid": False, "userError": "INVALID"}, "invalid", id="no"),
        pytest.param(200, {"valid": False, "userError": "MS_UNAVAILABLE"}, "unavailable", id="a no that is an outage"),
        pytest.param(200, ERROR, "unavailable", id="an error with status 200"),
        pytest.param(500, ERROR, "unavailable", id="an error"),
        pytest.param(400, {"errorWrappers": [{"error": "INVALID_INPUT"}]}, "invalid", id="not a number at all"),
        pytest.param(200, {}, "unavailable", id="nothing"),
        pytest.param(200, [], "unavailable", id="a list"),
        pytest.param(200, {"valid": "yes"}, "unavailable", id="a word"),
    ],
)
async def test_only_a_plain_answer_counts(status, body, result):
    check = await service(lambda request: httpx.Response(status, json=body)).check("FR40303265045")
    assert (check.source, check.result) == ("vies", result)


@pytest.mark.parametrize("broken", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), "<html>"])
async def test_an_outage_is_an_answer_too(broken):
    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(broken, Exception):
            raise broken
        return httpx.Response(200, text=broken)

    assert (await service(answer).check("FR40303265045")).result == "unavailable"


async def test_asked_in_our_name_the_answer_has_a_proof():
    asked: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return httpx.Response(200, json=VALID)

    check = await service(answer).check("FR40303265045", "DE136695976")
    assert asked == [
        {
            "countryCode": "FR",
            "vatNumber": "40303265045",
            "requesterMemberStateCode": "DE",
            "requesterNumber": "136695976",
        }
    ]
    assert check == TaxIdCheck("vies", "valid", NOON.isoformat(), "WAPI1", "SA GOOGLE", "8 RUE DE LONDRES")


@pytest.mark.one_engine
@pytest.mark.parametrize(("country", "vat_id", "named"), [("DE", "DE136695976", True), ("GB", "GB980780684", False)])
async def test_only_a_member_state_asks_in_its_own_name(database, country, vat_id, named):
    asked = Asked(database, vat_check="vies")
    seller = asked.office.seller
    abroad = replace(seller, address=replace(seller.address, country=country), vat_id=vat_id)
    asked.office.sellers.save(abroad, author="operator")
    await asked.invoicing.save_profile(asked.workspace, PARIS, actor="ada")
    assert ["requesterNumber" in question for question in asked.questions] == [named]


class Asked:
    """An `Invoicing` over a VIES that answers what it is told."""

    def __init__(self, database: Database, **about: Any) -> None:
        self.office = Office(database, **about)
        self.answers: list[dict[str, Any]] = []
        self.count = 0
        self.questions: list[dict[str, Any]] = []
        self.invoicing = Invoicing(database, lambda: NOON, service(self._answer))
        self.workspace = self.office.workspace()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        self.questions.append(json.loads(request.content))
        return httpx.Response(200, json=self.answers.pop(0) if self.answers else ERROR)

    def scheme(self) -> str:
        return self.invoicing.taxes.quote_tax(self.workspace, euros("10.00")).scheme


@pytest.mark.one_engine
async def test_off_by_default(database):
    asked = Asked(database)
    await asked.invoicing.save_profile(asked.workspace, PARIS, actor="ada")
    assert (asked.count, asked.scheme()) == (0, "domestic")


async def test_case_36_down_at_first_then_asked_again(database):
    asked = Asked(database, vat_check="vies")
    asked.answers = [ERROR, VALID]
    profile = await asked.invoicing.save_profile(asked.workspace, PARIS, actor="ada")
    assert profile.buyer.tax_id.check.result == "unavailable"
    assert asked.scheme() == "domestic"
    assert await asked.invoicing.recheck() == 1
    assert asked.scheme() == "reverse_charge"
    assert await asked.invoicing.recheck() == 0
    await asked.invoicing.save_profile(asked.workspace, PARIS, actor="ada")
    assert asked.count == 2, "a number known to be valid is not asked about again"


async def test_case_36_trusted_while_down_and_charged_once_it_is_known_invalid(database):
    asked = Asked(database, vat_check="vies", vies_policy="allow_and_recheck")
    asked.answers = [ERROR, {"valid": False}]
    await asked.invoicing.save_profile(asked.workspace, PARIS, actor="ada")
    assert asked.scheme() == "reverse_charge"
    tax = asked.invoicing.taxes.quote_tax(asked.workspace, euros("10.00"))
    invoice = asked.office.issue(asked.workspace, "ord_1", tax=tax)
    with database.read() as connection:
        assert doubtful(connection) == []

    await asked.invoicing.recheck()
    assert asked.scheme() == "domestic"
    with database.read() as connection:
        assert [doubt.invoice.id for doubt in doubtful(connection)] == [invoice.invoice_id]

    asked.office.credit(invoice.invoice_id, "wrong_tax", "10.00", source_kind="correction")
    with database.read() as connection:
        assert doubtful(connection) == []


@pytest.mark.one_engine
async def test_an_operator_confirms_by_hand_and_says_how(database):
    asked = Asked(database)
    invoicing = asked.invoicing
    await invoicing.save_profile(asked.workspace, PARIS, actor="ada")
    with pytest.raises(InvalidInput):
        invoicing.confirm_tax_id(asked.workspace, valid=True, actor="ops", note=" ")
    confirmed = invoicing.confirm_tax_id(asked.workspace, valid=True, actor="ops", note="VIES web page, 21 Nov")
    assert confirmed.buyer.tax_id.check.source == "manual"
    assert asked.scheme() == "reverse_charge"
