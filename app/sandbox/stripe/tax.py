"""Stripe Tax: calculations, and the transactions that report what was sold and given back.

Tax is switched on unless the control page switches it off; a calculation lives ninety days unless it says otherwise.
"""

import re
from typing import Any, Final

from app.sandbox.stripe import currency as currencies
from app.sandbox.stripe import listing, tax_rates
from app.sandbox.stripe.addresses import address
from app.sandbox.stripe.errors import Refused, bad_parameter, missing
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.tax_rates import Due
from app.sandbox.stripe.world import World, new_id

SETTING: Final = "tax"
CALCULATION, TRANSACTION = "tax.calculation", "tax.transaction"
DEFAULTS: Final[dict[str, Any]] = {
    "active": True,
    "expires_after": 90 * 86_400,
    "registrations": list(tax_rates.REGISTERED),
}
MOST_LINES: Final = 100
_ZIP: Final = re.compile(r"\d{5}(-\d{4})?")


def standing(world: World) -> dict[str, Any]:
    """The account's tax settings, as the control page has them."""
    return {**DEFAULTS, **world.store.setting(SETTING, {})}


def settings(world: World, given: dict[str, Any]) -> Thing:
    active = standing(world)["active"]
    missing_fields = {"pending": {"missing_fields": ["head_office"]}, "active": None}
    head = {"city": "Berlin", "country": "DE", "line1": "Torstraße 140", "line2": None, "postal_code": "10119"}
    return {
        "object": "tax.settings",
        "defaults": {"provider": "stripe", "tax_behavior": None, "tax_code": tax_rates.DEFAULT_CODE},
        "head_office": {"address": {**head, "state": None}} if active else None,
        "livemode": False,
        "status": "active" if active else "pending",
        "status_details": {"active": {}} if active else missing_fields,
    }


# --- calculations


def calculate(world: World, given: dict[str, Any]) -> Thing:
    spoken = given["currency"].lower()
    if spoken not in currencies.KNOWN:
        raise Refused(f"Invalid currency: {spoken}.", param="currency")
    details = given.get("customer_details", {})
    if "customer" in given:
        raise bad_parameter("The sandbox calculates from `customer_details`: it copies no customer.", "customer")
    where = _address(details)
    lines = given["line_items"]
    if not 1 <= len(lines) <= MOST_LINES:
        raise bad_parameter(f"You must pass between 1 and {MOST_LINES} line items.", "line_items")
    _active(world)
    state = _located(where)
    override = details.get("taxability_override", "none")
    registered = standing(world)["registrations"]
    made = new_id("taxcalc")
    items, dues = [], []
    for place, line in enumerate(lines):
        code = line.get("tax_code", tax_rates.DEFAULT_CODE)
        if code not in tax_rates.CODES:
            raise missing("tax_code", code, f"line_items[{place}][tax_code]")
        found = tax_rates.due(where["country"], state, where["postal_code"] or "", code, override, registered)
        items.append(_line(line, place, code, found, where, state))
        dues.append(found)
    if len({item["reference"] for item in items}) != len(items):
        raise bad_parameter("Line item references must be unique.", "line_items")
    exclusive = sum(item["amount_tax"] for item in items if item["tax_behavior"] == "exclusive")
    inclusive = sum(item["amount_tax"] for item in items if item["tax_behavior"] == "inclusive")
    return world.add(
        {
            "id": made,
            "object": CALCULATION,
            "amount_total": sum(item["amount"] for item in items) + exclusive,
            "currency": spoken,
            "customer": None,
            "customer_details": _shown(details, where, state),
            "expires_at": world.now() + int(standing(world)["expires_after"]),
            "livemode": False,
            "ship_from_details": None,
            "shipping_cost": None,
            "tax_amount_exclusive": exclusive,
            "tax_amount_inclusive": inclusive,
            "tax_breakdown": [
                _summary(item, found, where, state) for item, found in zip(items, dues, strict=True)
            ],
            "tax_date": given.get("tax_date", world.now()),
        },
        {"lines": items},
    )  # fmt: skip


def retrieve(world: World, given: dict[str, Any], calculation: str) -> Thing:
    return _good(world, world.get(CALCULATION, calculation))


def lines_of(world: World, thing: Thing) -> Thing:
    """The line items, when `expand` asks for them."""
    lines = [{**line, "tax_breakdown": None} for line in world.store.hidden(thing["id"])["lines"]]
    if thing["object"] == TRANSACTION:
        lines = [_without(line, "tax_breakdown") for line in lines]
    return listing.wrapped(lines, f"/v1/tax/{thing['object'].partition('.')[2]}s/{thing['id']}/line_items")


def calculation_lines(world: World, given: dict[str, Any], calculation: str) -> Thing:
    return lines_of(world, _good(world, world.get(CALCULATION, calculation)))


def transaction_lines(world: World, given: dict[str, Any], transaction: str) -> Thing:
    return lines_of(world, world.get(TRANSACTION, transaction))


def breakdown_of(world: World, line: Thing) -> list[Thing]:
    """Who taxes a line, when `expand` asks for it."""
    for calculation in world.store.page(CALCULATION, limit=1_000_000).things:
        for each in world.store.hidden(calculation["id"])["lines"]:
            if each["id"] == line["id"]:
                return list(each["tax_breakdown"])
    raise missing("tax.calculation_line_item", line["id"])


def _active(world: World) -> None:
    if not standing(world)["active"]:
        raise Refused(
            "Stripe Tax has not been activated on your account. Please visit"
            " https://dashboard.stripe.com/settings/tax to get started.",
            code="stripe_tax_inactive",
        )


def _address(details: dict[str, Any]) -> Thing:
    if "ip_address" in details and "address" not in details:
        raise bad_parameter("The sandbox knows no place of an IP address.", "customer_details[ip_address]")
    found = address(details.get("address"))
    if found is None:
        raise bad_parameter("Missing required param: customer_details[address].", "customer_details[address]",
                            "parameter_missing")  # fmt: skip
    if "address_source" not in details:
        raise bad_parameter(
            "You must specify `customer_details[address_source]` with an address.",
            "customer_details[address_source]",
            "parameter_missing",
        )
    return found


def _located(where: Thing) -> str:
    """The state; an address that tax cannot be worked out for is refused."""
    state = str(where["state"] or "").removeprefix("US-")
    if not re.fullmatch("[A-Z]{2}", where["country"] or ""):
        raise _nowhere()
    if where["country"] != "US":
        return state
    if not _ZIP.fullmatch(where["postal_code"] or ""):
        raise _nowhere()
    known = tax_rates.state_of(where["postal_code"])
    if known is None and (not state or state in tax_rates.POSTCODES):
        raise _nowhere()
    if known is not None and state not in {"", known}:
        raise _nowhere()
    return known or state


def _nowhere() -> Refused:
    return Refused(
        "We could not determine the customer's tax location based on the provided customer address.",
        code="customer_tax_location_invalid",
        param="customer_details[address]",
    )


def _line(given: dict[str, Any], place: int, code: str, found: Due, where: Thing, state: str) -> Thing:
    amount, behaviour = given["amount"], given.get("tax_behavior", "exclusive")
    if amount < 0:
        raise bad_parameter("Invalid non-negative integer", f"line_items[{place}][amount]", "parameter_invalid_integer")
    base, taxes = tax_rates.taxed(amount, found, inclusive=behaviour == "inclusive")
    return {
        "id": new_id("tax_li"),
        "object": "tax.calculation_line_item",
        "amount": amount,
        "amount_tax": sum(taxes),
        "livemode": False,
        "metadata": given.get("metadata") or None,
        "performance_location": None,
        "product": None,
        "quantity": given.get("quantity", 1),
        "reference": given.get("reference", f"L{place + 1}"),
        "tax_behavior": behaviour,
        "tax_breakdown": _breakdown(amount, base, taxes, found, where, state),
        "tax_code": code,
    }


def _breakdown(amount: int, base: int, taxes: list[int], found: Due, where: Thing, state: str) -> list[Thing]:
    country = where["country"]
    if not found.levies:
        level = "state" if state else "country"
        there = {"country": country, "display_name": state or country, "level": level, "state": state or None}
        return [
            {
                "amount": 0,
                "jurisdiction": there,
                "sourcing": "destination",
                "tax_rate_details": None,
                "taxability_reason": found.reason,
                "taxable_amount": 0,
            }
        ]
    return [
        {
            "amount": tax,
            "jurisdiction": {"country": country, "display_name": levy.name, "level": levy.level, "state": state},
            "sourcing": "destination",
            "tax_rate_details": {
                "display_name": "Sales Tax",
                "percentage_decimal": f"{levy.percent.normalize():f}",
                "tax_type": "sales_tax",
            },
            "taxability_reason": found.reason,
            "taxable_amount": base,
        }
        for levy, tax in zip(found.levies, taxes, strict=True)
    ]


def _summary(item: Thing, found: Due, where: Thing, state: str) -> Thing:
    """A line's taxes in one, as the calculation itself shows them."""
    return {
        "amount": item["amount_tax"],
        "inclusive": item["tax_behavior"] == "inclusive",
        "tax_rate_details": {
            "country": where["country"],
            "flat_amount": None,
            "percentage_decimal": f"{found.percent.normalize():f}" if found.levies else "0.0",
            "rate_type": "percentage" if found.levies else None,
            "state": state or None,
            "tax_type": "sales_tax" if found.levies else None,
        },
        "taxability_reason": found.reason,
        "taxable_amount": max((each["taxable_amount"] for each in item["tax_breakdown"]), default=0),
    }


def _shown(details: dict[str, Any], where: Thing, state: str) -> Thing:
    return {
        "address": {**where, "state": state or where["state"]},
        "address_source": details["address_source"],
        "ip_address": None,
        "tax_ids": details.get("tax_ids", []),
        "taxability_override": details.get("taxability_override", "none"),
    }


def _good(world: World, calculation: Thing) -> Thing:
    if calculation["expires_at"] <= world.now():
        raise Refused(f"The tax calculation {calculation['id']} has expired.", param="calculation")
    return calculation


# --- transactions


def record(world: World, given: dict[str, Any]) -> Thing:
    """What was sold, by a calculation of it."""
    calculation = world.store.find(given["calculation"], CALCULATION)
    if calculation is None:
        raise missing(CALCULATION, given["calculation"], "calculation")
    _good(world, calculation)
    _free(world, given["reference"])
    lines = [_recorded(line) for line in world.store.hidden(calculation["id"])["lines"]]
    body = _transaction(world, given, calculation, "transaction", None)
    return world.add(body, {"lines": lines})


def reverse(world: World, given: dict[str, Any]) -> Thing:
    """What went back of it: all of it, or the lines that are named."""
    original = world.store.find(given["original_transaction"], TRANSACTION)
    if original is None or original["type"] != "transaction":
        raise missing(TRANSACTION, given["original_transaction"], "original_transaction")
    _free(world, given["reference"])
    sold = {line["id"]: line for line in world.store.hidden(original["id"])["lines"]}
    back = _reversed_before(world, original["id"])
    if given["mode"] == "full":
        if any(amount or tax for amount, tax in back.values()):
            raise Refused("This transaction was reversed in part: it cannot be reversed in full.", param="mode")
        wanted = [
            {"original_line_item": line["id"], "reference": line["reference"], "amount": -line["amount"],
             "amount_tax": -line["amount_tax"]}
            for line in sold.values()
        ]  # fmt: skip
    elif "flat_amount" in given:
        raise bad_parameter("The sandbox reverses by `line_items`.", "flat_amount")
    else:
        wanted = given.get("line_items", [])
    if not wanted:
        raise bad_parameter("A partial reversal needs `line_items`.", "line_items", "parameter_missing")
    lines = [_given_back(line, sold, back) for line in wanted]
    body = _transaction(world, given, original, "reversal", original["id"])
    return world.add(body, {"lines": lines})


def transaction(world: World, given: dict[str, Any], transaction: str) -> Thing:
    return world.get(TRANSACTION, transaction)


def _free(world: World, reference: str) -> None:
    [*found] = world.store.page(TRANSACTION, [("reference", "=", reference)], limit=1).things
    if found:
        raise Refused(
            f"A tax transaction with the reference '{reference}' already exists: {found[0]['id']}.",
            code="resource_already_exists",
            param="reference",
        )


def _recorded(line: Thing) -> Thing:
    kept = _without(line, "performance_location", "tax_breakdown")
    return {**kept, "id": new_id("tax_li"), "object": "tax.transaction_line_item", "reversal": None,
            "type": "transaction"}  # fmt: skip


def _given_back(given: dict[str, Any], sold: dict[str, Thing], back: dict[str, tuple[int, int]]) -> Thing:
    line = sold.get(given["original_line_item"])
    if line is None:
        raise missing("tax.transaction_line_item", given["original_line_item"], "line_items[original_line_item]")
    amount, tax = given["amount"], given["amount_tax"]
    if amount > 0 or tax > 0:
        raise bad_parameter("What is reversed is given as a negative amount.", "line_items[amount]")
    before, tax_before = back.get(line["id"], (0, 0))
    if -amount - before > line["amount"] or -tax - tax_before > line["amount_tax"]:
        raise Refused("The amount to reverse is more than is left of the line item.", param="line_items[amount]")
    return {
        **line,
        "id": new_id("tax_li"),
        "amount": amount,
        "amount_tax": tax,
        "metadata": given.get("metadata") or None,
        "quantity": given.get("quantity", line["quantity"]),
        "reference": given["reference"],
        "reversal": {"original_line_item": line["id"]},
        "type": "reversal",
    }


def _reversed_before(world: World, original: str) -> dict[str, tuple[int, int]]:
    """By line, what went back already (below zero)."""
    sums: dict[str, tuple[int, int]] = {}
    for each in world.store.page(TRANSACTION, [("type", "=", "reversal")], limit=1_000_000).things:
        if each["reversal"]["original_transaction"] != original:
            continue
        for line in world.store.hidden(each["id"])["lines"]:
            amount, tax = sums.get(line["reversal"]["original_line_item"], (0, 0))
            sums[line["reversal"]["original_line_item"]] = (amount + line["amount"], tax + line["amount_tax"])
    return sums


def _transaction(world: World, given: dict[str, Any], about: Thing, kind: str, original: str | None) -> Thing:
    return {
        "id": new_id("tax"),
        "object": TRANSACTION,
        "created": world.now(),
        "currency": about["currency"],
        "customer": None,
        "customer_details": about["customer_details"],
        "livemode": False,
        "metadata": given.get("metadata") or None,
        "posted_at": given.get("posted_at", world.now()),
        "reference": given["reference"],
        "reversal": {"original_transaction": original} if original else None,
        "ship_from_details": None,
        "shipping_cost": None,
        "tax_date": about["tax_date"],
        "type": kind,
    }


def _without(line: Thing, *names: str) -> Thing:
    return {name: value for name, value in line.items() if name not in names}
