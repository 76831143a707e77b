"""What a plan allows of a request, decided from values alone."""

from decimal import Decimal
from typing import Any

import pytest

from app.catalogue.param_schema import parse_schema
from app.kernel.errors import InvalidInput
from app.plans.allowed import Decision, Limit, Quota, Terms, decide, rank, read_limit, refuse, widest

VIDEO = parse_schema(
    {
        "type": "object",
        "properties": {
            "prompt": {"type": "string"},
            "resolution": {"type": "string", "enum": ["480p", "720p", "1080p", "4k"], "default": "720p"},
            "duration": {"type": "integer", "minimum": 4, "maximum": 12, "default": 8, "x-meter": "second"},
            "quality": {"type": "string", "enum": ["low", "medium", "high", "auto"], "default": "auto"},
        },
        "required": ["prompt"],
    }
)
ASKED = {"prompt": "x", "resolution": "1080p", "duration": 8, "quality": "high"}


def terms(*limits: Limit, **more: Any) -> Terms:
    return Terms(("Starter",), limits=limits, **more)


def limit(role: str, most: str, otherwise: str = "refuse", model: str | None = None) -> Limit:
    return Limit(role, most, otherwise, "Starter", model)


@pytest.mark.parametrize(
    ("given", "code", "changes"),
    [
        pytest.param(None, None, {}, id="no plan, no restriction"),
        pytest.param(terms(), None, {}, id="a plan that restricts nothing"),
        pytest.param(terms(models=frozenset({"veo"})), None, {}, id="a model of the plan"),
        pytest.param(terms(models=frozenset({"flux"})), "not_in_plan", {}, id="a model of another plan"),
        pytest.param(terms(is_paused=True), "subscription_paused", {}, id="paused"),
        pytest.param(terms(limit("resolution", "1080p")), None, {}, id="exactly the most"),
        pytest.param(terms(limit("resolution", "720p")), "not_in_plan", {}, id="more than the most"),
        pytest.param(
            terms(limit("resolution", "720p", "downgrade")), None, {"resolution": ("1080p", "720p")}, id="made less"
        ),
        pytest.param(
            terms(limit("resolution", "1000p", "downgrade")), None, {"resolution": ("1080p", "720p")},
            id="the largest that the model knows and the plan allows",
        ),
        pytest.param(terms(limit("resolution", "240p", "downgrade")), "not_in_plan", {}, id="nothing is small enough"),
        pytest.param(terms(limit("duration", "6", "downgrade")), None, {"duration": (8, 6)}, id="shorter"),
        pytest.param(terms(limit("duration", "2", "downgrade")), "not_in_plan", {}, id="shorter than the model makes"),
        pytest.param(
            terms(limit("quality", "medium", "downgrade"), limit("duration", "6", "downgrade")), None,
            {"quality": ("high", "medium"), "duration": (8, 6)}, id="two at once",
        ),
        pytest.param(terms(limit("resolution", "480p", model="flux")), None, {}, id="of another model"),
        pytest.param(
            terms(limit("resolution", "480p"), limit("resolution", "4k", model="veo")), None, {},
            id="the one for this model counts",
        ),
        pytest.param(
            terms(quotas=(Quota("videos", 10, Decimal(10), "", "Starter"),)), "plan_quota_used", {}, id="used up"
        ),
        pytest.param(terms(quotas=(Quota("videos", 10, Decimal(9), "", "Starter"),)), None, {}, id="one left"),
    ],
)  # fmt: skip
def test_decide(given: Terms | None, code: str | None, changes: dict[str, tuple[Any, Any]]) -> None:
    found = decide(given, "veo", VIDEO, ASKED)
    assert (found.refusal.code if found.refusal else None) == code
    assert {one.parameter: (one.asked, one.given) for one in found.changes} == changes


def test_a_value_without_a_place_is_left_alone() -> None:
    assert decide(terms(limit("quality", "low")), "veo", VIDEO, {**ASKED, "quality": "auto"}) == Decision()


def test_a_refusal_says_which_plan_allows_it() -> None:
    refused = decide(terms(models=frozenset()), "veo", VIDEO, ASKED).refusal
    assert refused is not None
    said = refuse(refused, ["Pro", "Studio"])
    assert (said.message, said.details["plans"]) == (
        "Starter does not include veo. It is part of Pro and Studio.", ["Pro", "Studio"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("role", "values"),
    [
        ("resolution", ["480p", "720p", "1024x1024", "1080p", "1920x1088", "2k", "4k", "8K"]),
        ("duration", ["4", "8s", "12.5 seconds"]),
        ("quality", ["low", "standard", "medium", "high", "ultra"]),
    ],
)
def test_values_stand_in_their_order(role: str, values: list[str]) -> None:
    ranks = [rank(role, value) for value in values]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_of_several_promises_the_widest_counts() -> None:
    assert widest([limit("resolution", "720p"), limit("resolution", "4k")]) == (limit("resolution", "4k"),)


@pytest.mark.parametrize(
    ("key", "static", "config"),
    [
        ("limit:colour", "red", None),
        ("limit:resolution", None, None),
        ("limit:quality", "1080p", None),
        ("limit:duration", None, {"most": "8", "otherwise": "ask"}),
    ],
)
def test_a_limit_that_says_nothing_is_refused(key: str, static: str | None, config: dict[str, Any] | None) -> None:
    with pytest.raises(InvalidInput):
        read_limit(key, static, config, "Starter")
