"""What a checkout session sells: its lines, their prices, and the tax when Stripe is asked to work it out."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.sandbox.stripe import currency as currencies
from app.sandbox.stripe.errors import Refused, bad_parameter, missing
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, new_id

#: Percent of the sale by the buyer's country; elsewhere the sandbox's tax is zero.
SANDBOX_TAX: Mapping[str, Decimal] = {
    country: Decimal(percent)
    for country, percent in (
        entry.split("=")
        for entry in (
            "AT=20",
            "BE=21",
            "DE=19",
            "ES=21",
            "FI=25.5",
            "FR=20",
            "GB=20",
            "IE=23",
            "IT=22",
            "NL=21",
            "PL=23",
        )
    )
}


@dataclass(frozen=True, slots=True)
class Totals:
    subtotal: int
    tax: int
    total: int


def read(world: World, given: list[dict[str, Any]]) -> tuple[list[Thing], str]:
    """The session's lines and the one currency they are in."""
    lines = [_line(world, each, number) for number, each in enumerate(given)]
    spoken = {line["currency"] for line in lines}
    if len(spoken) != 1:
        raise bad_parameter("All line items must use the same currency.", "line_items")
    return lines, spoken.pop()


def with_tax(lines: list[Thing], country: str | None) -> list[Thing]:
    """The lines with the tax of that country; without a country there is none yet."""
    percent = SANDBOX_TAX.get(country or "", Decimal(0))
    return [_taxed(line, percent) for line in lines]


def totals(lines: list[Thing]) -> Totals:
    return Totals(*(sum(line[name] for line in lines) for name in ("amount_subtotal", "amount_tax", "amount_total")))


def _taxed(line: Thing, percent: Decimal) -> Thing:
    base = line["amount_subtotal"]
    inclusive = (line["price"]["tax_behavior"]) == "inclusive"
    share = percent / (100 + percent) if inclusive else percent / 100
    tax = int((base * share).quantize(Decimal(1), ROUND_HALF_UP))
    return {**line, "amount_tax": tax, "amount_total": base if inclusive else base + tax}


def _line(world: World, given: dict[str, Any], number: int) -> Thing:
    path = f"line_items[{number}]"
    if "price" in given:
        raise missing("price", given["price"], f"{path}[price]")
    if "price_data" not in given:
        raise bad_parameter(f"You must specify either `price` or `price_data` in {path}.", path, "parameter_missing")
    price, quantity = _price(world, given["price_data"], f"{path}[price_data]"), given.get("quantity", 1)
    if quantity < 1:
        raise bad_parameter("Quantity must be a positive integer.", f"{path}[quantity]", "parameter_invalid_integer")
    amount = price["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": given.get("adjustable_quantity"),
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": price["sandbox_name"],
        "metadata": given.get("metadata", {}),
        "price": {name: value for name, value in price.items() if name != "sandbox_name"},
        "quantity": quantity,
    }


def _price(world: World, given: dict[str, Any], path: str) -> Thing:
    currency = given["currency"].lower()
    if currency not in currencies.KNOWN:
        raise Refused(f"Invalid currency: {currency}.", param=f"{path}[currency]")
    if "recurring" in given:
        raise bad_parameter("The sandbox sells nothing by subscription.", f"{path}[recurring]")
    product = given.get("product_data")
    if product is None:
        raise bad_parameter(
            "You must specify `product_data`: the sandbox keeps no products.", path, "parameter_missing"
        )
    amount = given.get("unit_amount")
    if amount is None and "unit_amount_decimal" in given:
        exact = Decimal(given["unit_amount_decimal"])
        amount = int(exact) if exact == int(exact) else None
    if amount is None:
        raise bad_parameter("You must specify a whole `unit_amount`.", f"{path}[unit_amount]", "parameter_missing")
    if amount < 0:
        raise bad_parameter("Invalid non-negative integer", f"{path}[unit_amount]", "parameter_invalid_integer")
    return {
        "id": new_id("price"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": world.now(),
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": new_id("prod"),
        "recurring": None,
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
        "sandbox_name": product["name"],
    }
