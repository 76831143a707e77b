"""Publishing: what is written down, what is refused, and that a version never changes afterwards."""

from dataclasses import replace
from typing import Any

import pytest

from app.catalogue import editing as module
from app.catalogue.assess import Assessment
from app.catalogue.drafts import Draft
from app.catalogue.provider_access import ProviderForm
from app.catalogue.routes import RouteForm
from app.kernel.errors import Conflict, FareboxError, InvalidInput, NotFound, Rejected, RuleRefused
from tests.catalogue.conftest import ACTOR, FIRST, RULE, SCHEMA, Shop, cost_form, rule

ULTRA_AT_A_LOSS = rule(tiers=[RULE["tiers"][0], {"match": {"quality": "ultra"}, "price": {"perImage": 12}}])
LOSSES = ("quality=ultra, n=1", "quality=ultra, n=2")


def test_a_first_version_records_who_when_why_and_every_price(shop: Shop):
    published = shop.editing.publish(shop.model_id, FIRST, "  First price ", ACTOR)

    version = shop.editing.read(shop.model_id).versions[0]
    assert (published.number, version.number, version.author, version.note) == (1, 1, ACTOR, "First price")
    assert version.published_at == shop.clock.now
    assert version.is_live
    assert len(version.diff) == 6  # quality × n; the format changes nothing
    assert version.diff[0] == {
        "combination": {"quality": "ultra", "n": "1"},
        "kind": "new",
        "old_price": None,
        "new_price": "24",
        "cost": "0.0125",
        "old_margin": None,
        "new_margin": "0.4792",
    }
    assert shop.audit()[-1] == ("model.published", "version 1: First price (0 cheaper, 0 dearer, 0 unchanged)")


def test_a_new_version_keeps_only_what_it_changes_and_the_old_one_stays(shop: Shop):
    shop.open()
    assert shop.publish(pricing_rule=rule(price={"perImage": 12}), note="Standard is dearer") == 2

    newest, oldest = shop.editing.read(shop.model_id).versions
    assert [(row["combination"], row["old_price"], row["new_price"]) for row in newest.diff] == [
        ({"quality": "standard", "n": "1"}, "10", "12"),
        ({"quality": "standard", "n": "2"}, "20", "24"),
    ]
    assert (newest.diff[0]["old_margin"], newest.diff[0]["new_margin"]) == ("0.7000", "0.7500")
    assert (oldest.number, oldest.is_live, oldest.note) == (1, False, "First price")
    assert shop.editing.read_draft(shop.model_id).base_number == 2


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        pytest.param({"pricing_rule": rule(unit="parsec")}, RuleRefused, "rule_refused", id="an unknown unit"),
        pytest.param(
            {"pricing_rule": rule(tiers=[{"match": {"resolution": "4k"}, "price": {"perImage": 1}}])},
            RuleRefused,
            "rule_refused",
            id="a parameter the model does not have",
        ),
        pytest.param({"pricing_rule": '{"type": '}, InvalidInput, "not_json", id="a rule that is not JSON yet"),
        pytest.param({"param_schema": "[]"}, InvalidInput, "not_json", id="parameters that are not an object"),
        pytest.param({"pricing_rule": None}, InvalidInput, "price_missing", id="no price at all"),
        pytest.param(
            {"pricing_rule": None, "credit_cost": "ten"}, InvalidInput, "invalid_input", id="a price that is no number"
        ),
        pytest.param(
            {"pricing_rule": None, "credit_cost": "-1"}, InvalidInput, "invalid_input", id="a negative fixed price"
        ),
        pytest.param({"note": "  "}, InvalidInput, "invalid_input", id="no note"),
        pytest.param({}, Conflict, "draft_unchanged", id="nothing changed"),
        pytest.param({"base_number": 0}, Conflict, "version_stale", id="somebody published meanwhile"),
        pytest.param({"pricing_rule": ULTRA_AT_A_LOSS}, Rejected, "sign_off_needed", id="a loss nobody signed for"),
        pytest.param(
            {"pricing_rule": rule(unit="second", price={"perSecond": 1}, tiers=[])},
            Conflict,
            "unpriced_combination",
            id="a unit the parameters say nothing about",
        ),
    ],
)
def test_publishing_refuses(shop: Shop, changes: dict[str, Any], error: type[FareboxError], code: str):
    shop.open()
    with pytest.raises(error) as refused:
        shop.publish(**changes)

    assert refused.value.stable_code == code
    assert [version.number for version in shop.editing.read(shop.model_id).versions] == [1]
    assert shop.offers.find("picture").version_number == 1


@pytest.mark.one_engine
def test_two_rival_sets_are_shown_with_the_combination(shop: Shop):
    rivals = [{"param": "quality", "is": "high", "set": 1}, {"param": "n", "is": 2, "set": 2}]
    with pytest.raises(FareboxError, match="quality"):
        shop.editing.publish(shop.model_id, replace(FIRST, pricing_rule=rule(attributes=rivals)), "Rivals", ACTOR)


def test_a_loss_is_published_when_exactly_its_combinations_are_signed(shop: Shop):
    shop.open()
    assert shop.publish(pricing_rule=ULTRA_AT_A_LOSS, sign_off=LOSSES) == 2

    version = shop.editing.read(shop.model_id).versions[0]
    assert version.sign_off == {"by": ACTOR, "at": shop.clock.now.isoformat(), "combinations": sorted(LOSSES)}
    assert "loss accepted: quality=ultra, n=1, quality=ultra, n=2" in shop.audit()[-1][1]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("signed", "unsigned", "surplus"),
    [
        pytest.param((), list(LOSSES), [], id="nothing"),
        pytest.param(LOSSES[:1], [LOSSES[1]], [], id="one of two"),
        pytest.param((*LOSSES, "quality=high, n=1"), [], ["quality=high, n=1"], id="one too many"),
    ],
)
def test_a_sign_off_names_the_losing_combinations_and_no_others(
    shop: Shop, signed: tuple[str, ...], unsigned: list[str], surplus: list[str]
):
    shop.open()
    with pytest.raises(Rejected) as refused:
        shop.publish(pricing_rule=ULTRA_AT_A_LOSS, sign_off=signed)
    assert refused.value.stable_code == "sign_off_needed"
    assert refused.value.details == {"combinations": list(LOSSES), "unsigned": unsigned, "surplus": surplus}


@pytest.mark.one_engine
def test_a_loss_on_a_second_route_counts_too(shop: Shop):
    second = shop.editing.add_route(shop.model_id, RouteForm("fal", "fal-ai/picture/dear", priority=1), ACTOR)
    dear = {"type": "formula", "unit": "image", "price": {"perImage": 0.011}}
    shop.editing.add_cost(second, cost_form(rule=dear), ACTOR)
    with pytest.raises(Rejected) as refused:
        shop.editing.publish(shop.model_id, FIRST, "First price", ACTOR)
    assert refused.value.details["unsigned"] == ["quality=standard, n=1 at fal", "quality=standard, n=2 at fal"]


@pytest.mark.one_engine
def test_a_preview_counts_and_sorts_by_the_worst_new_margin(shop: Shop):
    shop.open()
    tiers = [
        {"match": {"quality": "high"}, "price": {"perImage": 14}},
        {"match": {"quality": "ultra"}, "price": {"perImage": 12}},
    ]
    draft = replace(shop.editing.read_draft(shop.model_id), pricing_rule=rule(price={"perImage": 11}, tiers=tiers))
    preview = shop.editing.preview_publish(shop.model_id, draft)

    assert (preview.cheaper, preview.dearer, preview.unchanged) == (4, 2, 0)
    assert [change.key for change in preview.changes] == [
        "quality=ultra, n=1",
        "quality=ultra, n=2",
        "quality=standard, n=1",
        "quality=standard, n=2",
        "quality=high, n=1",
        "quality=high, n=2",
    ]
    assert [change.key for change in preview.losses] == list(LOSSES)
    assert _percent(preview) == ("63.0", "50.0")
    assert preview.costed is not None
    assert preview.costed.provider_name == "fal"


def _percent(preview: Assessment) -> tuple[str, str]:
    assert preview.margin_before is not None
    assert preview.margin_after is not None
    return f"{float(preview.margin_before) * 100:.1f}", f"{float(preview.margin_after) * 100:.1f}"


@pytest.mark.one_engine
def test_a_preview_of_the_saved_draft_changes_nothing(shop: Shop):
    shop.open()
    shop.editing.save_draft(
        shop.model_id, replace(shop.editing.read_draft(shop.model_id), pricing_rule=ULTRA_AT_A_LOSS)
    )
    before = shop.audit()
    assert shop.editing.preview_publish(shop.model_id).cheaper == 2
    assert shop.audit() == before
    assert shop.offers.find("picture").version_number == 1


@pytest.mark.one_engine
def test_a_value_that_was_not_offered_before_has_no_price_before(shop: Shop):
    shop.open()
    properties = SCHEMA["properties"]
    wider = {**properties, "quality": {**properties["quality"], "enum": ["standard", "high", "ultra", "draft"]}}
    assert shop.publish(param_schema={**SCHEMA, "properties": wider}) == 2
    newest = shop.editing.read(shop.model_id).versions[0]
    assert {(row["kind"], row["combination"]["quality"], row["old_price"]) for row in newest.diff} == {
        ("new", "draft", None)
    }


@pytest.mark.one_engine
def test_a_cost_that_does_not_fit_the_new_parameters_stops_the_publication(shop: Shop):
    shop.open()
    properties = {name: value for name, value in SCHEMA["properties"].items() if name != "quality"}
    with pytest.raises(RuleRefused) as refused:
        shop.publish(param_schema={**SCHEMA, "properties": properties}, pricing_rule=rule(tiers=[]))
    assert refused.value.stable_code == "cost_misfit"


def test_a_rollback_is_a_new_version_with_the_old_price(shop: Shop):
    shop.open()
    shop.publish(pricing_rule=rule(price={"perImage": 12}))
    back = shop.editing.rollback(shop.model_id, 1, "Back to ten", ACTOR)

    newest = shop.editing.read(shop.model_id).versions[0]
    assert (back.number, newest.number, newest.restores_number) == (3, 3, 1)
    assert shop.offers.find("picture").rule == RULE
    assert shop.audit()[-1][1].startswith("version 3, as version 1 was: Back to ten")


@pytest.mark.one_engine
def test_a_rollback_to_what_is_live_or_never_was_is_refused(shop: Shop):
    shop.open()
    with pytest.raises(Conflict) as same:
        shop.editing.rollback(shop.model_id, 1, "Again", ACTOR)
    assert same.value.stable_code == "draft_unchanged"
    with pytest.raises(NotFound):
        shop.editing.rollback(shop.model_id, 9, "Nine", ACTOR)


@pytest.mark.one_engine
def test_a_rollback_into_a_loss_needs_a_sign_off(shop: Shop):
    shop.open()
    shop.publish(pricing_rule=rule(price={"perImage": 40}))
    dearer = {"type": "formula", "unit": "image", "price": {"perImage": 0.0155}}
    shop.editing.add_cost(shop.route_id, cost_form(rule=dearer, effective_from=shop.clock.now), ACTOR)
    with pytest.raises(Rejected) as refused:
        shop.editing.rollback(shop.model_id, 1, "Back to ten", ACTOR)
    signed = refused.value.details["unsigned"]
    assert signed == ["quality=standard, n=1", "quality=standard, n=2"]
    assert shop.editing.rollback(shop.model_id, 1, "Back to ten", ACTOR, sign_off=signed).number == 3


def test_enabling_needs_a_price_and_a_provider_with_a_key(shop: Shop):
    with pytest.raises(Conflict, match="Publish a price first"):
        shop.editing.enable(shop.model_id, ACTOR)
    shop.editing.publish(shop.model_id, FIRST, "First price", ACTOR)
    keyless = ProviderForm("fal", "https://queue.fal.run", api_key="")
    shop.editing.save_provider("fal", keyless, ACTOR)
    with pytest.raises(Conflict) as refused:
        shop.editing.enable(shop.model_id, ACTOR)
    assert refused.value.stable_code == "no_route"
    shop.editing.save_provider("fal", replace(keyless, api_key="key-0123456789"), ACTOR)
    shop.editing.enable(shop.model_id, ACTOR)
    assert shop.audit()[-1] == ("model.enabled", "version 1")


@pytest.mark.one_engine
def test_enabling_at_a_cost_that_rose_above_the_price_needs_a_sign_off(shop: Shop):
    shop.editing.publish(shop.model_id, FIRST, "First price", ACTOR)
    dearer = {"type": "formula", "unit": "image", "price": {"perImage": 0.011}}
    shop.editing.add_cost(shop.route_id, cost_form(rule=dearer, effective_from=shop.clock.now), ACTOR)
    with pytest.raises(Rejected) as refused:
        shop.editing.enable(shop.model_id, ACTOR)
    signed = refused.value.details["unsigned"]
    shop.editing.enable(shop.model_id, ACTOR, sign_off=signed)
    assert shop.audit()[-1] == (
        "model.enabled",
        "version 1; loss accepted: quality=standard, n=1, quality=standard, n=2",
    )


@pytest.mark.one_engine
def test_enabling_accepts_what_the_version_was_signed_for(shop: Shop):
    draft = replace(FIRST, pricing_rule=ULTRA_AT_A_LOSS)
    shop.editing.publish(shop.model_id, draft, "First price", ACTOR, sign_off=LOSSES)
    shop.editing.enable(shop.model_id, ACTOR)
    assert shop.offers.find("picture").enabled


@pytest.mark.one_engine
def test_a_fixed_price_is_published_in_micro_credits(shop: Shop):
    draft = Draft(SCHEMA, "12.5", None, base_number=0)
    with pytest.raises(Rejected):  # two ultra images cost more than a fixed price brings
        shop.editing.publish(shop.model_id, draft, "One price", ACTOR)
    shop.editing.publish(shop.model_id, draft, "One price", ACTOR, sign_off=["quality=ultra, n=2"])
    shop.editing.enable(shop.model_id, ACTOR)
    offer = shop.offers.find("picture")
    assert (offer.credit_cost_micros, offer.rule) == (12_500_000, None)


def test_an_assessment_that_was_overtaken_is_made_again(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """Between looking and writing another operator renames the model: the act still lands, on the fresh row."""
    shop.editing.publish(shop.model_id, FIRST, "First price", ACTOR)
    looked: list[Assessment] = []
    assess_live = module.assess_live

    def look_and_be_overtaken(session: Any, model_id: str, *rest: Any) -> Assessment:
        looked.append(assess_live(session, model_id, *rest))
        if len(looked) == 1:
            page = shop.editing.read(model_id)
            shop.editing.edit_details(model_id, replace(page.details, title="Another title"), "usr_other")
        return looked[-1]

    monkeypatch.setattr(module, "assess_live", look_and_be_overtaken)
    shop.editing.enable(shop.model_id, ACTOR)
    assert len(looked) == 2
    assert shop.offers.find("picture").title == "Another title"
