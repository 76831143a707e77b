"""Every request the API takes: its address, its name in the table of parameters, and the function that answers."""

from collections.abc import Callable, Mapping
from typing import Any

from app.sandbox.stripe import (
    charges,
    customers,
    disputes,
    endpoints,
    intents,
    listing,
    methods,
    refunds,
    sessions,
    setups,
    tax,
)
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import ACCOUNT, World

Operation = Callable[..., Thing]


def account(world: World, given: dict[str, Any]) -> Thing:
    return {
        "id": ACCOUNT,
        "object": "account",
        "business_type": "company",
        "charges_enabled": True,
        "country": "DE",
        "created": 1_700_000_000,
        "default_currency": "eur",
        "details_submitted": True,
        "email": "sandbox@farebox.example",
        "payouts_enabled": True,
        "type": "standard",
    }


OPERATIONS: tuple[tuple[str, str, str, Operation], ...] = (
    ("GET", "/v1/account", "account.retrieve", account),
    ("POST", "/v1/customers", "customers.create", customers.create),
    ("GET", "/v1/customers", "customers.list", customers.all_of),
    ("GET", "/v1/customers/{customer}", "customers.retrieve", customers.retrieve),
    ("POST", "/v1/customers/{customer}", "customers.update", customers.update),
    ("DELETE", "/v1/customers/{customer}", "customers.delete", customers.delete),
    ("GET", "/v1/customers/{customer}/payment_methods", "customers.payment_methods.list", methods.of_customer),
    (
        "GET",
        "/v1/customers/{customer}/payment_methods/{method}",
        "customers.payment_methods.retrieve",
        methods.one_of_customer,
    ),
    ("POST", "/v1/checkout/sessions", "checkout.sessions.create", sessions.create),
    ("GET", "/v1/checkout/sessions", "checkout.sessions.list", sessions.all_of),
    ("GET", "/v1/checkout/sessions/{session}", "checkout.sessions.retrieve", sessions.retrieve),
    ("POST", "/v1/checkout/sessions/{session}", "checkout.sessions.update", sessions.update),
    ("POST", "/v1/checkout/sessions/{session}/expire", "checkout.sessions.expire", sessions.expire),
    ("GET", "/v1/checkout/sessions/{session}/line_items", "checkout.sessions.line_items", sessions.line_items),
    ("POST", "/v1/payment_intents", "payment_intents.create", intents.create),
    ("GET", "/v1/payment_intents", "payment_intents.list", intents.all_of),
    ("GET", "/v1/payment_intents/{intent}", "payment_intents.retrieve", intents.retrieve),
    ("POST", "/v1/payment_intents/{intent}", "payment_intents.update", intents.update),
    ("POST", "/v1/payment_intents/{intent}/confirm", "payment_intents.confirm", intents.confirm),
    ("POST", "/v1/payment_intents/{intent}/cancel", "payment_intents.cancel", intents.cancel),
    ("POST", "/v1/setup_intents", "setup_intents.create", setups.create),
    ("GET", "/v1/setup_intents", "setup_intents.list", setups.all_of),
    ("GET", "/v1/setup_intents/{setup}", "setup_intents.retrieve", setups.retrieve),
    ("POST", "/v1/setup_intents/{setup}/confirm", "setup_intents.confirm", setups.confirm),
    ("POST", "/v1/setup_intents/{setup}/cancel", "setup_intents.cancel", setups.cancel),
    ("POST", "/v1/payment_methods", "payment_methods.create", methods.create),
    ("GET", "/v1/payment_methods", "payment_methods.list", methods.all_of),
    ("GET", "/v1/payment_methods/{method}", "payment_methods.retrieve", methods.retrieve),
    ("POST", "/v1/payment_methods/{method}", "payment_methods.update", methods.update),
    ("POST", "/v1/payment_methods/{method}/attach", "payment_methods.attach", methods.attach),
    ("POST", "/v1/payment_methods/{method}/detach", "payment_methods.detach", methods.detach),
    ("POST", "/v1/refunds", "refunds.create", refunds.create),
    ("GET", "/v1/refunds", "refunds.list", refunds.all_of),
    ("GET", "/v1/refunds/{refund}", "refunds.retrieve", refunds.retrieve),
    ("POST", "/v1/refunds/{refund}", "refunds.update", refunds.update),
    ("POST", "/v1/refunds/{refund}/cancel", "refunds.cancel", refunds.cancel),
    ("GET", "/v1/charges", "charges.list", charges.all_of),
    ("GET", "/v1/charges/{charge}", "charges.retrieve", charges.retrieve),
    ("POST", "/v1/charges/{charge}", "charges.update", charges.update),
    ("GET", "/v1/balance_transactions", "balance_transactions.list", charges.balance_transactions),
    (
        "GET",
        "/v1/balance_transactions/{transaction}",
        "balance_transactions.retrieve",
        charges.balance_transaction,
    ),
    ("GET", "/v1/disputes", "disputes.list", disputes.all_of),
    ("GET", "/v1/disputes/{dispute}", "disputes.retrieve", disputes.retrieve),
    ("POST", "/v1/disputes/{dispute}", "disputes.update", disputes.update),
    ("POST", "/v1/disputes/{dispute}/close", "disputes.close", disputes.close),
    ("POST", "/v1/tax/calculations", "tax.calculations.create", tax.calculate),
    ("GET", "/v1/tax/calculations/{calculation}", "tax.calculations.retrieve", tax.retrieve),
    (
        "GET",
        "/v1/tax/calculations/{calculation}/line_items",
        "tax.calculations.line_items.list",
        tax.calculation_lines,
    ),
    (
        "POST",
        "/v1/tax/transactions/create_from_calculation",
        "tax.transactions.create_from_calculation",
        tax.record,
    ),
    ("POST", "/v1/tax/transactions/create_reversal", "tax.transactions.create_reversal", tax.reverse),
    ("GET", "/v1/tax/transactions/{transaction}", "tax.transactions.retrieve", tax.transaction),
    (
        "GET",
        "/v1/tax/transactions/{transaction}/line_items",
        "tax.transactions.line_items.list",
        tax.transaction_lines,
    ),
    ("GET", "/v1/tax/settings", "tax.settings.retrieve", tax.settings),
    ("GET", "/v1/events", "events.list", endpoints.events),
    ("GET", "/v1/events/{event}", "events.retrieve", endpoints.event),
    ("POST", "/v1/webhook_endpoints", "webhook_endpoints.create", endpoints.create),
    ("GET", "/v1/webhook_endpoints", "webhook_endpoints.list", endpoints.all_of),
    ("GET", "/v1/webhook_endpoints/{endpoint}", "webhook_endpoints.retrieve", endpoints.retrieve),
    ("POST", "/v1/webhook_endpoints/{endpoint}", "webhook_endpoints.update", endpoints.update),
    ("DELETE", "/v1/webhook_endpoints/{endpoint}", "webhook_endpoints.delete", endpoints.delete),
)

#: Members that are written out only when `expand` asks for them.
EXTRAS: Mapping[tuple[str, str], listing.Extra] = {
    ("checkout.session", "line_items"): sessions.expanded_line_items,
    ("charge", "refunds"): charges.refunds_of,
    ("customer", "tax_ids"): customers.tax_ids,
    (tax.CALCULATION, "line_items"): tax.lines_of,
    (tax.TRANSACTION, "line_items"): tax.lines_of,
    ("tax.calculation_line_item", "tax_breakdown"): tax.breakdown_of,
}
