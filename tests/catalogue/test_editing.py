"""Details, drafts, routes and costs: what is kept, what is refused, and the line each change leaves in the audit."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.catalogue.details import Details
from app.catalogue.drafts import STARTING_SCHEMA, Draft
from app.catalogue.offers import Limits
from app.catalogue.routes import RouteForm
from app.kernel.errors import Conflict, FareboxError, InvalidInput, NotFound, RuleRefused
from tests.catalogue.conftest import ACTOR, COST, FIRST, NOON, Shop, cost_form, details, rule

pytestmark = pytest.mark.one_engine


def test_a_new_model_is_disabled_with_a_draft_that_takes_a_prompt(shop: Shop):
    page = shop.editing.read(shop.model_id)
    assert (page.enabled, page.live_number, page.versions) == (False, 0, ())
    assert (page.draft.param_schema, page.draft.credit_cost, page.draft.pricing_rule) == (STARTING_SCHEMA, None, None)
    assert [(route.provider_name, route.form.upstream_model) for route in page.routes] == [("fal", "fal-ai/picture")]
    assert [line[0] for line in shop.audit()][-3:] == ["model.created", "route.added", "cost.added"]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"alias": "Picture"}, id="a capital in the alias"),
        pytest.param({"alias": "-picture"}, id="an alias that begins with a dash"),
        pytest.param({"alias": "a/b"}, id="a slash in the alias"),
        pytest.param({"alias": ""}, id="no alias"),
        pytest.param({"title": "  "}, id="no title"),
        pytest.param({"title": "x" * 121}, id="a title too long"),
        pytest.param({"modality": "smell"}, id="an unknown modality"),
        pytest.param({"limits": Limits(requests_per_minute=0)}, id="a limit of zero"),
        pytest.param({"limits": Limits(credits_per_day_micros=-1)}, id="a negative limit"),
        pytest.param({"limits": Limits(credits_per_day_micros=2**63)}, id="a limit no column holds"),
    ],
)
def test_details_are_checked(shop: Shop, wrong: dict[str, Any]):
    with pytest.raises(InvalidInput):
        shop.editing.edit_details(shop.model_id, details(**wrong), ACTOR)


def test_an_alias_belongs_to_one_model(shop: Shop):
    with pytest.raises(Conflict) as refused:
        shop.editing.create(details(title="Another"), RouteForm("fal", "fal-ai/other"), ACTOR)
    assert refused.value.stable_code == "alias_taken"
    assert [row.alias for row in shop.editing.models()] == ["picture"]  # nothing of it was kept


def test_editing_details_takes_effect_at_once_and_is_audited(shop: Shop):
    shop.open()
    limits = Limits(requests_per_minute=5, credits_per_day_micros=1_000_000)
    shop.editing.edit_details(shop.model_id, details(title="Painting", limits=limits), ACTOR)
    offer = shop.offers.find("picture")
    assert (offer.title, offer.limits) == ("Painting", limits)
    assert shop.audit()[-1] == (
        "model.edited",
        "title 'Picture' → 'Painting'; requests_per_minute None → 5; credits_per_day_micros None → 1000000",
    )
    lines = len(shop.audit())
    shop.editing.edit_details(shop.model_id, shop.editing.read(shop.model_id).details, ACTOR)
    assert len(shop.audit()) == lines  # nothing changed, nothing said


def test_disabling_is_audited_once(shop: Shop):
    shop.open()
    shop.editing.disable(shop.model_id, ACTOR)
    shop.editing.disable(shop.model_id, ACTOR)
    assert [line[0] for line in shop.audit()].count("model.disabled") == 1


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param(Draft(FIRST.param_schema, "12", rule(), 1), id="a whole one"),
        pytest.param(Draft(FIRST.param_schema, "twelve", '{"type": "for', 1), id="one that is half typed"),
        pytest.param(Draft("", None, None, 0), id="an emptied one"),
    ],
)
def test_a_draft_is_kept_as_typed_and_changes_nothing(shop: Shop, draft: Draft):
    shop.open()
    shop.clock.turn(minutes=5)
    shop.editing.save_draft(shop.model_id, draft)
    assert shop.editing.read_draft(shop.model_id) == replace(draft, saved_at=shop.clock.now)
    assert shop.editing.models()[0].draft_saved_at == shop.clock.now
    assert shop.offers.find("picture").version_number == 1
    shop.editing.discard_draft(shop.model_id)
    assert shop.editing.read_draft(shop.model_id) == Draft(FIRST.param_schema, None, FIRST.pricing_rule, 1)


def test_a_draft_does_not_overtake_an_assessment(shop: Shop):
    """Typing goes on while the publish dialog is open: a draft moves no stamp, so the dialog stays true."""
    shop.open()
    before = shop.editing.preview_publish(shop.model_id).stamp
    shop.editing.save_draft(shop.model_id, FIRST)
    assert shop.editing.preview_publish(shop.model_id).stamp == before


@pytest.mark.parametrize(
    ("form", "param"),
    [
        pytest.param(RouteForm("nobody", "fal-ai/x"), "provider_id", id="an unknown provider"),
        pytest.param(RouteForm("fal", ""), "upstream_model", id="no upstream model"),
        pytest.param(RouteForm("fal", "fal-ai/../admin"), "upstream_model", id="a path that climbs"),
        pytest.param(RouteForm("fal", "/fal-ai/x"), "upstream_model", id="a leading slash"),
        pytest.param(RouteForm("fal", "fal-ai/x?y=1"), "upstream_model", id="a query"),
        pytest.param(RouteForm("fal", "fal-ai/x", mapping={"size": "a..b"}), "mapping.size", id="an empty step"),
        pytest.param(
            RouteForm("fal", "fal-ai/x", settings={"billable_units": "furlong"}), "settings.billable_units", id="a unit"
        ),
        pytest.param(
            RouteForm("fal", "fal-ai/x", settings={"constants": ["x"]}), "settings.constants", id="constants as a list"
        ),
    ],
)
def test_a_route_is_checked(shop: Shop, form: RouteForm, param: str):
    with pytest.raises(InvalidInput) as refused:
        shop.editing.add_route(shop.model_id, form, ACTOR)
    assert refused.value.param == param


def test_editing_a_route(shop: Shop):
    changed = RouteForm("fal", "fal-ai/picture/v2", priority=3, enabled=False, mapping={"quality": None})
    shop.editing.edit_route(shop.route_id, changed, ACTOR)
    route = shop.editing.read(shop.model_id).routes[0]
    assert (route.form, route.usable) == (changed, False)
    assert shop.audit()[-1] == (
        "route.edited",
        "fal: fal-ai/picture, priority 0, weight 100, on → fal-ai/picture/v2, priority 3, weight 100, off",
    )
    with pytest.raises(NotFound):
        shop.editing.edit_route("rte_none", changed, ACTOR)


def test_a_route_stays_with_its_provider(shop: Shop):
    shop.editing.add_provider("fal-eu", "fal", ACTOR)
    with pytest.raises(InvalidInput, match="another route"):
        shop.editing.edit_route(shop.route_id, RouteForm("fal-eu", "fal-ai/picture"), ACTOR)


def test_costs_are_appended_and_the_one_in_effect_is_marked(shop: Shop):
    shop.open()
    shop.editing.add_cost(shop.route_id, cost_form(effective_from=NOON, source="new list"), ACTOR)
    shop.editing.add_cost(shop.route_id, cost_form(effective_from=NOON + timedelta(days=9), source="announced"), ACTOR)
    route = shop.editing.read(shop.model_id).routes[0]
    assert [(cost.source, cost.is_live) for cost in route.costs] == [
        ("announced", False),
        ("new list", True),
        ("price list", False),
    ]
    assert route.live_cost is not None
    assert (route.live_cost.rule, route.live_cost.author, route.live_cost.observed_at) == (COST, ACTOR, NOON)
    assert shop.audit()[-1] == ("cost.added", "fal: from 2026-03-10, announced")


def test_of_two_costs_of_one_date_the_later_entry_counts(shop: Shop):
    shop.editing.add_cost(shop.route_id, cost_form(effective_from=NOON, source="mistyped"), ACTOR)
    shop.clock.turn(minutes=1)
    shop.editing.add_cost(shop.route_id, cost_form(effective_from=NOON, source="corrected"), ACTOR)
    live = shop.editing.read(shop.model_id).routes[0].live_cost
    assert live is not None
    assert live.source == "corrected"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"source": " "}, InvalidInput, id="no source"),
        pytest.param({"effective_from": NOON - timedelta(days=31)}, InvalidInput, id="before the present one began"),
        pytest.param({"rule": rule(unit="furlong")}, RuleRefused, id="an unknown unit"),
        pytest.param(
            {"rule": rule(tiers=[{"match": {"size": "big"}, "price": {"perImage": 1}}])},
            RuleRefused,
            id="a parameter the model does not have",
        ),
    ],
)
def test_a_cost_is_checked(shop: Shop, changes: dict[str, Any], error: type[FareboxError]):
    shop.open()
    with pytest.raises(error):
        shop.editing.add_cost(shop.route_id, cost_form(**changes), ACTOR)


def test_the_table_of_models(shop: Shop):
    shop.editing.create(Details("aria", "Aria", "audio"), RouteForm("fal", "fal-ai/aria"), ACTOR)
    shop.open()
    rows = [
        (r.alias, r.enabled, r.live_number, r.providers, r.upstream_model, r.verified) for r in shop.editing.models()
    ]
    assert rows == [
        ("aria", False, 0, ("fal",), "fal-ai/aria", False),
        ("picture", True, 1, ("fal",), "fal-ai/picture", True),
    ]


def test_an_unknown_model_is_said_to_be_unknown(shop: Shop):
    for act in (
        lambda: shop.editing.read("mdl_none"),
        lambda: shop.editing.read_draft("mdl_none"),
        lambda: shop.editing.save_draft("mdl_none", FIRST),
        lambda: shop.editing.preview_publish("mdl_none"),
        lambda: shop.editing.publish("mdl_none", FIRST, "note", ACTOR),
        lambda: shop.editing.enable("mdl_none", ACTOR),
        lambda: shop.editing.disable("mdl_none", ACTOR),
        lambda: shop.editing.rollback("mdl_none", 1, "note", ACTOR),
    ):
        with pytest.raises(NotFound):
            act()


@pytest.mark.parametrize(
    ("modality", "operation"),
    [
        pytest.param("audio", "transcription", id="a transcript"),
        pytest.param("text", "", id="a chat"),
        pytest.param("embedding", "", id="an embedding"),
    ],
)
def test_what_is_answered_at_once_has_no_route_to_a_provider_of_jobs(shop: Shop, modality: str, operation: str) -> None:
    details = Details("scribe", "Scribe", modality, operation=operation)
    with pytest.raises(InvalidInput, match="takes jobs") as refused:
        shop.editing.create(details, RouteForm("fal", "fal-ai/whisper"), ACTOR)
    assert refused.value.param == "provider_id"
