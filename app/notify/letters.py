"""Every mail Farebox can send: what it must be told, what its slip shows, and where its button leads.

Sentences are in the catalogue under `mail.letter.<name>`: `subject`, `title`, `body` (an empty line parts paragraphs)
and `action`; slip labels under `mail.fact.<param>`. Values come from whoever promises the mail with `outbox.mail`: a
`Fiat`, a `Money`, a date or text; an optional one may be left out, None or empty. `rows` is a list of [label, value].
A new mail is one entry here and its sentences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """What colours the mail's edge."""

    PLAIN = "plain"
    GOOD = "good"
    THIN = "thin"
    LOSS = "loss"


@dataclass(frozen=True, slots=True)
class Letter:
    """`needs` must be told; `takes` may be. `slip` names what the slip lists and `total` its last line, `rows` the
    param that holds further lines. `button` is a page of ours, or `{link}` for an address that was told."""

    needs: tuple[str, ...]
    slip: tuple[str, ...] = ()
    total: str = ""
    rows: str = ""
    takes: tuple[str, ...] = ()
    button: str = ""
    tone: Tone = Tone.PLAIN
    #: Params that are codes: their words are under `mail.reason.<code>`, and an unknown code is shown as it is.
    coded: tuple[str, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        return frozenset((*self.needs, *self.takes))


BUDGET = Letter(
    ("spent", "budget", "resets_on"),
    ("key", "budget", "resets_on"),
    "spent",
    takes=("key",),
    button="/keys",
    tone=Tone.THIN,
)
DUNNING = Letter(("number", "amount", "due_on"), ("number", "due_on"), "amount", button="/invoices", tone=Tone.THIN)

LETTERS: Mapping[str, Letter] = {
    # --- to a workspace: its balance
    "low_balance": Letter(("available", "threshold"), ("threshold",), "available", button="/top-up", tone=Tone.THIN),
    "wallet_low": Letter(
        ("wallet", "available", "state"), ("wallet",), "available", button="/balance", tone=Tone.THIN, coded=("state",)
    ),
    "credits_expiring": Letter(
        ("credits", "expires_on"), (), "credits", rows="lots", takes=("lots",), button="/playground", tone=Tone.THIN
    ),
    "budget_50": BUDGET,
    "budget_80": BUDGET,
    "budget_100": BUDGET,
    # --- to a workspace: auto top-up
    "topup_ok": Letter(
        ("credits", "amount", "available"),
        ("credits", "card", "available"),
        "amount",
        takes=("card",),
        button="/balance",
        tone=Tone.GOOD,
    ),
    "topup_failed": Letter(
        ("amount", "reason"),
        ("reason", "card", "retry_at"),
        "amount",
        takes=("card", "retry_at"),
        button="/top-up",
        tone=Tone.THIN,
        coded=("reason",),
    ),
    "topup_needs_action": Letter(
        ("amount", "link"), ("card",), "amount", takes=("card",), button="{link}", tone=Tone.THIN
    ),
    "topup_disabled": Letter(
        ("reason",), ("reason", "card"), takes=("card",), button="/top-up", tone=Tone.LOSS, coded=("reason",)
    ),
    # --- to a workspace: orders
    "order_received": Letter(
        ("order", "credits", "amount", "reference"),
        ("order", "credits", "reference", "expires_on"),
        "amount",
        rows="bank",
        takes=("bank", "expires_on"),
        button="/top-up",
    ),
    "order_part_paid": Letter(
        ("order", "received", "missing", "reference"),
        ("order", "reference", "received"),
        "missing",
        rows="bank",
        takes=("bank",),
        button="/top-up",
        tone=Tone.THIN,
    ),
    "order_approved": Letter(
        ("order", "credits", "amount"),
        ("order", "credits", "available"),
        "amount",
        takes=("available",),
        button="/balance",
        tone=Tone.GOOD,
    ),
    "order_rejected": Letter(
        ("order", "amount", "reason"),
        ("order", "reason"),
        "amount",
        button="/top-up",
        tone=Tone.LOSS,
        coded=("reason",),
    ),
    "payment_failed": Letter(
        ("order", "amount", "reason"),
        ("order", "reason"),
        "amount",
        button="/top-up",
        tone=Tone.LOSS,
        coded=("reason",),
    ),
    # --- to a workspace: documents
    "invoice": Letter(
        ("number", "amount", "issued_on"),
        ("number", "issued_on", "order", "credits"),
        "amount",
        takes=("order", "credits"),
        button="/invoices",
    ),
    "invoice_issued": Letter(
        ("number", "amount", "issued_on"),
        ("number", "issued_on", "due_on"),
        "amount",
        takes=("due_on",),
        button="/invoices",
    ),
    "credit_note": Letter(
        ("number", "amount", "issued_on", "invoice"),
        ("number", "issued_on", "invoice", "credits"),
        "amount",
        takes=("credits",),
        button="/invoices",
    ),
    "invoice_charge_failed": Letter(
        ("number", "amount", "reason", "link"),
        ("number", "reason", "card", "retry_at"),
        "amount",
        takes=("card", "retry_at"),
        button="{link}",
        tone=Tone.THIN,
        coded=("reason",),
    ),
    "invoice_needs_action": Letter(
        ("number", "amount", "link"), ("number", "card"), "amount", takes=("card",), button="{link}", tone=Tone.THIN
    ),
    "dunning_1": DUNNING,
    "dunning_2": DUNNING,
    "dunning_3": Letter(DUNNING.needs, DUNNING.slip, DUNNING.total, button="/invoices", tone=Tone.LOSS),
    "dunning_4": Letter(DUNNING.needs, DUNNING.slip, DUNNING.total, button="/invoices", tone=Tone.LOSS),
    # --- to a workspace: its webhooks
    "webhook_disabled": Letter(
        ("url", "reason", "since"),
        ("url", "since", "said"),
        takes=("said",),
        button="/webhooks",
        tone=Tone.LOSS,
        coded=("reason",),
    ),
    # --- to one person: their account
    "invited": Letter(
        ("inviter", "called", "link"), ("called", "expires_at"), takes=("expires_at",), button="{link}", tone=Tone.GOOD
    ),
    "password_link": Letter(("email", "link", "expires_at"), ("email", "expires_at"), button="{link}"),
    "password_changed": Letter(("email", "changed_at"), ("email", "changed_at"), tone=Tone.THIN),
    # --- to a workspace: a payment is disputed
    "dispute_opened": Letter(
        ("order", "amount", "credits"), ("order", "credits"), "amount", button="/balance", tone=Tone.LOSS
    ),
    "dispute_won": Letter(("order", "amount"), ("order",), "amount", button="/balance", tone=Tone.GOOD),
    # --- to the operators
    "dispute_notice": Letter(
        ("workspace", "order", "amount", "reason", "status"),
        ("workspace", "order", "reason", "status", "due_by"),
        "amount",
        takes=("due_by",),
        button="/admin/orders",
        tone=Tone.LOSS,
        coded=("reason", "status"),
    ),
    "reconcile_report": Letter(
        ("differences", "ran_at"),
        ("ran_at",),
        "differences",
        rows="findings",
        takes=("findings",),
        button="/admin/reconcile",
        tone=Tone.LOSS,
    ),
    "order_waiting": Letter(
        ("workspace", "order", "amount"),
        ("workspace", "order", "credits", "reference"),
        "amount",
        takes=("credits", "reference"),
        button="/admin/orders",
    ),
    "payment_unmatched": Letter(
        ("reason", "provider", "payment"),
        ("reason", "provider", "payment", "order"),
        "amount",
        takes=("order", "amount"),
        button="/admin/reconcile",
        tone=Tone.LOSS,
        coded=("reason",),
    ),
    "mail_test": Letter(("asked_at",), ("asked_at",), tone=Tone.GOOD),
    "enquiry_received": Letter(
        ("name", "email", "message"),
        ("name", "email", "company", "message"),
        takes=("company",),
        button="/admin/orders",
    ),
}
