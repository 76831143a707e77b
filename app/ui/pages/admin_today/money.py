"""What waits for an operator about money: disputes, transfers to approve, payments without an order, enquiries."""

from dataclasses import dataclass
from datetime import datetime

from app.billing import owed_back
from app.kernel.text import t
from app.payments import desk
from app.payments.desk import Decision, Line
from app.services import Services
from app.ui import present
from app.ui.pages.admin_today.facts import DecisionRow

NAMED = 5  # transfers with a row of their own; the rest share one


@dataclass(frozen=True, slots=True)
class Waiting:
    disputed: list[Line]
    transfers: list[Decision]
    unmatched: int
    oldest: datetime | None  # of the unmatched
    enquiries: int
    to_send: int  # transfers that give money back


def waiting(house: Services) -> Waiting:
    """Read everything at once."""
    with house.db.read() as connection:
        disputed, transfers = desk.disputed(connection), desk.decisions(connection)
        to_send = owed_back.count(connection)
    cases = house.cashier.unmatched
    first = cases.open_cases(limit=1)
    return Waiting(
        disputed,
        transfers,
        cases.count_open(),
        first[0].created_at if first else None,
        house.cashier.enquiries.count_open(),
        to_send,
    )


def money_rows(found: Waiting, at: datetime) -> list[DecisionRow]:
    """The riskiest first."""
    rows = [_dispute(line, at) for line in found.disputed]
    if found.unmatched:
        rows.append(
            _row(
                "unmatched",
                "unmatched",
                "loss",
                t("admin_today.decide.unmatched", count=_payments(found.unmatched)),
                t("admin_today.decide.unmatched_detail"),
                present.age(found.oldest, at) if found.oldest else "",
                t("admin_today.verb.resolve"),
                "/admin/orders?tab=unmatched",
            )
        )
    if found.to_send:
        rows.append(
            _row(
                "to_send",
                "transfer",
                "thin",
                t("admin_today.decide.to_send", count=present.plural(found.to_send, *_refund_words())),
                t("admin_today.decide.to_send_detail"),
                "",
                t("admin_today.verb.open"),
                "/admin/orders?tab=send",
            )
        )
    rows += [_transfer(one, at) for one in found.transfers[:NAMED]]
    if more := found.transfers[NAMED:]:
        rows.append(
            _row(
                "transfers",
                "transfer",
                "thin",
                t("admin_today.decide.more_transfers", count=present.count(len(more))),
                t("admin_today.decide.more_transfers_detail"),
                "",
                t("admin_today.verb.open"),
                "/admin/orders?tab=decide",
            )
        )
    if found.enquiries:
        rows.append(
            _row(
                "enquiries",
                "enquiry",
                "neutral",
                t("admin_today.decide.enquiries", count=present.plural(found.enquiries, *_enquiry_words())),
                t("admin_today.decide.enquiries_detail"),
                "",
                t("admin_today.verb.open"),
                "/admin/orders?tab=enquiries",
            )
        )
    return rows


def _transfer(one: Decision, at: datetime) -> DecisionRow:
    words = "admin_today.decide.transfer.second" if one.approvals else "admin_today.decide.transfer.ready"
    return _row(
        one.order_id,
        "transfer",
        "thin",
        t("admin_today.decide.transfer.title", amount=present.fiat(one.gross)),
        t(words, order=one.reference, customer=one.workspace_name),
        present.age(one.since, at),
        t("admin_today.verb.approve"),
        f"/admin/orders/{one.order_id}",
    )


def _dispute(line: Line, at: datetime) -> DecisionRow:
    order = line.order
    return _row(
        order.id,
        "dispute",
        "loss",
        t("admin_today.decide.dispute", amount=present.fiat(order.gross)),
        f"{order.reference} {present.DOT} {line.workspace_name}",
        present.age(order.updated_at, at),
        t("admin_today.verb.open"),
        f"/admin/orders/{order.id}",
    )


def _payments(count: int) -> str:
    return present.plural(count, t("admin_today.decide.payment"), t("admin_today.decide.payments"))


def _refund_words() -> tuple[str, str]:
    return t("admin_today.decide.refund"), t("admin_today.decide.refunds")


def _enquiry_words() -> tuple[str, str]:
    return t("admin_today.decide.enquiry"), t("admin_today.decide.enquiry_many")


def _row(key: str, icon: str, tone: str, title: str, detail: str, age: str, verb: str, href: str) -> DecisionRow:
    return {
        "key": key, "icon": icon, "tone": tone, "title": title, "detail": detail, "age": age, "verb": verb,
        "href": href,
    }  # fmt: skip
