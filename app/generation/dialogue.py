"""A chat model behind a form: the words become messages, and the answer is kept as a text, like any other output.

What the form says is what the API would be sent; the price, the hold and the bill are those of a chat.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.catalogue.offers import Offer
from app.catalogue.param_schema import coerce
from app.generation.desk import Desk
from app.generation.flow import Flow, open_flow
from app.generation.plan import Plan
from app.generation.router import Asked
from app.generation.start import Ask
from app.generation.text import CHAT, plan_chat
from app.kernel.errors import Conflict, PriceChanged
from app.kernel.money import plain
from app.pricing.quote import Quote

STEP_TOKENS = 256
#: The parameters a form has in place of messages, and who says them.
SAID: Mapping[str, str] = {"system": "system", "prompt": "user"}


def is_dialogue(offer: Offer) -> bool:
    """Whether a form can ask it: a chat model that names a parameter for the question."""
    return offer.operation == CHAT and "prompt" in offer.schema.names


def body_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The request in OpenAI's shape, without its model."""
    messages = [{"role": role, "content": given[name]} for name, role in SAID.items() if given.get(name)]
    rest = {name: value for name, value in given.items() if name not in SAID and value is not None}
    return {"messages": messages, **rest}


def plan_dialogue(desk: Desk, offer: Offer, given: Mapping[str, Any], workspace_id: str) -> Plan:
    """The plan of what a form says; `given` is under the model's own names.

    Raises InvalidInput or UnknownParameter naming the parameter, Unpriced when its price cannot be told.
    """
    params = coerce(offer.schema, given)
    words = {name: params[name] for name in SAID if params.get(name)}

    async def keep(generation_id: str, text: str) -> None:
        await asyncio.to_thread(
            desk.files.keep_text, text, workspace_id=workspace_id, generation_id=generation_id, position=0
        )

    found = planned(offer, params)
    return replace(found, details={**found.details, **words}, keep_text=keep)


def planned(offer: Offer, params: Mapping[str, Any]) -> Plan:
    """The plan alone; where the question is still missing, as if it were empty.

    What is held for goes up in steps: the most that is shown does not change with every word that is typed.
    """
    body = body_of({"prompt": "\N{ZERO WIDTH SPACE}", **params})
    plan = plan_chat(offer, body, len(json.dumps(body, ensure_ascii=False).encode()), exact=True)
    taken = -(-int(plan.most.input_tokens or 0) // STEP_TOKENS) * STEP_TOKENS
    return replace(plan, most=replace(plan.most, input_tokens=Decimal(taken)))


def quote_of(plan: Plan) -> Quote:
    """What it will likely cost, with the most it can."""
    return replace(plan.quote(), maximum=plan.hold)


def check_served(desk: Desk, plan: Plan, workspace_id: str) -> None:
    """Raises what `Router.pick` raises when no route may serve it."""
    hold = plan.hold
    desk.router.pick(Asked(plan.offer, None), workspace_id, hold, plan.cost_on, plan.params, hold=hold)


async def ask_dialogue(desk: Desk, ask: Ask) -> Flow:
    """Hold, and begin to receive the answer; `ask.input` is what the form says.

    Raises PriceChanged when the price is not the one that was shown, and what `open_flow` raises.
    """
    offer = await asyncio.to_thread(desk.offers.find, ask.model)
    plan = await asyncio.to_thread(plan_dialogue, desk, offer, ask.input, ask.workspace_id)
    hold = plan.hold
    if ask.shown is not None and ask.shown != (offer.version_id, hold.micros):
        raise PriceChanged(
            f"The price is now {plain(hold.amount)} credits. Nothing was charged; run again to accept it.",
            quote=quote_of(plan).to_json(),
            version_id=offer.version_id,
        )
    flow = await open_flow(desk, ask, plan)
    if not isinstance(flow, Flow):
        raise Conflict("This was asked before.", code="idempotency_not_kept")
    return flow
