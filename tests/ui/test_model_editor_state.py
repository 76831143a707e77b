"""The editor's handlers: drafts are saved as typed, nothing is live before publishing, and all can be undone."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import services as building
from app.accounts.identity import Who
from app.ui.guard import acting_as
from app.ui.pages.model_editor.details_state import DetailsState
from app.ui.pages.model_editor.offering import OfferState
from app.ui.pages.model_editor.parameters_state import ParametersState
from app.ui.pages.model_editor.pricing_state import PricingState
from app.ui.pages.model_editor.publish_state import PublishState
from app.ui.pages.model_editor.routing_state import RoutingState
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.versions_tab import VersionsState
from tests.support.house import House, house, settings_for
from tests.ui.tabs import new_tab


@pytest.fixture
def home(seeded_sqlite: Path, sandbox_url: str, tmp_path: Path) -> Iterator[House]:
    """The seed catalogue; the pages find these services."""
    shutil.copyfile(seeded_sqlite, tmp_path / "farebox.sqlite")
    before = building._current
    with house(settings_for(tmp_path / "home", f"sqlite:///{tmp_path / 'farebox.sqlite'}", sandbox_url)) as built:
        building.install(built.services)
        yield built
    building._current = before


@pytest.fixture
def operator(home: House) -> Iterator[Who]:
    made = home.services.accounts.people.create_operator("tomas@farebox.example", "Tomas Reyes", "a long password 1")
    who = Who(made.id, made.name, made.email, True, None, None, None)
    with acting_as(who):
        yield who


class Tab:
    """The page of one model in one browser tab."""

    def __init__(self, alias: str, tab: str = "pricing") -> None:
        self.tree = new_tab("operator", f"/admin/models/{alias}", "/admin/models/[id]").tree
        self.call(EditorState.load)
        if tab != "pricing":
            self.call(EditorState.choose_tab, tab)

    def state(self, kind: Any) -> Any:
        return self.tree.get_substate(kind.get_full_name().split("."))

    def call(self, handler: Any, *arguments: Any) -> Any:
        """Run a handler as its event would; answers what it returns."""

        async def run() -> Any:
            made = handler.fn(self.state(handler.state), *arguments)
            if hasattr(made, "__aiter__"):
                return [one async for one in made]
            return await made if asyncio.iscoroutine(made) else made

        return asyncio.run(run())

    @property
    def editor(self) -> Any:
        return self.state(EditorState)

    @property
    def rule(self) -> Any:
        return json.loads(self.editor.rule_text)


@pytest.fixture
def tab(operator: Who) -> Tab:
    return Tab("flux-schnell")


def offer(home: House, alias: str = "flux-schnell") -> Any:
    return home.services.offers.find(alias)


def draft(home: House, tab: Tab) -> Any:
    return home.services.editing.read_draft(tab.editor.model_id)


# ---- drafts ----


def test_the_page_starts_from_what_is_live(tab):
    assert (tab.editor.alias, tab.editor.draft_words, tab.editor.errors) == ("flux-schnell", "live v1", 0)
    assert tab.editor.total == "24 combinations"
    assert not tab.editor.has_draft


def test_a_change_is_kept_and_nothing_is_live(tab, home):
    tab.call(PricingState.set_base, "perImage", "12")
    assert draft(home, tab).pricing_rule["price"] == {"perImage": 12}
    assert offer(home).rule["price"] == {"perImage": 10}
    assert tab.editor.draft_words.startswith("Draft v2, saved ")
    assert Tab("flux-schnell").editor.base[0]["value"] == "12"  # a reload comes back to it


def test_text_that_is_not_json_survives_a_reload_letter_by_letter(tab, home):
    tab.call(PricingState.type_rule, '{\n  "type": "formula"\n  oops')
    again = Tab("flux-schnell").editor
    assert again.rule_text == '{\n  "type": "formula"\n  oops'
    assert (again.errors, again.readable) == (1, False)
    assert again.lines  # the matrix goes on, with the live version


def test_going_back_to_what_is_live_leaves_no_draft(tab, home):
    tab.call(PricingState.set_base, "perImage", "12")
    tab.call(PricingState.set_base, "perImage", "10")
    assert draft(home, tab).saved_at is None
    assert tab.editor.draft_words == "live v1"


def test_steps_can_be_taken_back_one_by_one(tab):
    tab.call(PricingState.set_base, "perImage", "12")
    tab.call(PricingState.add_tier)
    assert len(tab.editor.tiers) == 1
    tab.call(EditorState.undo)
    assert (len(tab.editor.tiers), tab.editor.base[0]["value"]) == (0, "12")
    tab.call(EditorState.undo)
    assert (tab.editor.base[0]["value"], tab.editor.can_undo) == ("10", False)


def test_a_discarded_draft_can_be_had_back(tab, home):
    tab.call(PricingState.set_base, "perImage", "12")
    tab.call(EditorState.discard)
    assert (draft(home, tab).saved_at, tab.editor.base[0]["value"]) == (None, "10")
    tab.call(EditorState.undo)
    assert draft(home, tab).pricing_rule["price"] == {"perImage": 12}


def test_an_unknown_model_is_said(operator):
    assert Tab("no-such-model").editor.missing


# ---- the visual editor and the JSON ----


def test_both_ways(tab):
    tab.call(PricingState.add_tier)
    assert tab.rule["tiers"][0]["match"] == {"image_size": "square_hd"}
    text = tab.editor.rule_text.replace('"square_hd" },', '"square" },', 1)
    tab.call(PricingState.type_rule, text)
    assert tab.editor.tiers[0]["conditions"][0]["shown"] == "square"
    assert tab.editor.rule_text == text  # what is typed is never laid out anew


def test_a_condition_goes_through_its_operators(tab):
    tab.call(PricingState.add_tier)
    where = ("tiers", 0, "image_size")
    tab.call(PricingState.set_operator, *where, "any")
    tab.call(PricingState.toggle_value, *where, '"square"', True)
    assert tab.rule["tiers"][0]["match"]["image_size"] == ["square_hd", "square"]
    tab.call(PricingState.toggle_value, *where, '"square_hd"', False)
    tab.call(PricingState.toggle_value, *where, '"square"', False)  # the last one stays
    assert tab.rule["tiers"][0]["match"]["image_size"] == ["square"]
    tab.call(PricingState.add_condition, 0, "num_inference_steps")
    steps = ("tiers", 0, "num_inference_steps")
    tab.call(PricingState.set_operator, *steps, "between")
    tab.call(PricingState.set_end, *steps, "high", "8")
    assert tab.rule["tiers"][0]["match"]["num_inference_steps"] == {"gte": 4, "lte": 8}
    tab.call(PricingState.set_operator, *steps, "is")
    assert tab.rule["tiers"][0]["match"]["num_inference_steps"] == 4
    tab.call(PricingState.remove_condition, 0, "num_inference_steps")
    assert tab.editor.errors == 0


def test_an_effect_is_chosen_before_its_figure(tab):
    tab.call(PricingState.choose_effect, "image_size", '"square"', "add", "multiply")
    row = next(row for row in tab.editor.groups[0]["rows"] if row["label"] == "square")
    assert row["effect"] == "multiply"
    assert "square" not in [one["is"] for one in tab.rule["attributes"]]
    tab.call(PricingState.set_effect, "image_size", '"square"', "multiply", "", "0.8")
    assert {"param": "image_size", "is": "square", "multiply": 0.8} in tab.rule["attributes"]
    tab.call(PricingState.choose_effect, "image_size", '"square"', "multiply", "addFlat")
    assert {"param": "image_size", "is": "square", "addFlat": 0.8} in tab.rule["attributes"]


def test_a_problem_is_fixed_by_its_button(tab):
    wrong = {**tab.rule, "tiers": [{"match": {"image_sise": "square"}, "price": {"perImage": 20}}]}
    tab.call(PricingState.type_rule, json.dumps(wrong))
    assert tab.editor.rule_problems[0]["fix"] == "Use image_size"
    tab.call(PricingState.fix_problem, tab.editor.rule_problems[0]["id"])
    assert (tab.editor.errors, tab.rule["tiers"][0]["match"]) == (0, {"image_size": "square"})


def test_a_loss_is_repaired_by_its_button(tab):
    tab.call(PricingState.set_base, "perImage", "1")
    assert tab.editor.losses
    tab.call(PricingState.fix_finding, tab.editor.findings[0]["fixes"][0]["id"])
    assert tab.editor.losses == 0


def test_the_formula_is_kept_aside_while_the_price_is_fixed(tab):
    before = tab.editor.rule_text
    tab.call(PricingState.choose_kind, "fixed")
    assert tab.editor.credit_problem
    tab.call(PricingState.set_credit_cost, "7")
    assert (tab.editor.errors, tab.editor.lines[0]["cells"][0]["price"]) == (0, "7")
    tab.call(PricingState.choose_kind, "formula")
    assert tab.editor.rule_text == before


def test_cost_plus_writes_a_rule_that_earns_its_markup(tab):
    tab.call(PricingState.type_markup, "2")
    tab.call(PricingState.write_cost_plus)
    assert tab.rule["price"] == {"perMegapixel": 6}
    assert tab.editor.lines[0]["cells"][0]["margin"] == "50.0%"
    tab.call(PricingState.type_markup, "none")
    tab.call(PricingState.write_cost_plus)
    assert tab.state(PricingState).markup_problem


def test_a_cell_is_loaded_into_the_calculator(tab):
    cell = tab.editor.lines[0]["cells"][1]
    tab.call(PricingState.pick_cell, cell["key"])
    assert tab.editor.calc_credits == cell["price"]
    assert {row["name"]: row["value"] for row in tab.editor.calc_rows}["output_format"] == '"png"'


@pytest.mark.parametrize(
    ("handler", "arguments"),
    [
        (PricingState.remove_tier, ("x",)),
        (PricingState.remove_tier, (99,)),
        (PricingState.move_tier, (0, "-5")),
        (PricingState.set_unit, ("parsec",)),
        (PricingState.set_billing, ({"a": 1},)),
        (PricingState.set_end, ("nowhere", 0, "x", "low", "1")),
        (PricingState.set_operator, ("tiers", 7, "x", "is")),
        (PricingState.toggle_value, ("tiers", 0, "x", "[[[", True)),
        (PricingState.choose_effect, ("a", "{", "b", "c")),
        (PricingState.fix_problem, ("rule|x",)),
        (PricingState.fix_finding, ([],)),
        (PricingState.pick_cell, ("[1]",)),
        (PricingState.choose_cost, ("9999",)),
        (PricingState.pick_facet, ("num_images", "{}")),
        (PricingState.set_calc, ("prompt", "x" * 9999)),
        (EditorState.choose_tab, ("secrets",)),
        (ParametersState.move, ("prompt", "x")),
        (ParametersState.set_kind, ("prompt", None)),
        (PublishState.choose_filter, ("everything",)),
    ],
)
def test_whatever_a_socket_sends_changes_nothing(tab, handler, arguments):
    before = tab.editor.rule_text, tab.editor.schema_text
    tab.call(handler, *arguments)
    assert (tab.editor.rule_text, tab.editor.schema_text) == before


# ---- parameters ----


def test_a_parameter_is_renamed_everywhere(tab):
    tab.call(ParametersState.rename, "output_format", "format")
    assert "format" in [row["name"] for row in tab.editor.parameters]
    assert "format" in [one["param"] for one in tab.rule["attributes"]]
    assert tab.editor.errors == 0
    tab.call(ParametersState.rename, "format", "seed")
    assert tab.state(ParametersState).name_problem


def test_a_new_value_of_an_enum_is_a_new_row_of_the_matrix(tab):
    sizes = "square_hd, square, portrait_4_3, portrait_16_9, landscape_4_3, landscape_16_9, wide"
    tab.call(ParametersState.set_field, "image_size", "options", sizes)
    assert "wide" in [line["name"] for line in tab.editor.lines]


def test_a_wrong_schema_leads_publishing_to_its_line(tab):
    tab.call(ParametersState.set_field, "num_images", "minimum", "nine")
    assert tab.editor.schema_problems[0]["path"] == "properties.num_images.minimum"
    tab.call(PublishState.open_publish)
    assert not tab.state(PublishState).is_open
    assert tab.editor.tab == "parameters"


# ---- publishing ----


def test_publishing_needs_a_note_and_is_live_at_once(tab, home):
    tab.call(PricingState.set_base, "perImage", "12")
    tab.call(PublishState.open_publish)
    dialog = tab.state(PublishState)
    assert (dialog.assessed.dearer, dialog.assessed.cheaper) == ("24", "0")
    tab.call(PublishState.publish)
    assert dialog.note_problem
    assert dialog.is_open
    tab.call(PublishState.set_note, "Storage costs more")
    tab.call(PublishState.publish)
    assert offer(home).rule["price"] == {"perImage": 12}
    assert (tab.editor.draft_words, dialog.is_open) == ("live v2", False)


def test_undo_brings_the_version_before_back_as_a_new_one(tab, home):
    tab.call(PricingState.set_base, "perImage", "12")
    tab.call(PublishState.open_publish)
    tab.call(PublishState.set_note, "Dearer")
    tab.call(PublishState.publish)
    tab.call(PublishState.take_back, 1)
    assert (offer(home).version_number, offer(home).rule["price"]) == (3, {"perImage": 10})


def test_a_loss_is_signed_for_by_name(tab, home):
    tab.call(PricingState.set_base, "perImage", "1")
    tab.call(PublishState.open_publish)
    dialog = tab.state(PublishState)
    assert dialog.assessed.losses
    tab.call(PublishState.set_note, "A week of giving away")
    tab.call(PublishState.publish)
    assert dialog.sign_problem
    assert offer(home).version_number == 1
    tab.call(PublishState.sign, True)
    tab.call(PublishState.publish)
    assert offer(home).version_number == 2
    signed = home.services.editing.read(tab.editor.model_id).versions[0].sign_off
    assert signed is not None
    assert set(signed["combinations"]) == {one["key"] for one in dialog.assessed.losses}


def test_a_version_published_meanwhile_is_not_overrun(tab, home):
    other = Tab("flux-schnell")
    tab.call(PricingState.set_base, "perImage", "12")
    other_draft = draft(home, tab)
    other.call(PricingState.set_base, "perImage", "14")
    other.call(PublishState.open_publish)
    other.call(PublishState.set_note, "Fourteen")
    other.call(PublishState.publish)
    home.services.editing.save_draft(tab.editor.model_id, other_draft)
    late = Tab("flux-schnell")
    assert "Version 2 was published meanwhile" in late.editor.stale_words
    late.call(PublishState.open_publish)
    assert late.state(PublishState).is_stale
    late.call(PublishState.continue_on_top)
    late.call(PublishState.set_note, "Twelve after all")
    late.call(PublishState.publish)
    assert (offer(home).version_number, offer(home).rule["price"]) == (3, {"perImage": 12})


def test_an_old_version_is_looked_at_and_restored(tab, home):
    tab.call(PricingState.set_base, "perImage", "12")
    tab.call(PublishState.open_publish)
    tab.call(PublishState.set_note, "Dearer")
    tab.call(PublishState.publish)
    tab.call(EditorState.choose_tab, "versions")
    tab.call(VersionsState.load_versions)
    versions = tab.state(VersionsState)
    assert [(row["label"], row["author"]) for row in versions.versions] == [("v2", "Tomas Reyes"), ("v1", "seed")]
    assert [line["text"].strip() for line in versions.diff if line["kind"] == "added"] == [
        '"price": { "perImage": 12 },'
    ]
    assert len(versions.past) == 24
    tab.call(PublishState.open_restore, 1)
    assert tab.state(PublishState).act == "Publish version 1 as 3"
    tab.call(PublishState.publish)
    assert offer(home).rule["price"] == {"perImage": 10}


# ---- details, offering, routes ----


def test_details_are_saved_at_once_and_refused_by_field(tab, home):
    tab.call(DetailsState.load_details)
    details = tab.state(DetailsState)
    assert (details.form["upstream"], details.form["per_minute"]) == ("fal-ai/flux/schnell", "60")
    tab.call(DetailsState.set_value, "alias", "Not An Alias")
    tab.call(DetailsState.save)
    assert details.wrong["alias"]
    tab.call(DetailsState.set_value, "alias", "flux-fast")
    tab.call(DetailsState.set_value, "per_day", "500")
    tab.call(DetailsState.save)
    assert not any(details.wrong.values())
    assert offer(home, "flux-fast").limits.credits_per_day_micros == 500_000_000
    tab.call(DetailsState.set_value, "at_once", "many")
    tab.call(DetailsState.save)
    assert details.wrong["at_once"]


def test_switching_off_is_asked_for_and_switching_on_is_checked(tab, home):
    offering = tab.state(OfferState)
    tab.call(OfferState.ask, tab.editor.model_id, False)
    assert offering.is_open
    assert offer(home).enabled
    tab.call(OfferState.confirm)
    assert not home.services.editing.read(tab.editor.model_id).enabled
    tab.call(RoutingState.load_routes)
    tab.call(RoutingState.switch_route, tab.state(RoutingState).routes[0]["route_id"], False)
    tab.call(OfferState.ask, tab.editor.model_id, True)
    assert "No provider can serve" in offering.refusal
    tab.call(RoutingState.switch_route, tab.state(RoutingState).routes[0]["route_id"], True)
    tab.call(OfferState.ask, tab.editor.model_id, True)
    assert offer(home).enabled


def test_a_cost_is_checked_before_it_is_appended(tab, home):
    tab.call(RoutingState.load_routes)
    routing = tab.state(RoutingState)
    route_id = routing.routes[0]["route_id"]
    tab.call(RoutingState.new_cost, route_id)
    assert routing.cost_said == "$0.003 per megapixel"
    tab.call(RoutingState.type_cost, '{"type": "formula", "unit": "megapixel", "price": {"perMegapixel": "x"}}')
    tab.call(RoutingState.save_cost)
    assert routing.cost_problems[0]["path"] == "price.perMegapixel"
    assert routing.cost_open
    tab.call(RoutingState.type_cost, '{"type": "formula", "unit": "megapixel", "price": {"perMegapixel": 0.02}}')
    tab.call(RoutingState.set_cost, "source", "An invoice")
    tab.call(RoutingState.save_cost)
    assert not routing.cost_open
    assert [row["words"] for row in routing.routes[0]["costs"]] == ["$0.020 per megapixel", "$0.003 per megapixel"]
    assert tab.editor.losses  # the matrix knows the new cost at once


def test_a_route_is_added_with_its_names(tab, home):
    tab.call(RoutingState.load_routes)
    tab.call(RoutingState.edit_route, "")
    tab.call(RoutingState.set_route, "provider", "replicate")
    tab.call(RoutingState.set_route, "upstream", "black-forest-labs/flux-schnell")
    tab.call(RoutingState.set_mapping, "image_size", "aspect_ratio")
    tab.call(RoutingState.leave_out, "seed", True)
    tab.call(RoutingState.set_route, "rest", '{"constants": {"go_fast": true}}')
    tab.call(RoutingState.save_route)
    added = home.services.editing.read(tab.editor.model_id).routes[-1].form
    assert added.provider_id == "replicate"
    assert dict(added.mapping) == {"image_size": "aspect_ratio", "seed": None}
    assert dict(added.settings) == {"constants": {"go_fast": True}}
    tab.call(RoutingState.edit_route, "")
    tab.call(RoutingState.set_route, "upstream", "../escape")
    tab.call(RoutingState.save_route)
    assert tab.state(RoutingState).route_problem
