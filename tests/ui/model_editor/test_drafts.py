"""Drafts are saved as they are typed, nothing is live before publishing, and every step can be taken back."""

from app.ui.pages.model_editor.pricing.price_state import PriceState
from app.ui.pages.model_editor.pricing.rule_state import RuleState
from app.ui.pages.model_editor.pricing.tier_state import TierState
from app.ui.pages.model_editor.state import EditorState
from tests.ui.model_editor.tab import Tab, draft, offer


def test_the_page_starts_from_what_is_live(tab):
    assert (tab.editor.alias, tab.editor.draft_words, tab.editor.header.errors) == ("flux-schnell", "live v1", 0)
    assert tab.editor.matrix.total == "24 combinations"
    assert not tab.editor.has_draft


def test_a_change_is_kept_and_nothing_is_live(tab, home):
    tab.call(PriceState.set_base, "perImage", "12")
    assert draft(home, tab).pricing_rule["price"] == {"perImage": 12}
    assert offer(home).rule["price"] == {"perImage": 10}
    assert tab.editor.draft_words.startswith("Draft v2, saved ")
    assert Tab("flux-schnell").editor.price.base[0]["value"] == "12"  # a reload comes back to it


def test_text_that_is_not_json_survives_a_reload_letter_by_letter(tab, home):
    tab.call(RuleState.type_rule, '{\n  "type": "formula"\n  oops')
    again = Tab("flux-schnell").editor
    assert again.rule_text == '{\n  "type": "formula"\n  oops'
    assert (again.header.errors, again.price.readable) == (1, False)
    assert again.matrix.lines  # the matrix goes on, with the live version


def test_going_back_to_what_is_live_leaves_no_draft(tab, home):
    tab.call(PriceState.set_base, "perImage", "12")
    tab.call(PriceState.set_base, "perImage", "10")
    assert draft(home, tab).saved_at is None
    assert tab.editor.draft_words == "live v1"


def test_steps_can_be_taken_back_one_by_one(tab):
    tab.call(PriceState.set_base, "perImage", "12")
    tab.call(TierState.add_tier)
    assert len(tab.editor.price.tiers) == 1
    tab.call(EditorState.undo)
    assert (len(tab.editor.price.tiers), tab.editor.price.base[0]["value"]) == (0, "12")
    tab.call(EditorState.undo)
    assert (tab.editor.price.base[0]["value"], tab.editor.can_undo) == ("10", False)


def test_a_discarded_draft_can_be_had_back(tab, home):
    tab.call(PriceState.set_base, "perImage", "12")
    tab.call(EditorState.discard)
    assert (draft(home, tab).saved_at, tab.editor.price.base[0]["value"]) == (None, "10")
    tab.call(EditorState.undo)
    assert draft(home, tab).pricing_rule["price"] == {"perImage": 12}


def test_an_unknown_model_is_said(operator):
    assert Tab("no-such-model").editor.missing
