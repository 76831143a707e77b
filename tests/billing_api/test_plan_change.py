"""`change/v2`: another plan in place, its periods and addons as asked for, now or later, through the official SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.late import Late

sdk_errors = Late("flexprice.models.errors")

if TYPE_CHECKING:
    from flexprice import Flexprice

pytestmark = pytest.mark.usefixtures("seller")
_numbers = count(1)
FIXED: dict[str, Any] = {
    "currency": "usd", "billing_period_count": 1, "price_unit_type": "FIAT", "billing_model": "FLAT_FEE",
    "invoice_cadence": "ADVANCE", "type_": "FIXED",
}  # fmt: skip


class Shop:
    """Plans of 10 and 40 dollars a month, the second also of 400 a year, two addons, and a customer on the first."""

    def __init__(self, sdk: Flexprice, name: str) -> None:
        self.sdk = sdk
        self.small, self.large = (
            self.plan(f"{name}-small", MONTHLY="10"),
            self.plan(f"{name}-large", MONTHLY="40", ANNUAL="400"),
        )
        self.addons = [self.addon(f"{name}-{number}") for number in range(2)]
        customer = sdk.customers.create_customer(external_id=name, name=name)
        made = sdk.subscriptions.create_subscription(
            customer_id=customer.id, plan_id=self.small, currency="usd", billing_period="MONTHLY",
            addons=[{"addon_id": each} for each in self.addons],
        )  # fmt: skip
        self.id = str(made.id)
        self.period_end = made.current_period_end

    def plan(self, name: str, **amounts: str) -> str:
        made = self.sdk.plans.create_plan(name=name, lookup_key=name)
        for period, amount in amounts.items():
            self.price("PLAN", made.id, amount, period)
        return str(made.id)

    def addon(self, name: str) -> str:
        made = self.sdk.addons.create_addon(name=name, lookup_key=name)
        self.price("ADDON", made.id, "5", "MONTHLY")
        return str(made.id)

    def price(self, kind: str, entity_id: Any, amount: str, period: str) -> None:
        self.sdk.prices.create_price(
            **FIXED, entity_type=kind, entity_id=entity_id, amount=amount, billing_period=period
        )

    def associations(self, state: str = "active") -> list[str]:
        found = self.sdk.subscriptions.get_subscription_addon_associations(id=self.id).items
        return [each.id for each in found if each.addon_status == state]

    def look(self, **more: Any) -> Any:
        return self.sdk.subscriptions.preview_subscription_plan_change_v2(id=self.id, **self.wish(**more))

    def change(self, **more: Any) -> Any:
        return self.sdk.subscriptions.execute_subscription_plan_change_v2(id=self.id, **self.wish(**more))

    def wish(self, **more: Any) -> dict[str, Any]:
        return {"target_plan_id": self.large, "proration_behavior": "create_prorations", **more}

    def refused(self, **more: Any) -> tuple[str, Any]:
        with pytest.raises((sdk_errors.ErrorResponse, sdk_errors.FlexpriceDefaultError)) as raised:
            self.change(**more)
        said = json.loads(raised.value.body)
        return said["code"], said["details"].get("param")

    def now(self) -> Any:
        return self.sdk.subscriptions.get_subscription(id=self.id)


@pytest.fixture
def shop(sdk: Flexprice) -> Shop:
    return Shop(sdk, f"change-{next(_numbers)}")


def test_a_plan_is_changed_in_place(shop: Shop) -> None:
    before = shop.now()
    looked = shop.look(metadata={"why": "growth"})
    assert shop.now() == before
    done = shop.change(metadata={"why": "growth"})
    for found, state in ((looked, "preview"), (done, "issued")):
        assert (found.change_type, found.is_scheduled) == ("upgrade", False)
        assert (found.from_plan.id, found.to_plan.id) == (shop.small, shop.large)
        changed = found.changed_resources
        assert [each.change_action for each in changed.line_items] == ["ended", "created"]
        # 40 for the whole period less the 10 that were paid
        assert [(each.status, each.invoice.total) for each in changed.invoices] == [(state, "30")]
        assert [(each.entity_type, each.behaviour) for each in found.entity_changes] == [
            ("plan", "drop"), ("plan", "add"), ("addon_association", "carry"), ("addon_association", "carry"),
        ]  # fmt: skip
        assert found.billing_period.behaviour == "unchanged"
        assert found.billing_period.current_period_end == shop.period_end
    after = shop.now()
    assert (after.id, after.plan_id, after.metadata) == (before.id, shop.large, {"why": "growth"})
    assert shop.change(target_plan_id=shop.small).change_type == "downgrade"


def test_a_period_begins_with_the_change(shop: Shop) -> None:
    for behaviour, more in (
        ("anchor_at_effect", {}),
        ("anchor_at_config", {"billing_period_config": {"billing_anchor": datetime.now(UTC) + timedelta(days=10)}}),
    ):
        target = shop.large if behaviour == "anchor_at_effect" else shop.small
        found = shop.change(target_plan_id=target, billing_period_behaviour=behaviour, **more)
        said, days = found.billing_period, 28 if behaviour == "anchor_at_effect" else 9
        assert said.current_period_start >= found.effective_at - timedelta(seconds=1)
        assert (
            timedelta(days=days)
            <= said.current_period_end - said.current_period_start
            <= timedelta(days=31 if behaviour == "anchor_at_effect" else 10)
        )
    drop = {"addons": {"default_behaviour": "drop"}}
    yearly = shop.change(
        billing_period_behaviour="anchor_at_effect", billing_period_config={"billing_period_unit": "ANNUAL"},
        entity_policies=drop,
    )  # fmt: skip
    assert shop.now().billing_period == "ANNUAL"
    assert yearly.billing_period.current_period_end - yearly.billing_period.current_period_start >= timedelta(days=365)
    assert [each.addon_status for each in yearly.changed_resources.addon_associations] == ["cancelled"] * 2


def test_addons_are_dropped_or_carried_one_by_one(shop: Shop) -> None:
    first, second = shop.associations()
    policies = {"addons": {"default_behaviour": "carry", "overrides": {first: "drop"}}}
    done = shop.change(entity_policies=policies)
    assert [each.id for each in done.changed_resources.addon_associations] == [first]
    # 5 come back for the addon; for the plan 10 come back and 40 are asked for
    assert sorted(each.invoice.total for each in done.changed_resources.invoices) == ["0", "30"]
    assert shop.associations() == [second]
    unknown = {"addons": {"overrides": {"addon_assoc_nobody": "drop"}}}
    assert shop.refused(entity_policies=unknown) == ("validation_error", "entity_policies.addons.overrides")


def test_a_change_waits_for_the_end_of_the_period_and_is_superseded(shop: Shop) -> None:
    waiting = shop.change(change_at="end_of_period")
    assert (waiting.is_scheduled, waiting.scheduled_at, waiting.effective_at) == (
        True,
        shop.period_end,
        shop.period_end,
    )
    assert not waiting.changed_resources.invoices
    assert shop.now().plan_id == shop.small
    schedule = shop.sdk.subscriptions.get_subscription_schedule(schedule_id=waiting.schedule_id)
    assert schedule.status == "pending"
    assert shop.refused()[0] == "invalid_operation"
    assert shop.now().plan_id == shop.small
    done = shop.change(on_conflict_policies={"on_pending_schedule": "supersede"})
    assert (done.superseded_schedules, done.is_scheduled) == ([waiting.schedule_id], False)
    assert shop.now().plan_id == shop.large
    assert shop.sdk.subscriptions.list_subscription_schedules(id=shop.id).count == 0


def test_a_key_is_good_for_one_change(shop: Shop) -> None:
    key = {"idempotency_key": "growth-1"}
    first, again = shop.change(**key), shop.change(**key)
    ids = [[each.id for each in one.changed_resources.invoices] for one in (first, again)]
    assert ids[0] == ids[1]
    assert (again.change_type, again.from_plan.id) == ("upgrade", shop.small)
    invoices = shop.sdk.invoices.query_invoice(subscription_id=shop.id).items
    assert len(invoices) == 2, "the first period's and that of the change"
    assert shop.refused(**key, target_plan_id=shop.small)[0] == "version_conflict"


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"target_plan_id": "plan_nobody"}, None),
        ({"billing_period_config": {"billing_period_unit": "ANNUAL"}}, "billing_period_config"),
        ({"billing_period_behaviour": "anchor_at_config"}, "billing_period_config.billing_anchor"),
        (
            {"billing_period_behaviour": "anchor_at_effect",
             "billing_period_config": {"billing_cycle": "calendar"}},
            "billing_period_config.billing_cycle",
        ),
        (
            {"billing_period_behaviour": "anchor_at_effect",
             "billing_period_config": {"billing_period_unit": "WEEKLY"}},
            "currency",
        ),
        (
            {"billing_period_behaviour": "anchor_at_effect",
             "billing_period_config": {"billing_period_unit": "ANNUAL"}},
            None,
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(shop: Shop, wish: dict[str, Any], param: str | None) -> None:
    """The last: addons are agreed for months, and are to be dropped before the plan goes on by years."""
    before = shop.now()
    assert shop.refused(**wish)[1] == param
    assert shop.now() == before
