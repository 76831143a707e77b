"""What the SDK can send and we do not do: refused by its name, never taken and forgotten.

By route, as FastAPI knows it. A field may be nested: `line_items.price_unit` is looked for in each of the list,
`commitments.*.type` under every name. What says nothing (null, empty, false) may always be sent, and so may the values
that say what happens anyway.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from app.kernel.errors import InvalidInput


class Unserved(NamedTuple):
    """`instead` is what to do, after the field's name; `harmless` may be sent all the same."""

    instead: str
    harmless: tuple[Any, ...] = ()


CHECKOUT = Unserved("is not served: there are no checkout sessions here, report payments with POST /payments.")
CONNECTED = Unserved("is not served: there are no integrations to other systems here.")
UTC_ONLY = Unserved("is not served: usage and billing periods are counted in UTC.", ("UTC",))
NO_ANCHOR = Unserved("is not served: give start_time and end_time.")
GRANTED = Unserved("is not served: an entitlement has a usage_limit that begins anew by usage_reset_period.")
QUANTITIES = Unserved("is not served: what is committed to is an amount of money.")
PERIOD_ONLY = Unserved("is not served: a commitment is for each billing period.")
GATEWAY = Unserved("is not served: payments are made elsewhere and reported here.")
PUBLISHED_ONLY = Unserved("is not served: nothing of this is deleted.", ("published",))
CHILDREN = Unserved("is not served: customers have no children.")
PRORATED = Unserved("is not served: parts of a period are always charged as parts.", ("create_prorations",))

_LINE: Final = {
    "commitment_type": Unserved(QUANTITIES.instead, ("amount",)),
    "commitment_quantity": QUANTITIES,
    "commitment_time_buckets": Unserved("is not served: commit to windows with commitment_windowed."),
    "commitment_duration": PERIOD_ONLY,
}
_NEW_LINE: Final = {
    **_LINE,
    "subscription_phase_id": Unserved("is not served: subscriptions have no phases."),
}
_CHANGE: Final = {
    "billing_cadence": Unserved("must be RECURRING.", ("RECURRING",)),
}
_GRANTS: Final = (
    "grant_allocation_behavior", "grant_duration_unit", "grant_duration_value", "grant_measure", "grant_quota",
    "grant_unlimited",
)  # fmt: skip
_GRANT: Final = {
    **dict.fromkeys(_GRANTS, GRANTED),
    "aggregation_mode": Unserved("must be additive: entitlements to one feature add up.", ("additive",)),
}
_DATED: Final = {
    name: Unserved("is not served: an entitlement holds from when it is made until it is deleted.")
    for name in ("start_date", "end_date")
}
_METERED: Final = {"billing_anchor": NO_ANCHOR, "timezone": UTC_ONLY}
_ADDON: Final = {
    "checkout": CHECKOUT,
    "coupons": Unserved("is not served for addons: give coupons to the subscription, or to one of its prices."),
    **{f"line_item_commitments.*.{name}": said for name, said in _LINE.items()},
}
_MODIFY: Final = {
    "checkout": CHECKOUT,
    "inheritance_params": CHILDREN,
    "grouped_invoicing_params": CHILDREN,
    "line_item_change_params.line_items.coupons.price_id": Unserved("is not served here: they are for this line."),
    **{f"{place}.{name}": said for place in ("addon_params.add", "addon_bulk_params.adds")
       for name, said in _ADDON.items()},
}  # fmt: skip
_INVOICE_LINE: Final = {
    f"line_items.{name}": Unserved("is not served: a line has a name, a quantity, an amount and a period.")
    for name in (
        "commitment_info", "entity_id", "entity_type", "meter_display_name", "meter_id", "plan_display_name", "plan_id",
        "price_id", "price_unit", "price_unit_amount", "subscription_id", "subscription_line_item_id",
    )
} | {
    f"line_items.{name}": Unserved("is not served: it is worked out here.", (0, "0", "0.0", "0.00"))
    for name in (
        "adjusted_entitlement_quantity", "invoice_level_discount", "line_item_discount", "prepaid_credits_applied",
    )
}  # fmt: skip

#: Searches whose answers hold everything there is: `expand` names nothing.
_IN_FULL: Final = (
    ("POST", "/customers/search"), ("POST", "/prices/units/search"), ("GET", "/prices/units"),
    ("POST", "/coupons/search"), ("POST", "/groups/search"), ("POST", "/wallets/search"),
    ("POST", "/wallets/transactions/search"), ("GET", "/wallets/{wallet_id}/transactions"),
    ("GET", "/customers/wallets"), ("GET", "/wallets/{wallet_id}/balance/real-time"), ("GET", "/payments"),
    ("GET", "/taxes/rates"), ("POST", "/alerts/search"), ("POST", "/alerts/setting/search"),
)  # fmt: skip
#: What `expand` may name, separated by commas; what is in every answer may be asked for as well.
EXPANDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("POST", "/plans/search"): ("prices", "entitlements", "credit_grants", "meters", "features"),
    ("POST", "/addons/search"): ("prices", "entitlements", "credit_grants", "meters", "features"),
    ("POST", "/prices/search"): ("meters", "plans", "addons", "groups", "price_units", "priceunit"),
    ("POST", "/features/search"): ("meters", "groups"),
    ("POST", "/entitlements/search"): ("features", "meters", "plans", "addons"),
    ("POST", "/subscriptions/search"): ("plan", "customer", "line_items", "prices", "meters", "coupon_associations"),
    ("GET", "/customers/external/{external_id}/subscriptions"): (
        "plan", "customer", "line_items", "prices", "meters", "coupon_associations",
    ),
    ("GET", "/subscriptions/{subscription_id}/v2"): (
        "plan", "customer", "line_items", "prices", "meters", "coupon_associations",
    ),
    ("POST", "/subscriptions/lineitems/search"): ("prices", "meters"),
    ("POST", "/invoices/search"): ("customer", "subscription", "line_items"),
    ("GET", "/invoices/{invoice_id}"): ("customer", "subscription", "line_items"),
    ("GET", "/coupons/associations"): ("coupon",),
    ("POST", "/costs/search"): ("prices",),
    ("POST", "/costs/analytics"): ("meter", "price"),
    ("GET", "/costs/{sheet_id}"): ("prices",),
    ("POST", "/events/analytics"): ("meter", "feature"),
    **dict.fromkeys(_IN_FULL, ()),
}  # fmt: skip

FIELDS: Final[Mapping[tuple[str, str], Mapping[str, Unserved]]] = {
    ("POST", "/customers"): {
        "integration_entity_mapping": CONNECTED,
        "onboarding_workflow_name": Unserved("is not served: there are no onboarding workflows."),
        "skip_onboarding_workflow": Unserved("must be true or false.", (True,)),
    },
    ("PUT", "/customers"): {"integration_entity_mapping": CONNECTED},
    ("POST", "/entitlements"): {**_GRANT, **_DATED},
    ("POST", "/entitlements/bulk"): {f"items.{name}": said for name, said in {**_GRANT, **_DATED}.items()},
    ("PUT", "/entitlements/{entitlement_id}"): _GRANT,
    ("POST", "/entitlements/search"): {"has_grant_config": GRANTED},
    ("POST", "/subscriptions"): {
        **{f"addons.{name}": said for name, said in _ADDON.items()},
        "checkout": CHECKOUT,
        "phases": Unserved("is not served: change the plan when the time has come."),
        "inheritance": CHILDREN,
        "fx_rates": Unserved("is not served: a subscription is billed in its own currency."),
        "gateway_payment_method_id": GATEWAY,
        "commitment_duration": PERIOD_ONLY,
        "timezone": UTC_ONLY,
        "line_item_grouping": Unserved("must be per_billing_period.", ("per_billing_period",)),
        "auto_invoice_threshold": Unserved("is not served: usage is invoiced when its period ends."),
        "proration_behavior": PRORATED,
        **{f"line_items.{name}": said for name, said in _NEW_LINE.items()},
        "line_items.proration_behavior": Unserved(
            "is not served: a line counts from its start_date to its end_date.", ("none",)
        ),
        **{f"line_item_commitments.*.{name}": said for name, said in _LINE.items()},
        **{f"override_entitlements.{name}": said for name, said in _GRANT.items()},
    },
    ("POST", "/subscriptions/addon"): _ADDON,
    ("POST", "/subscriptions/{subscription_id}/modify/preview"): _MODIFY,
    ("POST", "/subscriptions/{subscription_id}/modify/execute"): _MODIFY,
    ("PUT", "/subscriptions/{subscription_id}"): {"parent_subscription_id": CHILDREN},
    ("POST", "/subscriptions/{subscription_id}/pause"): {"proration_behavior": PRORATED},
    ("POST", "/subscriptions/{subscription_id}/resume"): {"proration_behavior": PRORATED},
    ("POST", "/subscriptions/{subscription_id}/change/preview"): _CHANGE,
    ("POST", "/subscriptions/{subscription_id}/change/execute"): _CHANGE,
    ("POST", "/subscriptions/{subscription_id}/change/v2/preview"): {"checkout": CHECKOUT},
    ("POST", "/subscriptions/{subscription_id}/change/v2/execute"): {"checkout": CHECKOUT},
    ("POST", "/subscriptions/{subscription_id}/lineitems"): _NEW_LINE,
    ("PUT", "/subscriptions/lineitems/{line_id}"): _LINE,
    ("DELETE", "/subscriptions/lineitems/{line_id}"): {
        "proration_behavior": Unserved("is not served: what was paid ahead stays paid.", ("none",)),
    },
    ("POST", "/subscriptions/lineitems/search"): {
        "current_period_start": Unserved("is not served: ask for active_filter."),
        "addon_association_ids": Unserved("is not served: ask for subscription_ids."),
        "status": PUBLISHED_ONLY,
    },
    ("POST", "/subscriptions/search"): {
        "billing_cadence": Unserved("must be RECURRING.", (["RECURRING"],)),
        "effective_date_for_update": Unserved("is not served: ask with filters on period_end."),
        "parent_subscription_ids": CHILDREN,
        "subscription_type": Unserved("must be standalone: there is no other kind.", (["standalone"],)),
        "status": PUBLISHED_ONLY,
    },
    ("POST", "/events/query"): {
        "order": Unserved("must be desc: the newest comes first.", ("desc", "DESC")),
        "sort": Unserved("must be timestamp.", ("timestamp",)),
    },
    ("POST", "/events/usage"): {
        **_METERED,
        "group_by": Unserved("is not served: POST /events/analytics groups."),
        "group_by_property": Unserved("is not served: POST /events/analytics groups."),
    },
    ("POST", "/events/usage/meter"): _METERED,
    ("POST", "/events/analytics"): {
        "breakdown_bucket": Unserved("is not served: ask for a window_size."),
        "include_children": CHILDREN,
    },
    ("POST", "/wallets/{wallet_id}/top-up"): {
        "checkout": CHECKOUT,
        "coupons": Unserved("is not served: give bonus_credits_to_add."),
        "effective_date": Unserved("is not served: credits are added now."),
        "force_sync_invoice": CONNECTED,
    },
    ("POST", "/wallets/transactions/search"): {
        "filters": Unserved("is not served: use the fields of this search."),
        "sort": Unserved("is not served: the newest comes first."),
        "status": PUBLISHED_ONLY,
    },
    ("GET", "/wallets/{wallet_id}/transactions"): {"status": PUBLISHED_ONLY},
    ("POST", "/creditgrants"): {
        "proration_behavior": Unserved("is not served: a grant is given whole.", ("none",)),
    },
    ("POST", "/invoices"): {
        "amount_paid": Unserved("is not served: report it with POST /payments.", (0, "0", "0.0", "0.00")),
        "billing_period": Unserved("is not served: give period_start and period_end."),
        "checkout": CHECKOUT,
        "force_sync_invoice": CONNECTED,
        "invoice_coupons": Unserved("is not served: give coupons by their code."),
        "line_item_coupons": Unserved("is not served: give coupons of the whole."),
        "invoice_number": Unserved("is not served: numbers are given in series when an invoice is finalised."),
        "invoice_pdf_url": Unserved("is not served: the PDF is made here."),
        "invoice_type": Unserved("must be ONE_OFF: the others are made by subscriptions.", ("ONE_OFF",)),
        "issue_date": Unserved("is not served: an invoice is issued when it is finalised."),
        "payment_status": Unserved("must be PENDING: report payments with POST /payments.", ("PENDING",)),
        "subscription_id": Unserved("is not served: add a line to the subscription."),
        "total_prepaid_applied": Unserved("is not served: pay with credits.", (0, "0", "0.0", "0.00")),
        **_INVOICE_LINE,
    },
    ("POST", "/invoices/search"): {
        "status": PUBLISHED_ONLY,
    },
    ("GET", "/invoices/{invoice_id}"): {
        "expand_by_source": Unserved("is not served: GET /invoices/{id}/lines/{line}/events tells what is behind one."),
        "group_by": Unserved("is not served: GET /invoices/{id}/lines/{line}/events tells what is behind one."),
    },
    ("GET", "/invoices/{invoice_id}/pdf"): {"url": Unserved("is not served: the answer is the PDF itself.")},
    ("PUT", "/invoices/{invoice_id}"): {
        "apply_discount": Unserved("is not served: make a credit note."),
        "invoice_pdf_url": Unserved("is not served: the PDF is made here."),
    },
    ("POST", "/payments"): {
        "cancel_url": GATEWAY, "success_url": GATEWAY, "gateway_options": GATEWAY, "payment_gateway": GATEWAY,
        "payment_method_id": GATEWAY, "save_card_and_make_default": GATEWAY,
    },
    ("GET", "/payments"): {"payment_gateway": GATEWAY, "gateway_tracking_id": GATEWAY},
    ("PUT", "/payments/{payment_id}"): {
        "gateway_tracking_id": Unserved("is not served: give gateway_payment_id."),
        "payment_gateway": GATEWAY, "payment_method_id": GATEWAY,
        **{
            name: Unserved("is not served: it is the moment when the payment is reported.")
            for name in ("failed_at", "refunded_at", "succeeded_at", "voided_at")
        },
    },
    ("POST", "/creditnotes"): {
        "credit_note_number": Unserved("is not served: numbers are given in series when a note is finalised."),
    },
    ("POST", "/coupons"): {"rules": Unserved("is not served: a coupon counts wherever it is given.")},
    ("POST", "/costs/search"): {
        name: Unserved("is not served: there is one environment and one tenant here.")
        for name in ("environmentID", "tenantID")
    },
    ("POST", "/costs/analytics"): {
        "include_children": CHILDREN,
        "property_filters": Unserved("is not served: ask for feature_ids."),
    },
    ("POST", "/alerts/search"): {"status": PUBLISHED_ONLY},
}  # fmt: skip


def refuse(method: str, route: str, given: object) -> None:
    """`InvalidInput` "not_served" for the first field of what was sent that nobody would look at."""
    for name, unserved in FIELDS.get((method, route), {}).items():
        for place, value in _at(given, name.split(".")):
            if _says_nothing(value) or any(value == each and type(value) is type(each) for each in unserved.harmless):
                continue
            raise InvalidInput(f"{place} {unserved.instead}", param=place, code="not_served")
    known = EXPANDS.get((method, route))
    if known is not None and isinstance(given, Mapping) and (extra := expands(given) - set(known)):
        said = f"knows {', '.join(known)}." if known else "is not served: everything is in the answer."
        raise InvalidInput(f"expand {said} Not: {min(extra)[:100]}.", param="expand", code="not_served")


def expands(given: Mapping[str, Any]) -> set[str]:
    """What the answer is to hold beside the things themselves; not in `expand` alone, where a search nests it."""
    asked = given.get("expand")
    listed = asked if isinstance(asked, list) else str(asked or "").split(",")
    return {str(each).strip() for each in listed} - {""}


def _says_nothing(value: object) -> bool:
    return value is None or value is False or value in ("", "false") or (isinstance(value, list | dict) and not value)


def _at(given: object, steps: list[str], place: str = "") -> Iterator[tuple[str, object]]:
    """Where a field stands in what was sent, and what it says."""
    if isinstance(given, list):
        for number, each in enumerate(given):
            yield from _at(each, steps, f"{place}.{number}")
    elif isinstance(given, Mapping) and steps:
        for name in given if steps[0] == "*" else [steps[0]] if steps[0] in given else []:
            yield from _at_field(given[name], steps[1:], f"{place}.{name}" if place else str(name))


def _at_field(value: object, steps: list[str], place: str) -> Iterator[tuple[str, object]]:
    if steps:
        yield from _at(value, steps, place)
    else:
        yield place, value
