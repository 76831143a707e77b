"""What customers can buy: found by name, pinned by version, and never stale for long."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from app.catalogue.offers import Offer, Offers, live_version_of
from app.catalogue.provider_access import ProviderForm
from app.catalogue.routes import RouteForm
from app.catalogue.tables import Model, ModelVersion
from app.kernel.errors import Broken, NotFound
from app.pricing.quote import estimate
from tests.catalogue.conftest import ACTOR, FIRST, RULE, Shop, cost_form, details, rule


def _price(offer: Offer, **params: object) -> str:
    return str(estimate(offer.card, offer.schema, {"prompt": "x", "quality": "standard", "n": 1, **params}).total)


@pytest.mark.one_engine
def test_a_model_is_found_by_alias_and_by_id(shop: Shop):
    shop.open()
    offer = shop.offers.find("picture")
    assert shop.offers.find(shop.model_id) == offer
    assert (offer.version_number, offer.rule, offer.credit_cost_micros) == (1, RULE, None)
    assert (offer.billing_mode, offer.overage, offer.refund_on_failure) == ("charge_on_complete", "cap", True)
    assert [(route.provider_id, route.upstream_model) for route in offer.routes] == [("fal", "fal-ai/picture")]
    assert _price(offer, quality="ultra", n=2) == "48 credit"


@pytest.mark.one_engine
def test_an_unknown_model_is_answered_with_the_nearest_one(shop: Shop):
    shop.open()
    with pytest.raises(NotFound, match="Did you mean picture") as refused:
        shop.offers.find("pictur")
    assert (refused.value.stable_code, refused.value.details["suggestion"]) == ("model_not_found", "picture")
    with pytest.raises(NotFound, match="/v1/models"):
        shop.offers.find("zebra")


@pytest.mark.one_engine
def test_a_disabled_model_is_not_sold_but_its_running_requests_are_carried_on(shop: Shop):
    shop.open()
    offer = shop.offers.find("picture")
    shop.editing.disable(shop.model_id, ACTOR)
    with pytest.raises(NotFound) as refused:
        shop.offers.find("picture")
    assert refused.value.stable_code == "model_disabled"
    assert shop.offers.list() == []
    carried = shop.offers.of_version(offer.version_id)
    assert (carried.enabled, carried.version_id, carried.card) == (False, offer.version_id, offer.card)


@pytest.mark.one_engine
def test_an_unpublished_model_is_not_sold(shop: Shop):
    with pytest.raises(NotFound) as refused:
        shop.offers.find("picture")
    assert refused.value.stable_code == "model_disabled"


def test_a_version_keeps_its_price_after_the_next_was_published(shop: Shop):
    shop.open()
    first = shop.offers.find("picture")
    shop.publish(pricing_rule=rule(price={"perImage": 12}))
    assert _price(shop.offers.of_version(first.version_id)) == "10 credit"
    assert _price(shop.offers.find("picture")) == "12 credit"
    with pytest.raises(NotFound) as refused:
        shop.offers.of_version("ver_unknown")
    assert refused.value.stable_code == "version_not_found"


def test_an_edit_is_seen_at_once_here_and_at_the_next_look_elsewhere(
    shop: Shop, other_process: Callable[[float], Offers]
):
    shop.open()
    eager, lazy = other_process(0), other_process(3600)
    assert {_price(offers.find("picture")) for offers in (shop.offers, eager, lazy)} == {"10 credit"}

    shop.publish(pricing_rule=rule(price={"perImage": 12}))
    assert _price(shop.offers.find("picture")) == "12 credit"  # this process edited
    assert _price(eager.find("picture")) == "12 credit"  # its snapshot was due
    assert _price(lazy.find("picture")) == "10 credit"  # still trusted
    lazy.forget()
    assert _price(lazy.find("picture")) == "12 credit"


@pytest.mark.one_engine
def test_between_two_looks_the_database_is_left_in_peace(shop: Shop, other_process: Callable[[float], Offers]):
    shop.open()
    offers = other_process(3600)
    version_id = offers.find("picture").version_id
    statements: list[str] = []

    @event.listens_for(shop.db.engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    for _ in range(100):
        offers.find("picture")
        offers.of_version(version_id)
        offers.list("image")
    assert statements == []


def test_an_unchanged_catalogue_is_not_compiled_again(shop: Shop, other_process: Callable[[float], Offers]):
    shop.open()
    offers = other_process(0)
    assert offers.find("picture") is offers.find("picture")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda shop: shop.editing.edit_details(shop.model_id, details(title="T"), ACTOR), id="details"),
        pytest.param(lambda shop: shop.editing.disable(shop.model_id, ACTOR), id="disable"),
        pytest.param(
            lambda shop: shop.editing.edit_route(shop.route_id, RouteForm("fal", "fal-ai/other"), ACTOR), id="route"
        ),
        pytest.param(
            lambda shop: shop.editing.add_cost(shop.route_id, cost_form(effective_from=shop.clock.now), ACTOR),
            id="cost",
        ),
        pytest.param(
            lambda shop: shop.editing.save_provider("fal", ProviderForm("F", "https://queue.fal.run"), ACTOR),
            id="provider",
        ),
    ],
)
def test_every_kind_of_edit_moves_the_stamp(
    shop: Shop, other_process: Callable[[float], Offers], change: Callable[[Shop], object]
):
    """The clock stands still, so the stamps must grow by themselves."""
    shop.open()
    offers = other_process(0)
    before = offers.list()
    change(shop)
    assert offers.list() != before


@pytest.mark.one_engine
def test_a_cost_takes_effect_on_its_date(shop: Shop, other_process: Callable[[float], Offers]):
    shop.open()
    offers = other_process(0)
    tomorrow = shop.clock.now + timedelta(days=1)
    dear = {"type": "formula", "unit": "image", "price": {"perImage": 0.009}}
    shop.editing.add_cost(shop.route_id, cost_form(rule=dear, effective_from=tomorrow, verified=False), ACTOR)

    today = offers.find("picture")
    assert (_cost(today), today.verified) == ("0.003 USD", True)
    shop.clock.turn(days=1)
    then = offers.find("picture")
    assert (_cost(then), then.verified) == ("0.009 USD", False)


def _cost(offer: Offer) -> str:
    card = offer.routes[0].cost_card
    assert card is not None
    return str(estimate(card, offer.schema, {"prompt": "x", "quality": "standard", "n": 1}).total)


@pytest.mark.one_engine
def test_routes_come_in_order_and_only_usable_ones_are_offered(shop: Shop):
    shop.editing.add_route(shop.model_id, RouteForm("fal", "fal-ai/second", priority=5), ACTOR)
    shop.editing.add_route(shop.model_id, RouteForm("fal", "fal-ai/first", priority=-1, enabled=False), ACTOR)
    shop.open()
    offer = shop.offers.find("picture")
    assert [route.upstream_model for route in offer.routes] == ["fal-ai/picture", "fal-ai/second"]
    carried = shop.offers.of_version(offer.version_id)
    assert [(route.upstream_model, route.usable) for route in carried.routes] == [
        ("fal-ai/picture", True),
        ("fal-ai/second", True),
        ("fal-ai/first", False),
    ]
    shop.editing.save_provider("fal", ProviderForm("fal", "https://queue.fal.run", api_key=""), ACTOR)
    assert shop.offers.find("picture").routes == ()
    assert len(shop.offers.of_version(offer.version_id).routes) == 3


def test_the_list_is_ordered_and_searched(shop: Shop):
    shop.open()
    for alias, modality, sort in (("clip", "video", 1), ("aria", "audio", -1)):
        model_id = shop.editing.create(
            details(alias=alias, title=alias.title(), modality=modality, description="Says hello", sort=sort),
            RouteForm("fal", f"fal-ai/{alias}"),
            ACTOR,
        )
        shop.editing.publish(model_id, replace(FIRST, pricing_rule=None, credit_cost="5"), "Five", ACTOR)
        shop.editing.enable(model_id, ACTOR)
    assert [offer.alias for offer in shop.offers.list()] == ["aria", "picture", "clip"]
    assert [offer.alias for offer in shop.offers.list("video")] == ["clip"]
    assert [offer.alias for offer in shop.offers.list(search="HELLO ari")] == ["aria"]
    assert shop.offers.list(search="hello zebra") == []


@pytest.mark.one_engine
def test_one_unreadable_version_does_not_close_the_shop(shop: Shop, caplog: pytest.LogCaptureFixture):
    shop.open()
    other = shop.editing.create(details(alias="other"), RouteForm("fal", "fal-ai/other"), ACTOR)
    shop.editing.publish(other, FIRST, "First", ACTOR)
    shop.editing.enable(other, ACTOR)
    with shop.db.writing() as session:  # as if a later release had tightened the grammar
        model = session.get_one(Model, other)
        known = session.get_one(ModelVersion, model.live_version_id)
        session.add(
            ModelVersion(**{**known.model_dump(), "id": "ver_x", "number": 2, "pricing_rule": {"type": "gone"}})
        )
        model.live_version_id = "ver_x"
    fresh = Offers(shop.db, clock=shop.clock)
    assert [offer.alias for offer in fresh.list()] == ["picture"]
    with pytest.raises(Broken):
        fresh.find("other")
    assert "cannot be sold" in caplog.text


def test_the_live_version_can_be_compared_inside_a_transaction(shop: Shop):
    shop.open()
    with shop.db.read() as connection:
        assert connection.execute(live_version_of(shop.model_id)).scalar() == shop.offers.find("picture").version_id
