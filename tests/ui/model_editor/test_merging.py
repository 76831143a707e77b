"""Somebody types in the JSON while the form changes it elsewhere: both stay."""

import pytest

from app.ui.pages.model_editor.merging import merged

BEFORE = '{\n  "unit": "image",\n  "price": { "perImage": 10 }\n}'


@pytest.mark.parametrize(
    ("theirs", "typed", "both"),
    [
        pytest.param(BEFORE, BEFORE + " ", BEFORE + " ", id="only typed"),
        pytest.param(BEFORE + " ", BEFORE, BEFORE + " ", id="only changed elsewhere"),
        pytest.param(
            BEFORE.replace("10", "15"),
            BEFORE.replace("image", "second", 1),
            BEFORE.replace("10", "15").replace("image", "second", 1),
            id="typed before what was changed",
        ),
        pytest.param(
            BEFORE.replace("image", "second", 1),
            BEFORE.replace("10 }", '10, "base": 2 }'),
            BEFORE.replace("image", "second", 1).replace("10 }", '10, "base": 2 }'),
            id="typed behind what was changed",
        ),
        pytest.param(
            BEFORE.replace("10", "15"),
            BEFORE.replace("10", "20"),
            BEFORE.replace("10", "20"),
            id="one figure",
        ),
        pytest.param("", BEFORE.replace("10", "20"), BEFORE.replace("10", "20"), id="all of it gone: typing wins"),
        pytest.param("aab", "aaa", "aaa", id="nothing in common"),
    ],
)
def test_two_changes_of_one_text(theirs, typed, both):
    assert merged(BEFORE, theirs, typed) == both


@pytest.mark.parametrize("theirs", ["", "a", "aa", "aaa", "ab", "ba", "aba"])
@pytest.mark.parametrize("typed", ["", "a", "aa", "aaa", "ab", "ba", "aba"])
def test_whatever_was_typed_is_there_when_nothing_else_changed(theirs, typed):
    assert merged("aa", "aa", typed) == typed
    assert merged("aa", theirs, "aa") == theirs
