"""The playground's own controls, which keep to themselves what need not go to the server (`assets/*.jsx`)."""

from typing import Any

import reflex as rx
from reflex_base.components.component import field as prop

from app.catalogue.operations import MODALITIES
from app.kernel.text import t


def _one_text(value: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (value,)


def _two_texts(first: rx.Var[str], second: rx.Var[str]) -> tuple[rx.Var[str], rx.Var[str]]:
    return (first, second)


class DraftText(rx.Component):
    """A text field that says what was typed once the typing rests."""

    library = "$/public/draft_text.jsx"
    tag = "DraftText"

    value: rx.Var[str] = prop(doc="The text as the state knows it.")
    title: rx.Var[str] = prop(doc="The visible label.")
    hint: rx.Var[str] = prop(doc="Grey words after the label.")
    field_id: rx.Var[str] = prop(doc="The input's id.")
    placeholder: rx.Var[str] = prop(doc="Shown while it is empty.")
    longest: rx.Var[int] = prop(doc="Most characters allowed; 0 for no counter.")
    lines: rx.Var[int] = prop(doc="Lines shown; 1 for a single-line input.")
    invalid: rx.Var[bool] = prop(doc="Whether the server refused it.")
    numeric: rx.Var[bool] = prop(doc="Digits only.")
    dice: rx.Var[bool] = prop(doc="With a die that rolls a number.")
    dice_label: rx.Var[str] = prop(doc="Name of the die.")
    clear_label: rx.Var[str] = prop(doc="Name of the cross.")
    on_change: rx.EventHandler[_one_text]  # type: ignore[type-arg,valid-type]


class FileField(rx.Component):
    """Files to work from: uploaded here, or named by an https address."""

    library = "$/public/file_field.jsx"
    tag = "FileField"

    items: rx.Var[list[dict[str, str]]] = prop(doc="What is chosen: value, kind, label, detail.")
    most: rx.Var[int] = prop(doc="How many there may be.")
    accept: rx.Var[str] = prop(doc="As in an input's accept.")
    label: rx.Var[str] = prop(doc="Name for screen readers.")
    field_id: rx.Var[str] = prop(doc="The input's id.")
    words: rx.Var[dict[str, str]] = prop(doc="Its sentences.")
    invalid: rx.Var[bool] = prop(doc="Whether something is wrong with it.")
    on_add: rx.EventHandler[_two_texts]  # type: ignore[type-arg,valid-type]
    on_remove: rx.EventHandler[_one_text]  # type: ignore[type-arg,valid-type]


class ModelPicker(rx.Component):
    """The button and the list that choose a model."""

    library = "$/public/model_picker.jsx"
    tag = "ModelPicker"

    models: rx.Var[list[dict[str, str]]] = prop(doc="What there is to choose from.")
    chosen: rx.Var[str] = prop(doc="The alias in use.")
    words: rx.Var[dict[str, Any]] = prop(doc="Its sentences.")
    on_choose: rx.EventHandler[_one_text]  # type: ignore[type-arg,valid-type]


class MediaViewer(rx.Component):
    """The pictures of one request."""

    library = "$/public/media_viewer.jsx"
    tag = "MediaViewer"

    items: rx.Var[list[dict[str, str]]] = prop(doc="Its files.")
    of: rx.Var[str] = prop(doc="The request's id: another one starts anew.")
    first: rx.Var[int] = prop(doc="Which of them is shown at first; 0 unless told.")
    alt: rx.Var[str] = prop(doc="What they show.")
    words: rx.Var[dict[str, str]] = prop(doc="Its sentences.")


class JobClock(rx.Component):
    """A job's bar and its time, running on between two pushes."""

    library = "$/public/live_bits.jsx"
    tag = "JobClock"

    percent: rx.Var[str] = prop(doc="As the provider says; empty when it does not.")
    elapsed: rx.Var[str] = prop(doc="Seconds so far, when this was sent.")
    about: rx.Var[str] = prop(doc="Seconds such a job takes; empty when nobody knows.")
    running: rx.Var[bool] = prop(doc="Whether it is being made: only then does the bar guess.")
    words: rx.Var[dict[str, str]] = prop(doc="Its sentences.")
    label: rx.Var[str] = prop(doc="Name of the bar.")


class Pulse(rx.Component):
    """Calls its handler every `ms` while it stands in the page and the tab is looked at."""

    library = "$/public/live_bits.jsx"
    tag = "Pulse"

    ms: rx.Var[int] = prop(doc="Milliseconds between two calls.")
    on_beat: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]


class PoliteText(rx.Component):
    """A sentence screen readers hear, at most one a second."""

    library = "$/public/live_bits.jsx"
    tag = "PoliteText"

    text: rx.Var[str] = prop(doc="What is said.")


def picker_words() -> dict[str, Any]:
    """The sentences of the model picker."""
    return {
        "label": t("playground.picker.label"),
        "none": t("playground.picker.none"),
        "choose": t("playground.picker.choose"),
        "search": t("playground.picker.search"),
        "modality": t("playground.picker.modality"),
        "all": t("playground.picker.all"),
        "nothing": t("playground.picker.nothing"),
        "modalities": {name: t(f"playground.modality.{name}") for name in MODALITIES},
    }


def file_words() -> dict[str, str]:
    """The sentences of the file field."""
    names = ("choose", "sending", "paste", "remove", "address", "failed")
    return {name: t(f"playground.file.{name}") for name in names} | {"httpsOnly": t("playground.file.https_only")}


def viewer_words() -> dict[str, str]:
    """The sentences of the viewer."""
    names = ("full", "download", "outputs", "previous", "next", "place")
    return {name: t(f"playground.viewer.{name}") for name in names} | {"close": t("common.close")}
