"""The Parameters tab's handlers."""

from app.ui.pages.model_editor.parameters.state import ParametersState
from app.ui.pages.model_editor.publish.state import PublishState


def test_a_parameter_is_renamed_everywhere(tab):
    tab.call(ParametersState.rename, "output_format", "format")
    assert "format" in [row["name"] for row in tab.editor.parameters.rows]
    assert "format" in [one["param"] for one in tab.rule["attributes"]]
    assert tab.editor.header.errors == 0
    tab.call(ParametersState.rename, "format", "seed")
    assert tab.state(ParametersState).name_problem


def test_a_new_value_of_an_enum_is_a_new_row_of_the_matrix(tab):
    sizes = "square_hd, square, portrait_4_3, portrait_16_9, landscape_4_3, landscape_16_9, wide"
    tab.call(ParametersState.set_field, "image_size", "options", sizes)
    assert "wide" in [line["name"] for line in tab.editor.matrix.lines]


def test_a_wrong_schema_leads_publishing_to_its_line(tab):
    tab.call(ParametersState.set_field, "num_images", "minimum", "nine")
    assert tab.editor.parameters.problems[0]["path"] == "properties.num_images.minimum"
    tab.call(PublishState.open_publish)
    assert not tab.state(PublishState).is_open
    assert tab.editor.tab == "parameters"
