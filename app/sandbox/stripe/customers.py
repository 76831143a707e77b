"""Customers."""

from typing import Any

from app.sandbox.stripe import listing, methods
from app.sandbox.stripe.addresses import address
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged, new_id

_PLAIN = ("description", "email", "name", "phone", "tax_exempt", "shipping", "preferred_locales", "business_name",
          "individual_name")  # fmt: skip


def create(world: World, given: dict[str, Any]) -> Thing:
    _check_email(given)
    customer = world.add(
        {
            "id": new_id("cus"),
            "object": "customer",
            "address": address(given.get("address")),
            "balance": 0,
            "created": world.now(),
            "currency": None,
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "description": given.get("description"),
            "discount": None,
            "email": given.get("email"),
            "invoice_prefix": new_id("in")[3:11].upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": given.get("invoice_settings", {}).get("default_payment_method"),
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": merged({}, given.get("metadata")),
            "name": given.get("name"),
            "next_invoice_sequence": 1,
            "phone": given.get("phone"),
            "preferred_locales": given.get("preferred_locales", []),
            "shipping": given.get("shipping"),
            "tax_exempt": given.get("tax_exempt") or "none",
            "test_clock": None,
        },
        {"tax_ids": [_tax_id(world, each) for each in given.get("tax_id_data", [])]},
    )
    if given.get("payment_method"):
        methods.attach(world, {"customer": customer["id"]}, given["payment_method"])
    world.emit("customer.created", customer)
    return customer


def retrieve(world: World, given: dict[str, Any], customer: str) -> Thing:
    return world.store.find(customer, "deleted_customer") or world.get("customer", customer)


def update(world: World, given: dict[str, Any], customer: str) -> Thing:
    _check_email(given)
    before = world.get("customer", customer)
    changes: Thing = {name: given[name] or None for name in _PLAIN if name in given}
    if "address" in given:
        changes["address"] = address(given["address"])
    if "invoice_settings" in given:
        changes["invoice_settings"] = {**before["invoice_settings"], **(given["invoice_settings"] or {})}
    if "metadata" in given:
        changes["metadata"] = merged(before["metadata"], given["metadata"])
    after = world.change(before, **changes)
    changed = {name: before[name] for name in changes if before[name] != after[name]}
    if changed:
        world.emit("customer.updated", after, before=changed)
    return after


def delete(world: World, given: dict[str, Any], customer: str) -> Thing:
    """A deleted customer stays readable as such, and its cards are gone."""
    gone = world.get("customer", customer)
    for method in world.store.page("payment_method", [("customer", "=", customer)], limit=100).things:
        world.change(method, customer=None)
    body = {"id": customer, "object": "customer", "deleted": True}
    world.store.run("UPDATE thing SET kind = 'deleted_customer' WHERE id = ?", customer)
    world.store.save(body)
    world.emit("customer.deleted", gone)
    return body


def all_of(world: World, given: dict[str, Any]) -> Thing:
    return listing.page(world, "customer", "/v1/customers", given, listing.same(given, "email"))


def tax_ids(world: World, customer: Thing) -> Thing:
    """The member `tax_ids`, only written out when it is asked for."""
    found = [{**each, "customer": customer["id"]} for each in world.store.hidden(customer["id"]).get("tax_ids", [])]
    return listing.wrapped(found, f"/v1/customers/{customer['id']}/tax_ids")


def _tax_id(world: World, given: dict[str, Any]) -> Thing:
    return {
        "id": new_id("txi"),
        "object": "tax_id",
        "country": given["value"][:2].upper() if given["type"] == "eu_vat" else None,
        "created": world.now(),
        "customer": None,
        "livemode": False,
        "type": given["type"],
        "value": given["value"],
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }


def _check_email(given: dict[str, Any]) -> None:
    email = given.get("email")
    if email and ("@" not in email.strip("@") or " " in email):
        raise Refused(f"Invalid email address: {email}", code="email_invalid", param="email")
