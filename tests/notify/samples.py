"""Every letter told once, with everything it can be told."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from app.kernel.fiat import Fiat
from app.kernel.money import Money

DAY, MOMENT = date(2026, 11, 21), datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
PRICE, CREDITS = Fiat(6545, "EUR"), Money(50_000_000_000)
ORDER = "ord_01KAJ8M4ZDV6Q3W5X7Y9A1B2C3"
BANK = [["Account holder", "Example AI GmbH"], ["IBAN", "DE89 3704 0044 0532 0130 00"], ["BIC", "COBADEFFXXX"]]
BUDGET = {
    "key": "web-prod",
    "spent": Money(5_000_000_000),
    "budget": Money(10_000_000_000),
    "resets_on": date(2026, 12, 1),
}
DUNNING = {"number": "FB-2026-000417", "amount": PRICE, "due_on": DAY}

SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "low_balance": {"available": Money(96_500_000), "threshold": Money(100_000_000)},
    "wallet_low": {"wallet": "Video", "available": Money(4_200_000), "state": "warning"},
    "credits_expiring": {
        "credits": Money(1_200_000_000),
        "expires_on": date(2026, 12, 21),
        "lots": [["Welcome credits", Money(200_000_000)], ["Individual package", Money(1_000_000_000)]],
    },
    "budget_50": BUDGET,
    "budget_80": BUDGET,
    "budget_100": BUDGET,
    "topup_ok": {
        "credits": CREDITS,
        "amount": PRICE,
        "available": Money(50_120_500_000),
        "card": "Visa ending in 4242",
    },
    "topup_failed": {
        "amount": PRICE,
        "reason": "insufficient_funds",
        "card": "Visa ending in 4242",
        "retry_at": MOMENT,
    },
    "topup_needs_action": {"amount": PRICE, "link": "https://checkout.stripe.com/c/pay/cs_1", "card": "Visa 4242"},
    "invoice_charge_failed": {
        "number": "FB-2026-000012",
        "amount": PRICE,
        "reason": "insufficient_funds",
        "link": "https://pay.example.com/inv_1",
        "card": "Visa 4242",
        "retry_at": MOMENT,
    },
    "invoice_needs_action": {
        "number": "FB-2026-000012",
        "amount": PRICE,
        "link": "https://pay.example.com/inv_1",
        "card": "Visa 4242",
    },
    "invited": {
        "inviter": "Ada Lindqvist",
        "called": "Halfmoon Studio",
        "link": "https://ai.example.com/choose-password?link=usr_1",
        "expires_at": MOMENT,
    },
    "password_link": {
        "email": "ada@example.com",
        "link": "https://ai.example.com/choose-password?link=usr_1",
        "expires_at": MOMENT,
    },
    "password_changed": {"email": "ada@example.com", "changed_at": MOMENT},
    "topup_disabled": {"reason": "failed_attempt_limit_reached", "card": "Visa ending in 4242"},
    "webhook_disabled": {
        "url": "https://hooks.example.com/farebox",
        "reason": "failing",
        "since": MOMENT,
        "said": "It answered with status 500.",
    },
    "order_received": {
        "order": ORDER,
        "credits": CREDITS,
        "amount": PRICE,
        "reference": "FB-7K2Q-9M",
        "bank": BANK,
        "expires_on": date(2026, 12, 5),
    },
    "order_part_paid": {
        "order": ORDER,
        "received": Fiat(4000, "EUR"),
        "missing": Fiat(2545, "EUR"),
        "reference": "FB-7K2Q-9M",
        "bank": BANK,
    },
    "order_approved": {"order": ORDER, "credits": CREDITS, "amount": PRICE, "available": CREDITS},
    "order_rejected": {"order": ORDER, "amount": PRICE, "reason": "The transfer came from somebody else's account."},
    "payment_failed": {"order": ORDER, "amount": PRICE, "reason": "card_declined"},
    "invoice_issued": {"number": "FB-2026-000417", "amount": PRICE, "issued_on": DAY, "due_on": DAY},
    "invoice": {"number": "FB-2026-000417", "amount": PRICE, "issued_on": DAY, "order": ORDER, "credits": CREDITS},
    "credit_note": {
        "number": "FBC-2026-000012",
        "amount": PRICE,
        "issued_on": DAY,
        "invoice": "FB-2026-000417",
        "credits": CREDITS,
    },
    "dunning_1": DUNNING,
    "dunning_2": DUNNING,
    "dunning_3": DUNNING,
    "dunning_4": DUNNING,
    "dispute_opened": {
        "order": "FB-7KQ2M9XW",
        "amount": Fiat(11_900, "EUR"),
        "credits": Money.from_exact(100_000),
    },
    "dispute_won": {"order": "FB-7KQ2M9XW", "amount": Fiat(11_900, "EUR")},
    "dispute_notice": {
        "workspace": "Northwind Studio",
        "order": ORDER,
        "amount": PRICE,
        "reason": "product_not_received",
        "status": "needs_response",
        "due_by": MOMENT,
    },
    "reconcile_report": {
        "differences": 2,
        "ran_at": MOMENT,
        "findings": [["paid_not_credited", "pi_1 of " + ORDER], ["credited_not_invoiced", "ord_2"]],
    },
    "order_waiting": {
        "workspace": "Northwind Studio",
        "order": ORDER,
        "amount": PRICE,
        "credits": CREDITS,
        "reference": "FB-7K2Q-9M",
    },
    "payment_unmatched": {
        "reason": "unknown_order",
        "provider": "stripe",
        "payment": "pi_3P9",
        "order": "",
        "amount": PRICE,
    },
    "mail_test": {"asked_at": MOMENT},
    "enquiry_received": {
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "company": "Analytical Engines Ltd",
        "message": "We need about two million images a month. What would that cost us?",
    },
}
