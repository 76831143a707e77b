"""What can differ, by a code that never changes, and the words for it. PURE.

The sentences of a code (`reconcile.code.<code>.title`, `.said`, `.next`) are in the catalogue; what a difference is
about stands beside them as facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from app.kernel.text import t


class Code(StrEnum):
    # between us and the provider
    WEBHOOK_MISSED = "webhook_missed"
    WEBHOOK_PARKED = "webhook_parked"
    WEBHOOK_LATE = "webhook_late"
    ORDER_STUCK = "order_stuck"
    PAYMENT_NOT_CREDITED = "payment_not_credited"
    MONEY_UNMATCHED = "money_unmatched"
    PAYMENT_DIFFERS = "payment_differs"
    PAYMENT_NOT_AT_PROVIDER = "payment_not_at_provider"
    REFUND_NOT_BOOKED = "refund_not_booked"
    CREDIT_NOTE_WITHOUT_REFUND = "credit_note_without_refund"
    REFUND_NOT_AT_PROVIDER = "refund_not_at_provider"
    REFUND_STUCK = "refund_stuck"
    CHARGE_STUCK = "charge_stuck"
    DISPUTE_NOT_BOOKED = "dispute_not_booked"
    DISPUTE_NOT_AT_PROVIDER = "dispute_not_at_provider"
    PROVIDER_SILENT = "provider_silent"
    # among our own books
    ORDER_WITHOUT_PAYMENT = "order_without_payment"
    PAYMENT_WITHOUT_ORDER = "payment_without_order"
    ORDER_WITHOUT_CREDITS = "order_without_credits"
    CREDITS_WITHOUT_PAYMENT = "credits_without_payment"
    CREDITS_DIFFER = "credits_differ"
    CASH_DIFFERS = "cash_differs"
    TRANSFER_SHORT = "transfer_short"
    ORDER_WITHOUT_INVOICE = "order_without_invoice"
    INVOICE_DIFFERS = "invoice_differs"
    INVOICE_WITHOUT_PAYMENT = "invoice_without_payment"
    TAX_NOT_REPORTED = "tax_not_reported"
    VAT_ID_INVALID = "vat_id_invalid"
    NUMBER_GAP = "number_gap"
    BOOKS_BROKEN = "books_broken"
    INVOICES_BROKEN = "invoices_broken"
    RETURNS_BROKEN = "returns_broken"
    ROW_UNREADABLE = "row_unreadable"
    CHECK_UNFINISHED = "check_unfinished"


#: Told to the operators by a mail of its own when it comes up.
TOLD_ALREADY = frozenset({Code.MONEY_UNMATCHED, Code.WEBHOOK_PARKED})

#: What every run looks for in all of the books; for the others, a quick one reads the last days only, or nothing.
ALWAYS_ASKED = frozenset(
    {
        Code.WEBHOOK_MISSED,
        Code.WEBHOOK_PARKED,
        Code.WEBHOOK_LATE,
        Code.MONEY_UNMATCHED,
        Code.REFUND_STUCK,
        Code.CHARGE_STUCK,
        Code.PROVIDER_SILENT,
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in two places. `subject` is the id it is about, `facts` are short texts."""

    code: Code
    subject: str
    facts: Mapping[str, str] = field(default_factory=dict)
    order_id: str | None = None
    workspace_id: str | None = None
    healed: bool = False

    @property
    def key(self) -> str:
        """The same difference in two runs."""
        return f"{self.code}:{self.subject}"

    @property
    def title(self) -> str:
        return t(f"reconcile.code.{self.code}.title")

    @property
    def said(self) -> str:
        """What it means, in plain words."""
        return t(f"reconcile.code.{self.code}.said")

    @property
    def next_step(self) -> str:
        """What to do about it, or that nothing is left to do."""
        return t("reconcile.healed") if self.healed else t(f"reconcile.code.{self.code}.next")

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The facts with their names."""
        return [(t(f"reconcile.fact.{name}"), value) for name, value in self.facts.items()]

    def as_healed(self) -> Self:
        return replace(self, healed=True)

    def to_json(self) -> dict[str, Any]:
        return {
            "code": str(self.code),
            "subject": self.subject,
            "facts": dict(self.facts),
            "order_id": self.order_id,
            "workspace_id": self.workspace_id,
            "healed": self.healed,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        known = {name: raw[name] for name in ("subject", "facts", "order_id", "workspace_id", "healed")}
        return cls(Code(raw["code"]), **known)

    def __str__(self) -> str:
        head = f"{'healed' if self.healed else 'OPEN':<7} {self.code}  {self.subject}"
        facts = ", ".join(f"{name}: {value}" for name, value in self.lines)
        said = [f"        {line}" for line in (facts, self.said, self.next_step) if line]
        return "\n".join([head, *said])
