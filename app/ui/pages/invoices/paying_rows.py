"""What a customer has to pay, and the card it is charged to, as words: pure."""

from typing import TypedDict

from app.billing.collecting import InvoiceCard, OpenBill
from app.kernel.text import t
from app.payments.saved_card_rows import SavedCard
from app.ui import present


class BillRow(TypedDict):
    number: str
    amount: str
    until: str
    href: str
    link: str


def bill_row(bill: OpenBill, *, by_card: bool) -> BillRow:
    return BillRow(
        number=bill.number,
        amount=present.fiat(bill.remaining),
        until=until(bill),
        href=f"/invoices/{bill.document_id}",
        link=bill.link if by_card else "",
    )


def until(bill: OpenBill) -> str:
    """`To pay by 5 Dec 2026`."""
    return t("invoices.paying.until", day=present.date(bill.due_at)) if bill.due_at else t("invoices.paying.to_pay")


def card_of(setting: InvoiceCard | None, cards: list[SavedCard]) -> SavedCard | None:
    """The card that invoices are or would be charged to: the one agreed to, else the newest."""
    active = [card for card in cards if card.is_active]
    if setting is not None and setting.is_on:
        return next((card for card in active if card.id == setting.card.id), None)
    return active[0] if active else None


def setting_words(setting: InvoiceCard | None) -> str:
    """Why it is off, where nobody turned it off."""
    if setting is None or setting.state != "disabled":
        return ""
    return t("invoices.paying.disabled", card=setting.card.text)
