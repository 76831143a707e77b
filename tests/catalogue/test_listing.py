"""The operator's table: every model with its price in words and its worst margin."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from app.catalogue.listing import Listings
from app.catalogue.routes import RouteForm
from app.catalogue.workbench import read_bench, read_version
from app.pricing.matrix import Status
from tests.catalogue.conftest import ACTOR, FIRST, RULE, cost_form, details, rule

CREDIT = Decimal("0.001")


def listed(shop, known=None):
    with shop.db.reading() as session:
        return (known or Listings()).read(session, shop.clock(), CREDIT)


def test_a_published_model_has_its_price_and_its_worst_margin(shop):
    shop.open()
    (one,) = listed(shop)
    assert (one.row.alias, one.row.enabled, one.kinds) == ("picture", True, ("fal",))
    assert one.standing.price == "from 10 credits per image"
    assert one.standing.status is Status.GOOD
    assert one.standing.margin == Fraction(23, 48)
    assert one.standing.worst == "quality = ultra, n = 1"


@pytest.mark.one_engine
def test_a_loss_is_counted_and_named(shop):
    losing = rule(tiers=[{"match": {"quality": "ultra"}, "price": {"perImage": 12}}])
    keys = ("quality=ultra, n=1", "quality=ultra, n=2")
    shop.editing.publish(shop.model_id, replace(FIRST, pricing_rule=losing), "Cheap", ACTOR, sign_off=keys)
    (one,) = listed(shop)
    assert (one.standing.status, one.standing.losses) == (Status.LOSS, 2)
    assert one.standing.margin is not None
    assert one.standing.margin < 0


@pytest.mark.one_engine
def test_before_the_first_version_there_is_no_price(shop):
    (one,) = listed(shop)
    assert (one.standing.price, one.standing.margin, one.row.live_number) == ("", None, 0)


@pytest.mark.one_engine
def test_without_a_cost_the_margin_is_not_known(editing, shop):
    model_id = editing.create(details(alias="other"), RouteForm("fal", "fal-ai/other"), ACTOR)
    editing.publish(model_id, FIRST, "First", ACTOR)
    other = next(one for one in listed(shop) if one.row.alias == "other")
    assert other.standing.price
    assert other.standing.margin is None
    assert other.standing.status is None


def test_what_is_remembered_follows_a_new_version_and_a_new_cost(shop):
    known = Listings()
    shop.open()
    first = listed(shop, known)[0].standing
    shop.publish(pricing_rule=rule(price={"perImage": 20}))
    second = listed(shop, known)[0].standing
    shop.clock.turn(minutes=1)
    cost = {"type": "formula", "unit": "image", "price": {"perImage": 0.001}}
    shop.editing.add_cost(shop.route_id, cost_form(rule=cost, effective_from=shop.clock()), ACTOR)
    third = listed(shop, known)[0].standing
    assert first.price != second.price
    assert third.margin is not None
    assert second.margin is not None
    assert third.margin > second.margin


@pytest.mark.one_engine
def test_the_bench_has_the_live_version_and_the_costs_of_routes_that_are_on(shop):
    shop.open()
    off = shop.editing.add_route(shop.model_id, RouteForm("fal", "fal-ai/off", 5, enabled=False), ACTOR)
    shop.editing.add_cost(off, cost_form(), ACTOR)
    with shop.db.reading() as session:
        bench = read_bench(session, shop.model_id, shop.clock())
        first = read_version(session, shop.model_id, 1)
    assert bench.live == first
    assert first.pricing_rule == RULE
    assert [cost.route_id for cost in bench.costs] == [shop.route_id]
