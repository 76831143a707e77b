"""Publishing, signing for a loss, and the way back."""

from app.ui.pages.model_editor.pricing.price_state import PriceState
from app.ui.pages.model_editor.pricing.tier_state import TierState
from app.ui.pages.model_editor.publish.state import PublishState
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.versions.state import VersionsState
from tests.ui.model_editor.tab import Tab, draft, offer


def test_publishing_needs_a_note_and_is_live_at_once(tab, home):
    tab.call(PriceState.set_base, "perImage", "12")
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
    tab.call(PriceState.set_base, "perImage", "12")
    tab.call(PublishState.open_publish)
    tab.call(PublishState.set_note, "Dearer")
    tab.call(PublishState.publish)
    tab.call(PublishState.take_back, tab.editor.model_id, 1)
    assert (offer(home).version_number, offer(home).rule["price"]) == (3, {"perImage": 10})


def test_undo_takes_back_its_own_model_though_the_page_shows_another(tab, home):
    first = tab.editor.model_id
    tab.call(PriceState.set_base, "perImage", "12")
    tab.call(PublishState.open_publish)
    tab.call(PublishState.set_note, "Dearer")
    tab.call(PublishState.publish)
    other = Tab("nano-banana")
    other.call(PublishState.take_back, first, 1)
    assert (offer(home).version_number, offer(home).rule["price"]) == (3, {"perImage": 10})
    assert offer(home, "nano-banana").version_number == 1
    assert other.editor.alias == "nano-banana"
    for number in ("99", "x", -1):
        other.call(PublishState.take_back, first, number)
        other.call(PublishState.take_back, "mdl_nobody", number)
    assert offer(home).version_number == 3


def test_the_shortcut_leaves_an_open_dialog_as_it_is(tab):
    tab.call(PriceState.set_base, "perImage", "12")
    tab.call(PublishState.open_publish)
    tab.call(PublishState.set_note, "Half a sen")
    tab.call(PublishState.open_publish)
    assert tab.state(PublishState).note == "Half a sen"


def test_what_has_become_live_has_no_edge_any_more(tab):
    tab.call(TierState.add_tier)
    assert tab.editor.price.tiers[0]["changed"]
    tab.call(PublishState.open_publish)
    tab.call(PublishState.set_note, "A tier")
    tab.call(PublishState.publish)
    assert not tab.editor.price.tiers[0]["changed"]


def test_a_loss_is_signed_for_by_name(tab, home):
    tab.call(PriceState.set_base, "perImage", "1")
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
    tab.call(PriceState.set_base, "perImage", "12")
    other_draft = draft(home, tab)
    other.call(PriceState.set_base, "perImage", "14")
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
    tab.call(PriceState.set_base, "perImage", "12")
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
