"""Payment methods: test cards and test bank accounts, loose or saved on a customer."""

from collections.abc import Mapping
from typing import Any

from app.sandbox.stripe import cards, listing
from app.sandbox.stripe.addresses import address
from app.sandbox.stripe.cards import Account, Card
from app.sandbox.stripe.errors import CARD, Refused, bad_parameter, missing
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged, new_id

_REUSED = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a"
    " connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use"
    " a PaymentMethod multiple times, you must attach it to a Customer first."
)


def create(world: World, given: dict[str, Any]) -> Thing:
    kind = given.get("type")
    if kind == "card":
        return from_card(world, _card(given.get("card", {})), given)
    if kind == "sepa_debit":
        account = cards.by_iban(given.get("sepa_debit", {}).get("iban", ""))
        if account is None:
            raise Refused("The IBAN you provided is invalid.", code="bank_account_unusable", param="sepa_debit[iban]")
        return from_account(world, account, given)
    raise bad_parameter("The sandbox knows the payment method types card and sepa_debit", "type")


def retrieve(world: World, given: dict[str, Any], method: str) -> Thing:
    return world.get("payment_method", method)


def update(world: World, given: dict[str, Any], method: str) -> Thing:
    before = world.get("payment_method", method)
    changes: Thing = {}
    if "metadata" in given:
        changes["metadata"] = merged(before["metadata"], given["metadata"])
    if "allow_redisplay" in given:
        changes["allow_redisplay"] = given["allow_redisplay"]
    if "billing_details" in given:
        changes["billing_details"] = _billing(given, before["billing_details"])
    if "card" in given:
        changes["card"] = {**before["card"], **{name: given["card"][name] for name in given["card"]}}
    after = world.change(before, **changes)
    world.emit("payment_method.updated", after, before={name: before[name] for name in changes})
    return after


def attach(world: World, given: dict[str, Any], method: str) -> Thing:
    """Save a method on a customer; a test card's token makes a new method each time."""
    world.get("customer", given["customer"], "customer")
    found = named(world, method)
    if found["customer"] not in {None, given["customer"]}:
        raise Refused("The payment method you provided has already been attached to a customer.",
                      code="payment_method_unexpected_state")  # fmt: skip
    if world.store.hidden(found["id"]).get("spent"):
        raise Refused(_REUSED)
    behaviour = behaviour_of(world, found)
    if behaviour in cards.DECLINES and behaviour != "do_not_honor":
        raise _card_refused(behaviour)
    return keep(world, found, given["customer"])


def detach(world: World, given: dict[str, Any], method: str) -> Thing:
    found = world.get("payment_method", method)
    if found["customer"] is None:
        raise Refused(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            code="payment_method_unexpected_state",
        )
    return let_go(world, found)


def all_of(world: World, given: dict[str, Any]) -> Thing:
    return listing.page(
        world, "payment_method", "/v1/payment_methods", given, _kept(world, given.get("customer"), given)
    )


def of_customer(world: World, given: dict[str, Any], customer: str) -> Thing:
    world.get("customer", customer, "customer")
    url = f"/v1/customers/{customer}/payment_methods"
    return listing.page(world, "payment_method", url, given, _kept(world, customer, given))


def one_of_customer(world: World, given: dict[str, Any], customer: str, method: str) -> Thing:
    found = world.get("payment_method", method)
    if found["customer"] != customer:
        raise missing("payment_method", method)
    return found


# Used by intents, sessions and the control page


def named(world: World, wanted: str, param: str = "payment_method") -> Thing:
    """A method by its id, or a fresh one for a test card's token."""
    card = cards.by_token(wanted)
    if card:
        return from_card(world, card, {})
    return world.get("payment_method", wanted, param)


def usable(world: World, wanted: str, customer: str | None) -> Thing:
    """The method for a payment of that customer; refuses other people's and used-up ones."""
    found = named(world, wanted)
    owner = found["customer"]
    if owner and customer is None:
        raise Refused(
            f"The PaymentMethod {found['id']} belongs to the Customer {owner}. Please include the Customer in the"
            " `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    if owner and owner != customer:
        raise Refused(
            f"The provided PaymentMethod {found['id']} does not belong to the Customer {customer}.",
            param="payment_method",
        )
    if world.store.hidden(found["id"]).get("spent"):
        raise Refused(_REUSED, param="payment_method")
    return found


def behaviour_of(world: World, method: Thing) -> str:
    return str(world.store.hidden(method["id"]).get("behaviour", cards.PAYS))


def keep(world: World, method: Thing, customer: str) -> Thing:
    """Save on the customer, once."""
    if method["customer"] == customer:
        return method
    kept = world.change(method, customer=customer)
    world.emit("payment_method.attached", kept)
    return kept


def let_go(world: World, method: Thing) -> Thing:
    loose = world.change(method, customer=None)
    world.store.hide(method["id"], spent=True)
    world.emit("payment_method.detached", loose, before={"customer": method["customer"]})
    return loose


def from_card(world: World, card: Card, given: Mapping[str, Any]) -> Thing:
    details = {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": int(given.get("card", {}).get("exp_month", 12)),
        "exp_year": int(given.get("card", {}).get("exp_year", 2034)),
        "fingerprint": f"sandbox{card.number[-9:]}",
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return _added(world, "card", details, card.behaviour, given)


def from_account(world: World, account: Account, given: Mapping[str, Any]) -> Thing:
    details = {
        "bank_code": account.iban[4:12],
        "branch_code": "",
        "country": account.country,
        "fingerprint": f"sandbox{account.iban[-9:]}",
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": account.last4,
    }
    return _added(world, "sepa_debit", details, account.behaviour, given)


def _added(world: World, kind: str, details: Thing, behaviour: str, given: Mapping[str, Any]) -> Thing:
    return world.add(
        {
            "id": new_id("pm"),
            "object": "payment_method",
            "allow_redisplay": given.get("allow_redisplay", "unspecified"),
            "billing_details": _billing(given, {}),
            kind: details,
            "created": world.now(),
            "customer": None,
            "customer_account": None,
            "livemode": False,
            "metadata": merged({}, given.get("metadata")),
            "type": kind,
        },
        {"behaviour": behaviour},
    )


def _billing(given: Mapping[str, Any], before: Mapping[str, Any]) -> Thing:
    said = given.get("billing_details") or {}
    found: Thing = {name: said.get(name, before.get(name)) or None for name in ("email", "name", "phone", "tax_id")}
    empty = address({"country": None})
    found["address"] = address(said.get("address")) or before.get("address") or empty
    return found


def _card(given: Mapping[str, Any]) -> Card:
    found = cards.by_token(given["token"]) if "token" in given else cards.by_number(str(given.get("number", "")))
    if found is None:
        raise _card_refused("incorrect_number")
    return found


def _card_refused(decline_code: str) -> Refused:
    code, message = cards.DECLINES[decline_code]
    return Refused(message, status=402, kind=CARD, code=code, decline_code=decline_code)


def _kept(world: World, customer: str | None, given: Mapping[str, Any]) -> list[listing.Condition]:
    if customer:
        world.get("customer", customer, "customer")
    owned: listing.Condition = ("customer", "=", customer) if customer else ("customer", "IS NOT", None)
    return [owned, *listing.same(given, "type")]
