"""Chat and embeddings as plans: what goes in is bounded before the call, what may come out is capped and sent.

The body passes through as it came, but for what would change what the provider bills without our price knowing of it:
that is refused. A parameter the model declares is checked, and its default is sent.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.catalogue.offers import Offer
from app.generation.plan import Plan
from app.generation.tokens import bounded, count_request, count_tokens_of, input_bound
from app.kernel.errors import InvalidInput
from app.pricing.parameters import Meter, Parameter
from app.pricing.usage import Usage

CHAT, EMBEDDINGS = "chat", "embeddings"
#: The two names a caller may give the most tokens of the answer.
CAPS = ("max_completion_tokens", "max_tokens")
MOST_CHOICES = 8
#: Fields that are about the request and not for the provider.
OWN = frozenset({"model", "stream", "stream_options", "max_credits", "idempotency_key", "store", "metadata", *CAPS})
#: What the provider would bill apart, and our price does not know.
UNPRICED = {
    "web_search_options": "Web search is not offered.",
    "audio": "Spoken answers are not offered here; use /v1/audio/speech.",
    "modalities": "Only text comes out of a chat.",
    "service_tier": "The service tier cannot be chosen.",
    # What hosts of OpenAI's shape take beside OpenAI: another model in place of the priced one, and searches.
    **dict.fromkeys(("models", "fallbacks", "route", "provider"), "The model that is named answers, and no other."),
    **dict.fromkeys(("plugins", "search_parameters", "web_search", "enable_search"), "Web search is not offered."),
}
HARMLESS = {"modalities": (["text"],), "service_tier": ("auto", "default")}
#: Not ours to check, however a model declares them for the playground.
INPUTS = frozenset({"messages", "prompt", "system", "input", "n"})


def plan_chat(offer: Offer, body: Mapping[str, Any], size_bytes: int, *, exact: bool = False) -> Plan:
    """The plan of a chat request of `size_bytes`. `exact` counts the text instead of bounding it by its size.

    Raises InvalidInput naming the field, Unpriced when the model's price cannot be told.
    """
    messages = _messages(body)
    for name, why in UNPRICED.items():
        if body.get(name) is not None and offer.schema.get(name) is None and body[name] not in HARMLESS.get(name, ()):
            raise InvalidInput(why, param=name)
    params = _declared(offer, body)
    cap = offer.schema.metered(Meter.OUTPUT_TOKEN)
    choices = _choices(body)
    most_out = None
    if cap:
        params[cap[0].name] = most_out = _cap(cap[0], body)
        most_out = most_out * choices + _predicted(body)
    sent = {name: value for name, value in body.items() if name not in OWN and value is not None} | params
    most_in = input_bound(size_bytes, messages)
    likely_in = most_in
    if exact:
        likely_in = count_request(body)
        most_in = min(most_in, bounded(likely_in, len(messages)))
    return Plan(
        offer=offer,
        operation=CHAT,
        body=sent,
        params=params,
        expected=_usage(likely_in, most_out),
        most=_usage(most_in, most_out),
        count_input=lambda: count_request(body),
        details={"messages": len(messages), "choices": choices} if choices > 1 else {"messages": len(messages)},
    )


def plan_embeddings(offer: Offer, body: Mapping[str, Any], size_bytes: int, *, exact: bool = False) -> Plan:
    """The plan of an embeddings request: everything that is billed goes in."""
    texts = body.get("input")
    if not isinstance(texts, str | list) or not texts:
        raise InvalidInput("input is missing: a text, or a list of texts or tokens.", param="input")
    params = _declared(offer, body)
    sent = {name: value for name, value in body.items() if name not in OWN and value is not None} | params
    most = likely = size_bytes
    if exact:
        likely = count_tokens_of(texts)
        most = min(most, bounded(likely, len(texts) if isinstance(texts, list) else 1))
    return Plan(
        offer=offer,
        operation=EMBEDDINGS,
        body=sent,
        params=params,
        expected=_usage(likely, 0),
        most=_usage(most, 0),
        count_input=lambda: count_tokens_of(texts),
        details={"texts": len(texts) if isinstance(texts, list) else 1},
    )


def _usage(tokens_in: int, tokens_out: int | None) -> Usage:
    return replace(
        Usage(input_tokens=Decimal(tokens_in)), output_tokens=None if tokens_out is None else Decimal(tokens_out)
    )


def _messages(body: Mapping[str, Any]) -> list[Any]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidInput("messages is missing: give it as a list of messages.", param="messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise InvalidInput(f"messages[{index}] is an object with a role.", param=f"messages[{index}]")
    return messages


def _choices(body: Mapping[str, Any]) -> int:
    given = body.get("n")
    if given is None:
        return 1
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= MOST_CHOICES:
        raise InvalidInput(f"n is a whole number from 1 to {MOST_CHOICES}.", param="n")
    return given


def _cap(parameter: Parameter, body: Mapping[str, Any]) -> int:
    """The most tokens of one answer: what was asked for, else the model's own."""
    for name in CAPS:
        given = body.get(name)
        if given is None:
            continue
        try:
            return int(parameter.canonical(given))
        except ValueError as wrong:
            raise InvalidInput(f"{name}: {wrong}", param=name) from None
    most = parameter.default if parameter.default is not None else parameter.maximum
    if most is None:
        raise InvalidInput(f"{CAPS[0]} is missing: this model has no limit of its own.", param=CAPS[0])
    return int(most)


def _predicted(body: Mapping[str, Any]) -> int:
    """A prediction that is rejected is billed as output beside the answer."""
    prediction = body.get("prediction")
    return 0 if prediction is None else len(str(prediction).encode())


def _declared(offer: Offer, body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters the model declares, checked, with their defaults."""
    found = {}
    for parameter in offer.schema.parameters:
        if parameter.name in INPUTS or parameter.meter is Meter.OUTPUT_TOKEN:
            continue
        given = body.get(parameter.name, parameter.default)
        if given is None:
            continue
        try:
            found[parameter.name] = parameter.canonical(given)
        except ValueError as wrong:
            raise InvalidInput(f"{parameter.name}: {wrong}", param=parameter.name) from None
    return found
