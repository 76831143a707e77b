"""What several promises of one feature come to."""

from typing import Any

import pytest

from app.plans.entitlements import Source, aggregate


def promise(**more: Any) -> dict[str, Any]:
    return {
        "feature_id": "feat", "feature_type": "metered", "is_enabled": True, "usage_limit": 10,
        "usage_reset_period": "MONTHLY", "is_soft_limit": False, "static_value": None, "config_value": None, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("promises", "limit", "reset", "soft", "enabled"),
    [
        pytest.param([promise()], 10, "MONTHLY", False, True, id="one"),
        pytest.param([promise(), promise(usage_limit=5)], 15, "MONTHLY", False, True, id="limits add up"),
        pytest.param([promise(), promise(usage_limit=None)], None, "MONTHLY", False, True, id="without limit wins"),
        pytest.param(
            [promise(usage_reset_period="DAILY"), promise(), promise()], 30, "MONTHLY", False, True,
            id="the period most of them have",
        ),
        pytest.param([promise(), promise(is_soft_limit=True)], 20, "MONTHLY", True, True, id="soft when one is"),
        pytest.param(
            [promise(), promise(is_enabled=False, usage_limit=None)], 10, "MONTHLY", False, True, id="one switched off"
        ),
        pytest.param([promise(is_enabled=False)], 0, None, False, False, id="all switched off"),
    ],
)  # fmt: skip
def test_together(promises: list[Any], limit: int | None, reset: str | None, soft: bool, enabled: bool) -> None:
    (found,) = aggregate(Source(each, "subs") for each in promises)
    assert (found.usage_limit, found.reset_period, found.is_soft_limit, found.is_enabled) == (
        limit, reset, soft, enabled,
    )  # fmt: skip
    assert len(found.sources) == len(promises)


def test_each_feature_by_itself_and_as_often_as_it_is_had() -> None:
    video = promise(feature_id="video", feature_type="static", static_value="4k", usage_limit=None)
    found = aggregate([Source(promise(), "subs", quantity=3), Source(video, "subs"), Source(video, "subs_2")])
    assert [(each.feature_id, each.usage_limit, each.static_values) for each in found] == [
        ("feat", 30, ()),
        ("video", None, ("4k",)),
    ]
