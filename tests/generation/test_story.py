"""The whole story of a generation, and whose it is."""

import asyncio

import pytest

from app.generation.story import Story, story
from app.kernel.errors import NotFound
from app.kernel.money import Money
from tests.support.house import House

PROMPT = "A red tram on a viaduct"


def told(house: House, generation_id: str, workspace_id: str | None = None) -> Story:
    with house.services.db.read() as connection:
        return story(connection, generation_id, workspace_id)


def test_a_settled_request_is_told_from_its_version_to_its_lots(customer: House) -> None:
    seen = asyncio.run(customer.run("flux-schnell", prompt=PROMPT, num_images=2))

    found = told(customer, seen.id, customer.workspace_id)

    assert found.version_number == 1
    assert found.available_before == Money(10_000_000_000)
    assert found.hold is not None
    assert found.hold.amount == Money(20_000_000)
    assert [one.provider_name for one in found.attempts] == ["fal"]
    assert [journal.kind for journal in found.journals] == ["capture"]
    assert [(use.label, use.amount) for use in found.lot_uses] == [("Test credits", Money(20_000_000))]
    kinds = [event["kind"] for event in found.events]
    assert kinds[0] == "requested"
    assert kinds[-1] == "settled"
    assert found.at("held") is not None
    assert found.first("no such thing") is None


@pytest.mark.one_engine
def test_somebody_elses_request_is_not_there(customer: House) -> None:
    seen = asyncio.run(customer.run("flux-schnell", prompt=PROMPT))
    with pytest.raises(NotFound):
        told(customer, seen.id, customer.newcomer().workspace_id)
    with pytest.raises(NotFound):
        told(customer, "gen_00000000000000000000000000")
