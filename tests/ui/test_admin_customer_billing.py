"""What an operator decides about a customer's tax: a VAT id confirmed or rejected by hand, an exemption accepted."""

import asyncio
from typing import Any

import pytest

from app.accounts.audit import recent
from app.accounts.identity import Who
from app.invoicing.profiles import ProfileForm
from app.ui.guard import acting_as
from app.ui.pages.admin_customers.billing_state import CustomerBillingState
from tests.support.till import Till
from tests.ui.screens import operator_of
from tests.ui.tabs import event_name, new_tab

PARIS = ProfileForm(
    kind="company",
    company="Halfmoon SARL",
    line1="1 Rue de Rivoli",
    postcode="75001",
    city="Paris",
    country="FR",
    tax_id="FR40303265045",
)


@pytest.fixture
def shop(shop: Till) -> Till:
    """A customer in Paris of a seller in Berlin."""
    shop.services.invoicing.profiles.save(shop.workspace_id, PARIS, actor=shop.user_id)
    return shop


@pytest.fixture
def operator(shop: Till) -> Who:
    return operator_of(shop.services)


def page(workspace_id: str) -> Any:
    tab = new_tab("operator", f"/admin/customers/{workspace_id}")
    state = tab.tree.get_substate(CustomerBillingState.get_full_name().split("."))
    asyncio.run(CustomerBillingState.load.fn(state))
    return state


def decide(state: Any, act: str, note: str = "") -> None:
    asyncio.run(CustomerBillingState.begin.fn(state, act))
    asyncio.run(CustomerBillingState.write.fn(state, note))
    asyncio.run(CustomerBillingState.decide.fn(state))


def notes(shop: Till) -> list[str]:
    with shop.services.db.reading() as session:
        return [note.action for note in recent(session, subject=shop.workspace_id)][::-1]


def test_a_vat_id_is_confirmed_and_rejected_by_hand(shop: Till, operator: Who) -> None:
    with acting_as(operator):
        state = page(shop.workspace_id)
        assert (state.profile["tax_id"], state.tax["headline"]) == ("FR40303265045", "19% VAT, Germany")
        decide(state, "confirm")
        assert state.error, "nothing is confirmed on no ground"
        decide(state, "confirm", "VIES page, 21 Nov")
        assert (state.doing, state.profile["check"], state.tax["headline"]) == ("", "Confirmed", "None: reverse charge")
        decide(state, "reject", "VIES page, 22 Nov")
        assert (state.profile["check"], state.tax["headline"]) == ("Not confirmed", "19% VAT, Germany")
    assert notes(shop) == ["billing.tax_id_confirmed", "billing.tax_id_rejected"]


def test_an_exemption_is_accepted_and_ended(shop: Till, operator: Who) -> None:
    with acting_as(operator):
        state = page(shop.workspace_id)
        decide(state, "end")
        assert state.doing == "", "there is none to end"
        decide(state, "exempt", " ")
        assert state.error
        decide(state, "exempt", "Embassy, certificate 12")
        assert (state.exempt, state.tax["headline"]) == ("Embassy, certificate 12", "None")
        assert "Embassy, certificate 12" in state.tax["detail"]
        decide(state, "end")
        assert (state.exempt, state.tax["headline"]) == ("", "19% VAT, Germany")
    assert notes(shop) == ["billing.exempted", "billing.exemption_ended"]


def test_without_billing_details_there_is_nothing_to_decide(shop: Till, operator: Who) -> None:
    workspace_id, _ = shop.customer(profile=False)
    with acting_as(operator):
        for wanted in (workspace_id, "ws_nobody"):
            state = page(wanted)
            for act in ("confirm", "reject", "exempt", "end", "anything"):
                decide(state, act, "because")
            assert (state.has_profile, state.doing) == (False, "")


@pytest.mark.anyio
@pytest.mark.parametrize("session", ["", "owner", "member", "homeless"])
@pytest.mark.parametrize("handler", [CustomerBillingState.begin, CustomerBillingState.decide], ids=["begin", "decide"])
async def test_nobody_else_can_decide(session: str, handler: Any) -> None:
    assert await new_tab(session).send(event_name(handler)) is not None
