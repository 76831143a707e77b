"""Writes the sandbox's table of parameters from the type declarations of Stripe's own library.

`python -m tests.sandbox.stripe.parameter_table` rewrites `app/sandbox/stripe/parameters.json`.
"""

import json
import sys
import types
import typing
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin

import stripe.params
import stripe.params.checkout
import stripe.params.tax
from stripe._request_options import RequestOptions
from typing_extensions import is_typeddict

FILE = Path(__file__).parents[3] / "app" / "sandbox" / "stripe" / "parameters.json"

#: Our name of each operation, and the declaration of its parameters.
OPERATIONS = {
    "account.retrieve": "AccountRetrieveParams",
    "balance_transactions.list": "BalanceTransactionListParams",
    "balance_transactions.retrieve": "BalanceTransactionRetrieveParams",
    "charges.list": "ChargeListParams",
    "charges.retrieve": "ChargeRetrieveParams",
    "charges.update": "ChargeUpdateParams",
    "checkout.sessions.create": "checkout.SessionCreateParams",
    "checkout.sessions.expire": "checkout.SessionExpireParams",
    "checkout.sessions.line_items": "checkout.SessionLineItemListParams",
    "checkout.sessions.list": "checkout.SessionListParams",
    "checkout.sessions.retrieve": "checkout.SessionRetrieveParams",
    "checkout.sessions.update": "checkout.SessionUpdateParams",
    "customers.create": "CustomerCreateParams",
    "customers.delete": "CustomerDeleteParams",
    "customers.list": "CustomerListParams",
    "customers.payment_methods.list": "CustomerPaymentMethodListParams",
    "customers.payment_methods.retrieve": "CustomerPaymentMethodRetrieveParams",
    "customers.retrieve": "CustomerRetrieveParams",
    "customers.update": "CustomerUpdateParams",
    "disputes.close": "DisputeCloseParams",
    "disputes.list": "DisputeListParams",
    "disputes.retrieve": "DisputeRetrieveParams",
    "disputes.update": "DisputeUpdateParams",
    "events.list": "EventListParams",
    "events.retrieve": "EventRetrieveParams",
    "payment_intents.cancel": "PaymentIntentCancelParams",
    "payment_intents.confirm": "PaymentIntentConfirmParams",
    "payment_intents.create": "PaymentIntentCreateParams",
    "payment_intents.list": "PaymentIntentListParams",
    "payment_intents.retrieve": "PaymentIntentRetrieveParams",
    "payment_intents.update": "PaymentIntentUpdateParams",
    "payment_methods.attach": "PaymentMethodAttachParams",
    "payment_methods.create": "PaymentMethodCreateParams",
    "payment_methods.detach": "PaymentMethodDetachParams",
    "payment_methods.list": "PaymentMethodListParams",
    "payment_methods.retrieve": "PaymentMethodRetrieveParams",
    "payment_methods.update": "PaymentMethodUpdateParams",
    "refunds.cancel": "RefundCancelParams",
    "refunds.create": "RefundCreateParams",
    "refunds.list": "RefundListParams",
    "refunds.retrieve": "RefundRetrieveParams",
    "refunds.update": "RefundUpdateParams",
    "setup_intents.cancel": "SetupIntentCancelParams",
    "setup_intents.confirm": "SetupIntentConfirmParams",
    "setup_intents.create": "SetupIntentCreateParams",
    "setup_intents.list": "SetupIntentListParams",
    "setup_intents.retrieve": "SetupIntentRetrieveParams",
    "tax.calculations.create": "tax.CalculationCreateParams",
    "tax.calculations.line_items.list": "tax.CalculationLineItemListParams",
    "tax.calculations.retrieve": "tax.CalculationRetrieveParams",
    "tax.settings.retrieve": "tax.SettingsRetrieveParams",
    "tax.transactions.create_from_calculation": "tax.TransactionCreateFromCalculationParams",
    "tax.transactions.create_reversal": "tax.TransactionCreateReversalParams",
    "tax.transactions.line_items.list": "tax.TransactionLineItemListParams",
    "tax.transactions.retrieve": "tax.TransactionRetrieveParams",
    "webhook_endpoints.create": "WebhookEndpointCreateParams",
    "webhook_endpoints.delete": "WebhookEndpointDeleteParams",
    "webhook_endpoints.list": "WebhookEndpointListParams",
    "webhook_endpoints.retrieve": "WebhookEndpointRetrieveParams",
    "webhook_endpoints.update": "WebhookEndpointUpdateParams",
}

_LEAVES = {str: "s", int: "i", bool: "b", float: "f", Decimal: "d"}


def table() -> dict[str, Any]:
    """What the library declares today."""
    return {operation: _members(_declaration(name)) for operation, name in OPERATIONS.items()}


def text(rows: dict[str, Any]) -> str:
    lines = [f"{json.dumps(name)}: {json.dumps(row, separators=(',', ':'))}" for name, row in rows.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _declaration(name: str) -> Any:
    found: Any = stripe.params
    for step in name.split("."):
        found = getattr(found, step)
    return found


def _members(declared: Any) -> dict[str, Any]:
    members = {}
    for name, written in declared.__annotations__.items():
        if name in RequestOptions.__annotations__:
            continue
        kind = _evaluated(written, sys.modules[declared.__module__])
        required = get_origin(kind) is not NotRequired
        members[name + ("!" if required else "")] = _shape(kind, sys.modules[declared.__module__])
    return members


def _shape(written: Any, module: types.ModuleType) -> Any:
    kind = _evaluated(written, module)
    origin, inner = get_origin(kind), get_args(kind)
    if kind in _LEAVES:
        return _LEAVES[kind]
    if is_typeddict(kind):
        return _members(kind)
    if origin in {NotRequired, Required}:
        return _shape(inner[0], module)
    if origin is Literal:
        return list(inner)
    if origin is list:
        return {"[]": _shape(inner[0], module)}
    if origin is dict:
        return {"*": _shape(inner[1], module)}
    if origin in {Union, types.UnionType}:
        return _union([_shape(each, module) for each in inner if each is not type(None)])
    if getattr(origin, "__name__", "") == "UntypedStripeObject":
        return {"*": _shape(inner[0], module)}
    raise TypeError(f"{kind!r} has no word in the table")


def _union(shapes: list[Any]) -> Any:
    choices = list(dict.fromkeys(option for shape in shapes if isinstance(shape, list) for option in shape))
    others = [
        shape for index, shape in enumerate(shapes) if not isinstance(shape, list) and shape not in shapes[:index]
    ]
    if "s" in others:
        others.remove("s")
        # `Literal[…] | str` is a choice that may grow; `Literal[''] | str` is a text that may be emptied.
        others += [choices] if choices not in ([], [""]) else ["s?" if choices else "s"]
    elif choices:
        others.append(choices)
    return others[0] if len(others) == 1 else {"|": others}


def _evaluated(written: Any, module: types.ModuleType) -> Any:
    if isinstance(written, typing.ForwardRef):
        written = written.__forward_arg__
    return eval(written, {**vars(typing), **vars(module)}) if isinstance(written, str) else written


if __name__ == "__main__":
    FILE.write_text(text(table()), encoding="utf-8")
