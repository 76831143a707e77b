"""What is not part of a draft takes effect when it is saved: details, offering, routes, costs."""

from app.ui.pages.model_editor.details.state import DetailsState
from app.ui.pages.model_editor.offering import OfferState
from app.ui.pages.model_editor.routing.cost_state import CostState
from app.ui.pages.model_editor.routing.route_state import RouteState
from app.ui.pages.model_editor.routing.state import RoutesState
from tests.ui.model_editor.tab import offer


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


def test_what_a_model_does_is_chosen_where_its_modality_leaves_a_choice(tab, home):
    tab.call(DetailsState.load_details)
    details = tab.state(DetailsState)
    assert details.form["operation"] == "images"
    tab.call(DetailsState.set_value, "modality", "audio")
    assert details.form["operation"] == "speech"
    tab.call(DetailsState.set_value, "operation", "transcription")
    tab.call(DetailsState.save)
    assert offer(home).operation == "transcription"
    tab.call(DetailsState.set_value, "operation", "chat")
    tab.call(DetailsState.save)
    assert details.wrong["operation"]


def test_switching_off_is_asked_for_and_switching_on_is_checked(tab, home):
    offering = tab.state(OfferState)
    tab.call(OfferState.ask, tab.editor.model_id, False)
    assert offering.is_open
    assert offer(home).enabled
    tab.call(OfferState.confirm)
    assert not home.services.editing.read(tab.editor.model_id).enabled
    tab.call(RoutesState.load_routes)
    tab.call(RoutesState.switch_route, tab.state(RoutesState).routes[0]["route_id"], False)
    tab.call(OfferState.ask, tab.editor.model_id, True)
    assert "No provider can serve" in offering.refusal
    tab.call(RoutesState.switch_route, tab.state(RoutesState).routes[0]["route_id"], True)
    tab.call(OfferState.ask, tab.editor.model_id, True)
    assert offer(home).enabled


def test_a_cost_is_checked_before_it_is_appended(tab, home):
    tab.call(RoutesState.load_routes)
    routing = tab.state(CostState)
    route_id = routing.routes[0]["route_id"]
    tab.call(CostState.new_cost, route_id)
    assert routing.cost_said == "$0.003 per megapixel"
    tab.call(CostState.type_cost, '{"type": "formula", "unit": "megapixel", "price": {"perMegapixel": "x"}}')
    tab.call(CostState.save_cost)
    assert routing.cost_problems[0]["path"] == "price.perMegapixel"
    assert routing.cost_open
    tab.call(CostState.type_cost, '{"type": "formula", "unit": "megapixel", "price": {"perMegapixel": 0.02}}')
    tab.call(CostState.set_cost, "source", "An invoice")
    tab.call(CostState.save_cost)
    assert not routing.cost_open
    assert [row["words"] for row in routing.routes[0]["costs"]] == ["$0.020 per megapixel", "$0.003 per megapixel"]
    assert tab.editor.header.losses  # the matrix knows the new cost at once


def test_a_route_is_added_with_its_names(tab, home):
    tab.call(RoutesState.load_routes)
    tab.call(RouteState.edit_route, "")
    tab.call(RouteState.set_route, "provider", "replicate")
    tab.call(RouteState.set_route, "upstream", "black-forest-labs/flux-schnell")
    tab.call(RouteState.set_mapping, "image_size", "aspect_ratio")
    tab.call(RouteState.leave_out, "seed", True)
    tab.call(RouteState.set_route, "rest", '{"constants": {"go_fast": true}}')
    tab.call(RouteState.save_route)
    added = home.services.editing.read(tab.editor.model_id).routes[-1].form
    assert added.provider_id == "replicate"
    assert dict(added.mapping) == {"image_size": "aspect_ratio", "seed": None}
    assert dict(added.settings) == {"constants": {"go_fast": True}}
    tab.call(RouteState.edit_route, "")
    tab.call(RouteState.set_route, "upstream", "../escape")
    tab.call(RouteState.save_route)
    assert tab.state(RouteState).route_problem
