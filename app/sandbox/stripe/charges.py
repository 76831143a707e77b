"""Charges, and what each does to the account's balance."""

from typing import Any

from app.sandbox.stripe import listing
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World, merged, new_id

FEE_PERMILLE, FEE_FIXED = 15, 25
DISPUTE_FEE = 2000
AVAILABLE_SECONDS = 2 * 86_400


def retrieve(world: World, given: dict[str, Any], charge: str) -> Thing:
    return world.get("charge", charge)


def update(world: World, given: dict[str, Any], charge: str) -> Thing:
    before = world.get("charge", charge)
    changes: Thing = {name: given[name] for name in ("description", "receipt_email") if name in given}
    if "metadata" in given:
        changes["metadata"] = merged(before["metadata"], given["metadata"])
    after = world.change(before, **changes)
    world.emit("charge.updated", after, before={name: before[name] for name in changes})
    return after


def all_of(world: World, given: dict[str, Any]) -> Thing:
    return listing.page(world, "charge", "/v1/charges", given, listing.same(given, "customer", "payment_intent"))


def balance_transaction(world: World, given: dict[str, Any], transaction: str) -> Thing:
    return world.get("balance_transaction", transaction)


def balance_transactions(world: World, given: dict[str, Any]) -> Thing:
    return listing.page(
        world, "balance_transaction", "/v1/balance_transactions", given, listing.same(given, "source", "type")
    )


def refunds_of(world: World, charge: Thing) -> Thing:
    """The member `refunds`, only written out when it is asked for."""
    found = world.store.page("refund", [("charge", "=", charge["id"])], limit=100).things
    return listing.wrapped(found, f"/v1/charges/{charge['id']}/refunds")


def succeeded(world: World, intent: Thing, method: Thing) -> Thing:
    charge = _charge(world, intent, method, "succeeded")
    moved = move(world, charge, "charge", charge["amount"], fee=fee_of(charge["amount"]))
    charge = world.add({**charge, "balance_transaction": moved["id"]})
    world.emit("charge.succeeded", charge)
    return charge


def pending(world: World, intent: Thing, method: Thing) -> Thing:
    charge = world.add(_charge(world, intent, method, "pending"))
    world.emit("charge.pending", charge)
    return charge


def settled(world: World, charge: Thing) -> Thing:
    """A pending charge whose money has arrived."""
    moved = move(world, charge, "payment", charge["amount"], fee=fee_of(charge["amount"]))
    charge = world.change(charge, status="succeeded", paid=True, balance_transaction=moved["id"])
    world.emit("charge.succeeded", charge)
    return charge


def failed(world: World, intent: Thing, method: Thing, code: str, message: str) -> Thing:
    charge = world.add({**_charge(world, intent, method, "failed"), "failure_code": code, "failure_message": message})
    world.emit("charge.failed", charge)
    return charge


def bounced(world: World, charge: Thing, code: str, message: str) -> Thing:
    """A pending charge whose money will not come."""
    charge = world.change(
        charge, status="failed", paid=False, captured=False, failure_code=code, failure_message=message
    )
    world.emit("charge.failed", charge)
    return charge


def move(world: World, source: Thing, kind: str, amount: int, *, fee: int = 0) -> Thing:
    """A line of the account's balance."""
    details = [
        {"amount": fee, "application": None, "currency": source["currency"], "description": "Stripe processing fees",
         "type": "stripe_fee"}
    ]  # fmt: skip
    return world.add(
        {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": world.now() + AVAILABLE_SECONDS,
            "balance_type": "payments",
            "created": world.now(),
            "currency": source["currency"],
            "description": source.get("description"),
            "exchange_rate": None,
            "fee": fee,
            "fee_details": details if fee else [],
            "net": amount - fee,
            "reporting_category": {"adjustment": "dispute", "payment": "charge"}.get(kind, kind),
            "source": source["id"],
            "status": "pending",
            "type": kind,
        }
    )


def fee_of(amount: int) -> int:
    """1.5 % and 25 of the smallest unit."""
    return (amount * FEE_PERMILLE + 500) // 1000 + FEE_FIXED


def _charge(world: World, intent: Thing, method: Thing, status: str) -> Thing:
    fine = status != "failed"
    charge = new_id("ch")
    return {
        "id": charge,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if fine else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": intent["statement_descriptor"] or "SANDBOX",
        "captured": fine,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(status),
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method),
        "presentment_details": intent["presentment_details"],
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{world.base()}/receipts/{charge}" if fine else None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }


def _outcome(status: str) -> Thing:
    fine = status != "failed"
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None if fine else "05",
        "network_status": "approved_by_network" if fine else "declined_by_network",
        "reason": None if fine else "generic_decline",
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete." if fine else "The bank did not return any further details.",
        "type": "authorized" if fine else "issuer_declined",
    }


def _details(method: Thing) -> Thing:
    kind = method["type"]
    if kind == "sepa_debit":
        debit = method["sepa_debit"]
        return {
            "sepa_debit": {**{name: debit[name] for name in ("bank_code", "branch_code", "country", "fingerprint",
                                                              "last4")}, "mandate": new_id("mandate"),
                           "expected_debit_date": None},
            "type": kind,
        }  # fmt: skip
    card = method["card"]
    kept = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet",
            "regulated_status")  # fmt: skip
    return {
        "card": {
            **{name: card[name] for name in kept},
            "amount_authorized": None,
            "authorization_code": None,
            "installments": None,
            "mandate": None,
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": "104102978678771",
            "three_d_secure": None,
        },
        "type": "card",
    }
