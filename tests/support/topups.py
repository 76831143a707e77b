"""Automatic top-ups at a till: a card on file, rules that were agreed to, credits that are used."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import text

from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.consent import TOPUP_WORDING, Consent
from app.payments.saved_card_rows import SavedCard
from app.payments.topup_rules import Mode, Rules
from app.payments.topup_settings import TopupChoice, TopupView
from app.payments.views import OrderView
from tests.support.till import VISA, Till

EUR_10 = Fiat(1_000, "EUR")  # net; 11.90 with tax, and 10,000 credits
RULES = Rules(threshold=Money.from_exact(2_000), mode=Mode.FIXED, month_cap=Fiat(10_000, "EUR"), amount=EUR_10)
_refs = count()


def everything(till: Till) -> list[dict[str, Any]]:
    """All that Stripe would send, the oldest first: also what names no customer, such as a refund."""
    return [event.to_dict() for event in till.client.v1.events.list({"limit": 100}).auto_paging_iter()][::-1]


def hear(till: Till, *types: str) -> None:
    """Deliver what there is (of those types) and apply it."""
    told = [event for event in everything(till) if not types or event["type"] in types]
    assert set(till.deliver(told)) <= {200}
    till.apply()


def card_on_file(till: Till, card: str = VISA) -> SavedCard:
    """Buy the starter package with the box ticked."""
    order = till.buy(save_card=True, ip="203.0.113.7")
    till.pay(order, card=card, authenticate=True)
    hear(till)
    assert till.credits == 10_500, till.order(order)
    return till.cashier.saved_cards(till.workspace_id)[0]


def agreed(till: Till) -> Consent:
    return Consent(TOPUP_WORDING, till.user_id, "203.0.113.7")


def choice(till: Till, card: SavedCard, **changes: Any) -> TopupChoice:
    terms = till.cashier.terms.current()
    assert terms is not None
    return TopupChoice(till.workspace_id, replace(RULES, **changes), card.id, terms.id, agreed(till))


def turn_on(till: Till, card: SavedCard, **changes: Any) -> TopupView:
    view = till.run(till.cashier.turn_on_topup(choice(till, card, **changes)))
    assert view is not None
    return view


def on(till: Till, card: str = VISA, **changes: Any) -> SavedCard:
    """A card on file and automatic top-up turned on, with plenty in the balance."""
    saved = card_on_file(till, card)
    turn_on(till, saved, **changes)
    return saved


def use(till: Till, credits: int) -> None:
    """Credits go, as if for generations."""
    amount = Money(-credits * 1_000_000)
    till.run(
        till.services.ledger.adjust(till.workspace_id, amount, ref=f"use-{next(_refs)}", actor="test", reason="used")
    )


def empty(till: Till) -> None:
    """Use all but 1,000 credits."""
    use(till, till.credits - 1_000)


def due(till: Till) -> int:
    """A turn of the chore."""
    return till.run(till.cashier.top_up_due())


def later(till: Till, **delta: float) -> int:
    """Time passes, here and at the provider, and the chore has a turn."""
    passed = timedelta(**delta)
    till.time.ahead += passed
    till.stripe.ctl("clock", advance=passed.total_seconds())
    return due(till)


def topups(till: Till) -> list[OrderView]:
    """The orders that automatic top-up made, the oldest first."""
    return [order for order in till.cashier.orders_of(till.workspace_id) if order.kind == "auto_topup"][::-1]


def charges(till: Till) -> list[Any]:
    """What Stripe was asked to charge off-session and knows of."""
    found = till.client.v1.payment_intents.list({"limit": 100}).data
    return [intent for intent in found if intent.description and "automatically" in intent.description]


def setting(till: Till) -> TopupView:
    view = till.cashier.topups.of(till.workspace_id)
    assert view is not None
    return view


def behave(till: Till, card: SavedCard, behaviour: str) -> None:
    """From now on the bank answers so."""
    method = till.scalar("SELECT method_id FROM saved_card WHERE id = :id", id=card.id)
    till.stripe.ctl(f"payment_methods/{method}", behaviour=behaviour)


def letters(till: Till, template: str) -> list[dict[str, Any]]:
    """The values of the mails promised by that template."""
    with till.services.db.read() as connection:
        rows = connection.execute(text("SELECT payload FROM outbox WHERE topic = 'mail' ORDER BY id")).scalars()
        promised = [json.loads(row) if isinstance(row, str) else row for row in rows]
    return [each["params"] for each in promised if each["template"] == template]
