"""The dialog for one workspace's providers: which may serve it, how much of each, and whether it may name one."""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, TypedDict

import reflex as rx

from app import services
from app.generation.provider_rules import Rule
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.money import Money
from app.kernel.text import t
from app.ui import present
from app.ui.components import check, decision, dialog, notice, switch_row, toast_done, typed_input
from app.ui.guard import who
from app.ui.pages.admin_routing.state import ANYONE, RoutingState
from app.ui.visits import EVERYTHING


class ProviderRow(TypedDict):
    provider_id: str
    name: str
    allowed: bool
    quota: str  # credits a month as typed, empty for no limit


class RuleState(RoutingState):
    """The rule of the workspace chosen in the simulator, as it is being written."""

    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    rule_open: bool = False
    rule_name: str = ""
    rule_force: bool = True
    rule_rows: list[ProviderRow] = []
    rule_problem: str = ""

    @rx.event
    async def edit_rule(self):
        """Open the dialog with what holds now."""
        chosen = next((row for row in self.workspaces if row["value"] == self.sim_workspace), None)
        if chosen is None or chosen["value"] == ANYONE:
            return
        house = services.current()
        rule = await asyncio.to_thread(house.desk.router.rules.of, chosen["value"])
        cards = await asyncio.to_thread(house.editing.providers)
        self.rule_rows = [
            ProviderRow(
                provider_id=card.provider_id,
                name=card.name,
                allowed=rule.allowed is None or card.provider_id in rule.allowed,
                quota=present.credits(Money(rule.quotas[card.provider_id])) if card.provider_id in rule.quotas else "",
            )
            for card in sorted(cards, key=lambda card: card.name.lower())
        ]
        self.rule_name, self.rule_force = chosen["label"], rule.may_force
        self.rule_problem, self.rule_open = "", True

    @rx.event
    def rule_opened(self, is_open: bool):
        self.rule_open = is_open is True

    @rx.event
    def set_force(self, on: bool):
        self.rule_force = on is True

    @rx.event
    def set_allowed(self, provider_id: str, on: bool):
        for row in self.rule_rows:
            if row["provider_id"] == provider_id:
                row["allowed"] = on is True

    @rx.event
    def set_quota(self, provider_id: str, text: str):
        for row in self.rule_rows:
            if row["provider_id"] == provider_id:
                row["quota"] = str(text)[:20]

    @rx.event
    async def save_rule(self):
        """Write the rule down; it holds for new requests at once."""
        workspace_id = self.sim_workspace
        if workspace_id not in {row["value"] for row in self.workspaces} - {ANYONE}:
            return None
        try:
            rule = _rule(self.rule_rows, self.rule_force)
            rules = services.current().desk.router.rules
            await asyncio.to_thread(rules.save, workspace_id, rule, who().user_id)
        except FareboxError as refused:
            self.rule_problem = refused.message
            return None
        self.rule_open = False
        await self._simulate()
        return toast_done(t("admin_routing.rule.saved", name=self.rule_name))


on: Any = RuleState


def _rule(rows: list[ProviderRow], may_force: bool) -> Rule:
    """What was typed as a rule; every box ticked is no allow-list."""
    allowed = None if all(row["allowed"] for row in rows) else frozenset(
        row["provider_id"] for row in rows if row["allowed"]
    )  # fmt: skip
    quotas = {row["provider_id"]: _credits(row) for row in rows if row["quota"].strip()}
    return Rule(allowed, may_force, quotas)


def _credits(row: ProviderRow) -> int:
    try:
        amount = Decimal(row["quota"].strip().replace(",", ""))
        if not amount.is_finite() or amount < 0:
            raise InvalidOperation
        return Money.from_exact(amount).micros
    except (InvalidOperation, ValueError, OverflowError):
        raise InvalidInput(t("admin_routing.rule.wrong", provider=row["name"])) from None


def rule_dialog() -> rx.Component:
    return dialog(
        rx.el.ul(rx.foreach(RuleState.rule_rows, _row), class_name="fb-entries fb-route-rules"),
        switch_row(
            t("admin_routing.rule.force"),
            checked=RuleState.rule_force,
            on_change=RuleState.set_force,
            detail=t("admin_routing.rule.force_detail"),
        ),
        rx.cond(RuleState.rule_problem != "", notice(RuleState.rule_problem)),
        title=t("admin_routing.rule.title", name="") + RuleState.rule_name,
        detail=t("admin_routing.rule.detail"),
        is_open=RuleState.rule_open,
        on_open_change=RuleState.rule_opened,
        footer=decision(
            t("admin_routing.rule.act"), RuleState.save_rule, leave=t("admin_routing.change.keep"), test_id="save-rule"
        ),
    )


def _row(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            check(
                one["name"],
                checked=one["allowed"],
                on_change=lambda is_on: on.set_allowed(one["provider_id"], is_on),
            ),
            class_name="flex-1 min-w-0",
        ),
        rx.el.span(
            typed_input(
                value=one["quota"],
                on_change=lambda text: on.set_quota(one["provider_id"], text),
                label=t("admin_routing.rule.quota") + " · " + one["name"],
                placeholder=t("admin_routing.rule.no_quota"),
                input_mode="decimal",
                after=t("admin_routing.rule.unit"),
            ),
            class_name="fb-route-quota",
        ),
        class_name="fb-entry",
        key=one["provider_id"],
    )
