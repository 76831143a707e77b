"""How payments are taken: transfers and who approves them, what Stripe is set to, and the operator's own tax rates."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar, TypedDict

import reflex as rx

from app import services
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.ids import new_id
from app.kernel.text import t
from app.payments.stripe_keys import STRIPE_HOST
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_settings.form import confirm_of, days_of, four_eyes_of, four_eyes_words, refund_days_of
from app.ui.roles import Role

LONGEST = 400
RATE_FIELDS = ("jurisdiction", "type", "rate", "since", "note")
FIELDS = ("transfer_days", "four_eyes", "refund_days", "confirm_above")
SWITCHES = ("refund_bonus_counts", "dispute_freezes", "dispute_credit_note")


class RateRow(TypedDict):
    id: str
    place: str
    type: str
    rate: str
    when: str
    note: str
    in_force: bool


class PaymentsState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("adding", "rate", "rate_errors", "revoking", "revoking_words")

    ready: bool = False
    stamp: str = ""
    transfers: bool = True
    switches: dict[str, bool] = dict.fromkeys(SWITCHES, False)
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    usual_confirm: str = ""  # where nothing was chosen here
    cards: str = "off"  # off, unsigned, test or live
    stripe_where: str = ""
    webhook: str = ""
    secrets: str = ""
    rates: list[RateRow] = []
    adding: bool = False
    rate: dict[str, str] = dict.fromkeys(RATE_FIELDS, "")
    rate_errors: dict[str, str] = dict.fromkeys((*RATE_FIELDS, ""), "")
    revoking: str = ""
    revoking_words: str = ""

    @rx.event
    async def load(self):
        """A visit."""
        await self._show()

    @rx.event
    def write(self, name: str, text: str):
        if name in FIELDS:
            self.values[name], self.errors[name] = str(text)[:LONGEST], ""

    @rx.event
    def switch_transfers(self, on: bool):
        self.transfers = on is True

    @rx.event
    def switch(self, name: str, on: bool):
        if name in SWITCHES:
            self.switches[name] = on is True

    @rx.event
    async def save_returns(self):
        """The rules for refunds and disputes, from now on; what is under way keeps to them too."""
        policies, actor, chosen = services.current().cashier.policies, who().user_id, dict(self.switches)
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        try:
            days = refund_days_of(self.values["refund_days"])
            await asyncio.to_thread(lambda: policies.change(actor=actor, refund_days=days, **chosen))
        except FareboxError as refused:
            self.errors["refund_days" if refused.param == "refund_days" else ""] = refused.message
            return None
        await self._show()
        return toast_done(t("admin_settings.returns.saved"))

    @rx.event
    async def save_confirm(self):
        """From which price on the playground asks before it runs."""
        policies, actor = services.current().cashier.policies, who().user_id
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        try:
            above = confirm_of(self.values["confirm_above"])
            await asyncio.to_thread(lambda: policies.change(actor=actor, confirm_above=above))
        except FareboxError as refused:
            self.errors["confirm_above"] = refused.message
            return None
        await self._show()
        return toast_done(t("admin_settings.confirm.saved"))

    @rx.event
    async def save(self):
        """The rules for transfers, from now on."""
        policies, actor, transfers = services.current().cashier.policies, who().user_id, self.transfers
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        try:
            days, four = days_of(self.values["transfer_days"]), four_eyes_of(self.values["four_eyes"])
            await asyncio.to_thread(
                lambda: policies.change(actor=actor, transfers=transfers, transfer_days=days, four_eyes_from=four)
            )
        except FareboxError as refused:
            param = "four_eyes" if refused.param == "four_eyes_from" else refused.param
            self.errors[param if param in FIELDS else ""] = refused.message
            return None
        await self._show()
        return toast_done(t("admin_settings.payments.saved"))

    # ---- tax rates ----

    @rx.event
    def add_opened(self, is_open: bool):
        self.adding = is_open is True
        self.rate = dict.fromkeys(RATE_FIELDS, "")
        self.rate_errors = dict.fromkeys((*RATE_FIELDS, ""), "")

    @rx.event
    def write_rate(self, name: str, text: str):
        if name in RATE_FIELDS:
            self.rate[name], self.rate_errors[name] = str(text)[:LONGEST], ""

    @rx.event
    async def add_rate(self):
        """A rate of the operator's own, over the published one."""
        if not self.adding:
            return None
        house, actor, given = services.current(), who().user_id, dict(self.rate)
        self.rate_errors = dict.fromkeys((*RATE_FIELDS, ""), "")
        try:
            since = _day(given["since"])
            await asyncio.to_thread(
                lambda: house.invoicing.rates.add(
                    given["jurisdiction"], given["type"], given["rate"], since, author=actor, note=given["note"]
                )
            )
        except FareboxError as refused:
            self.rate_errors[refused.param if refused.param in RATE_FIELDS else ""] = refused.message
            return None
        self.adding = False
        await self._show()
        return toast_done(t("admin_settings.rates.added", place=given["jurisdiction"].upper(), rate=given["rate"]))

    @rx.event
    def ask_revoke(self, rate_id: str):
        found = next((row for row in self.rates if row["id"] == rate_id and row["in_force"]), None)
        self.revoking = found["id"] if found else ""
        self.revoking_words = f"{found['place']} {present.DOT} {found['type']} {found['rate']}" if found else ""

    @rx.event
    def revoke_opened(self, is_open: bool):
        if not is_open:
            self.revoking = ""

    @rx.event
    async def revoke(self):
        """No longer use a rate; what was decided with it stays."""
        house, actor, rate_id = services.current(), who().user_id, self.revoking
        self.revoking = ""
        if not rate_id.isdigit():
            return None
        try:
            await asyncio.to_thread(lambda: house.invoicing.rates.revoke(int(rate_id), author=actor))
        except FareboxError:
            await self._show()  # somebody else did
            return None
        await self._show()
        return toast_done(t("admin_settings.rates.revoked"))

    async def _show(self) -> None:
        house = services.current()
        policy, rates = await asyncio.to_thread(_read, house)
        self.transfers, self.stamp = policy.transfers, new_id("req")
        self.values = {
            "transfer_days": str(policy.transfer_days),
            "four_eyes": four_eyes_words(policy),
            "refund_days": "" if policy.refund_days is None else str(policy.refund_days),
            "confirm_above": "" if policy.confirm_above is None else str(policy.confirm_above),
        }
        self.switches = {name: bool(getattr(policy, name)) for name in SWITCHES}
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        self.usual_confirm = present.count(house.settings.confirm_above_credits)
        self.cards = cards_of(house)
        base = house.settings.stripe_api_base
        self.stripe_where = t("admin_settings.stripe.real") if base == STRIPE_HOST else base
        self.webhook = f"{house.settings.public_url}/hooks/payments/stripe"
        count = len(house.settings.stripe_webhook_secrets)
        self.secrets = t(f"admin_settings.stripe.secrets_{min(count, 2)}")
        self.rates = [_rate_row(row) for row in rates]
        self.ready = True


def cards_of(house: Services) -> str:
    """off, unsigned (keys without a webhook secret), test or live."""
    cards = house.cashier.cards
    if cards is None:
        return "off"
    if not house.cashier.takes_cards:
        return "unsigned"
    return "live" if cards.door.livemode else "test"


def _read(house: Services) -> tuple[Any, list[Mapping[str, Any]]]:
    return house.cashier.policies.current(), house.invoicing.rates.overrides()


def _rate_row(row: Mapping[str, Any]) -> RateRow:
    when = present.day(row["since"])
    if row["until"]:
        when = t("admin_settings.rates.between", since=when, until=present.day(row["until"]))
    return {
        "id": str(row["id"]),
        "place": str(row["jurisdiction"]),
        "type": str(row["type"]),
        "rate": f"{row['rate']}%",
        "when": t("admin_settings.rates.from", day=when) if not row["until"] else when,
        "note": str(row["note"] or ""),
        "in_force": row["revoked_at"] is None,
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(t("admin_orders.wrong.day"), param="since") from None
