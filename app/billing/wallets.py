"""The wallets of a customer: credits with a name, a rate and an order of their own, kept in the ledger.

Each is a wallet of the ledger whose unit is its id, so its credits mix with no others. The product's own prepaid
credits are listed among them under an id made of the workspace's (`house_id`).
Every function works in its caller's transaction; what moves credits is in `wallet_moves.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, false, func, insert, select

from app.billing import ended_credits
from app.billing.wallet_tables import wallet as _table
from app.billing.waterfall import Purse
from app.kernel.db import metadata
from app.kernel.errors import Broken, InvalidInput, NotFound, Rejected
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.kernel.money import CREDIT, Money, exact, plain
from app.kernel.text import t
from app.ledger import reads
from app.ledger import tables as ledger
from app.ledger.wallet import open_wallet
from app.plans import customers
from app.plans import tables as plans
from app.plans.customers import Customer
from app.plans.search import Page, chosen, lowered
from app.plans.search import search as page_of
from app.plans.shelf import Shelf
from app.plans.tables import PUBLISHED

PRE_PAID, POST_PAID = "PRE_PAID", "POST_PAID"
ACTIVE, FROZEN, CLOSED = "active", "frozen", "closed"
PRICE_TYPES: Final = ("ALL", "USAGE", "FIXED")
CONDITIONS: Final = ("below", "above")
LEVELS: Final = ("info", "warning", "critical")
HOUSE_CURRENCY: Final = "USD"
#: Among several wallets the lower figure pays first.
USUAL_PRIORITY: Final = 100
MOST_RATE: Final = Decimal(10) ** 9
MOST_CREDITS: Final = Decimal(10) ** 12

shelf = Shelf(_table, "wallet", "wallet")
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class House:
    """What one product credit is worth, in `HOUSE_CURRENCY`."""

    credit_value: Decimal


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A new, empty wallet of the customer that is named."""
    customer = customers.named(connection, given)
    if customer is None:
        raise Broken("A customer that must be named was not.")
    wallet_id = new_id("wallet")
    rate, currency = _rate(connection, given)
    topup_rate = given.maybe_decimal("topup_conversion_rate", above=Decimal(0), most=MOST_RATE) or rate
    values = {
        "id": wallet_id,
        "workspace_id": customer.workspace_id,
        "customer_id": customer.id,
        "unit": wallet_id,
        "name": given.maybe("name") or t("period.wallet.name"),
        "description": given.maybe("description", longest=1_000) or "",
        "currency": currency,
        "wallet_type": given.choice("wallet_type", (PRE_PAID, POST_PAID), PRE_PAID),
        "conversion_rate": plain(rate),
        "topup_conversion_rate": plain(topup_rate),
        "wallet_status": ACTIVE,
        "priority": USUAL_PRIORITY if not given.has("priority") else given.integer("priority", most=1_000_000),
        "config": config_of(given),
        "alert_settings": alerts_of(given, "alert_settings"),
        "alert_state": "ok",
        "auto_topup": auto_topup_of(given),
        "metadata": given.labels(),
    }
    open_wallet(connection, customer.workspace_id, unit=wallet_id)
    return shelf.add(connection, values, actor=actor, now=now)


def house_id(workspace_id: str) -> str:
    """Of the wallet that is the workspace's own prepaid credits."""
    return f"wallet_{workspace_id.removeprefix('ws_')}"


def find(connection: Connection, wallet_id: str, house: House) -> Record | None:
    """One wallet; a workspace's own also while nothing was written down of it."""
    row = shelf.find(connection, wallet_id)
    if row is not None or not wallet_id.startswith("wallet_"):
        return row
    workspace_id = f"ws_{wallet_id.removeprefix('wallet_')}"
    known = ledger.wallet.c
    query = select(known.id).where(known.workspace_id == workspace_id, known.unit == CREDIT)
    if connection.execute(query).first() is None:
        return None
    return _house(connection, workspace_id, house)


def get(connection: Connection, wallet_id: str, house: House) -> Record:
    """`find`, or `NotFound` "wallet_not_found"."""
    row = find(connection, wallet_id, house)
    if row is None:
        raise NotFound(f"There is no wallet {wallet_id[:100]}.", code="wallet_not_found")
    return row


def of_ledger(connection: Connection, numbers: Collection[int], house: House) -> dict[int, Record]:
    """Those that have these numbers in the ledger."""
    known = ledger.wallet.c
    rows = connection.execute(select(known.id, known.workspace_id, known.unit).where(known.id.in_(sorted(numbers))))
    return {
        row.id: get(connection, house_id(row.workspace_id) if row.unit == CREDIT else row.unit, house) for row in rows
    }


def of_customer(connection: Connection, customer: Customer, house: House) -> list[Record]:
    """All of a customer's, the product's own first, then in the order in which they pay."""
    rows = [row for row in shelf.of(connection, "customer_id", [customer.id]) if row["unit"] != CREDIT]
    own = find(connection, house_id(customer.workspace_id), house)
    rows.sort(key=lambda row: (row["wallet_status"] != ACTIVE, row["priority"], row["id"]))
    return [*([own] if own else []), *rows]


def search(connection: Connection, given: Given) -> Page:
    """Wallets that were made or changed here, newest first."""
    wanted = [*chosen(_table.c.id, given, "wallet_ids")]
    state = given.raw.get("status")
    if state in (ACTIVE, FROZEN, CLOSED):
        wanted.append(_table.c.wallet_status == state)
        given = Given({name: value for name, value in given.raw.items() if name != "status"})
    if given.has("alert_enabled"):
        is_on = func.coalesce(_table.c.alert_settings["alert_enabled"].as_boolean(), false())
        wanted.append(is_on == given.flag("alert_enabled"))
    return page_of(connection, _table, given, *wanted, names={"currency": lowered(_table.c.currency)})


def change(connection: Connection, wallet_id: str, given: Given, house: House, *, actor: str, now: datetime) -> Record:
    """Take over what is given: name, description, configuration, alerts, auto top-up, notes."""
    row = keep(connection, get(connection, wallet_id, house))
    values: dict[str, Any] = {}
    if given.has("name"):
        values["name"] = given.text("name")
    if given.has("description"):
        values["description"] = given.maybe("description", longest=1_000)
    if given.has("config"):
        values["config"] = config_of(given)
    if given.has("alert_settings"):
        values["alert_settings"] = alerts_of(given, "alert_settings")
    if given.has("auto_topup"):
        values["auto_topup"] = auto_topup_of(given)
    if given.has("metadata"):
        values["metadata"] = given.labels()
    if given.has("priority"):
        values["priority"] = given.integer("priority", most=1_000_000)
    return shelf.change(connection, str(row["id"]), values, actor=actor, now=now)


def keep(connection: Connection, row: Record) -> Record:
    """Write down what is told of a workspace's own wallet, so that it can be changed."""
    if row["unit"] == CREDIT and shelf.find(connection, str(row["id"])) is None:
        customer = customers.of_workspace(connection, str(row["workspace_id"]), now=row["created_at"])
        connection.execute(insert(_table).values(**{**row, "customer_id": customer.id}))
        return shelf.get(connection, str(row["id"]))
    return row


def none_holds(connection: Connection, customer: Customer, house: House) -> None:
    """`Rejected` "has_credits" while one of a customer's wallets holds anything, or owes it."""
    for row in of_customer(connection, customer, house):
        books = credits_of(connection, row)
        if any(part.micros for part in (books.balance, books.held, books.owed, books.debt)):
            raise Rejected(
                f"This customer's wallet {row['id']} is not empty: terminate it, or settle it, first.",
                code="has_credits",
            )


def must_be_active(row: Record) -> None:
    """`Rejected` "wallet_not_active"."""
    if row["wallet_status"] != ACTIVE:
        raise Rejected(f"The wallet {row['id']} is {row['wallet_status']}.", code="wallet_not_active")


def credits_of(connection: Connection, row: Record) -> reads.Balance:
    """How its books stand."""
    return reads.balance(connection, str(row["workspace_id"]), str(row["unit"]))


def rate_of(row: Record) -> Fraction:
    """What one credit is worth in the wallet's currency."""
    return Fraction(Decimal(row["conversion_rate"]))


def money(row: Record, credits: Decimal | Fraction) -> Money:
    """So many credits of this wallet."""
    return Money.from_exact(credits, str(row["unit"]))


def funding(connection: Connection, workspace_id: str, currency: str, now: datetime) -> list[Purse]:
    """What pays for lines of an invoice in this currency, in its order: prepaid wallets, for what each allows."""
    found = []
    for row, worth, ended in _spendable(connection, workspace_id, currency, now):
        allowed = _allowed(row)
        if row["wallet_type"] == PRE_PAID:
            usage = not allowed or bool({"USAGE", "ALL"} & allowed)
            found.append(Purse(str(row["id"]), worth, usage, bool({"FIXED", "ALL"} & allowed), tuple(ended.items())))
    return found


def paying(connection: Connection, workspace_id: str, currency: str, now: datetime) -> list[tuple[str, Fraction]]:
    """What may pay an invoice as a whole, and what each is worth: every wallet that is not for some lines only. Those
    that are for invoices go first."""
    rows = [
        (row, worth)
        for row, worth, _ in _spendable(connection, workspace_id, currency, now)
        if worth
        if not (allowed := _allowed(row)) or "ALL" in allowed or {"USAGE", "FIXED"} <= allowed
    ]
    rows.sort(key=lambda each: each[0]["wallet_type"] != POST_PAID)
    return [(str(row["id"]), worth) for row, worth in rows]


def _spendable(
    connection: Connection, workspace_id: str, currency: str, now: datetime
) -> list[tuple[Record, Fraction, dict[datetime, Fraction]]]:
    """Wallets in their order, with what their free credits are worth, and those that have ended, by when. The
    product's own credits are not among them: they pay for generations as they happen."""
    query = select(_table).where(
        _table.c.workspace_id == workspace_id,
        _table.c.currency == currency.upper(),
        _table.c.wallet_status == ACTIVE,
        _table.c.unit != CREDIT,
        _table.c.status == PUBLISHED,
    )
    found = []
    for found_row in connection.execute(query.order_by(_table.c.priority, _table.c.id)).mappings():
        row: Record = dict(found_row)
        balance = credits_of(connection, row)
        free = min(balance.balance, balance.available)
        if free.micros > 0:
            rate, ended = rate_of(row), ended_credits.of_wallet(connection, workspace_id, str(row["unit"]), now)
            good = max(Fraction(free.amount) - sum(ended.values(), Fraction(0)), Fraction(0))
            found.append((row, good * rate, {at: many * rate for at, many in ended.items()}))
    return found


def _allowed(row: Record) -> frozenset[str]:
    return frozenset((row["config"] or {}).get("allowed_price_types", ()))


def locked(connection: Connection, row: Record) -> Record:
    """The wallet as it stands once nobody else moves or closes it until the transaction ends."""
    query = select(_table).where(_table.c.id == row["id"]).with_for_update()
    found = connection.execute(query).mappings().first()
    return row if found is None else dict(found)  # of the product's own there may be no row, and it is never closed


def lock_all(connection: Connection, workspace_ids: Collection[str]) -> None:
    """Every wallet of these customers, in one order and before any of them is moved: of two who move credits of several
    wallets step by step, each could otherwise hold what the other needs next."""
    mine, books = _table.c, ledger.wallet.c
    for names, key_share in ((mine, False), (books, True)):  # the books' own way: what only mentions one need not wait
        query = select(names.id).where(names.workspace_id.in_(workspace_ids), names.unit != CREDIT)
        connection.execute(query.order_by(names.id).with_for_update(key_share=key_share)).all()


def config_of(given: Given) -> dict[str, Any] | None:
    """What a wallet pays for; None where nothing is said of it. Raises `InvalidInput`."""
    config = given.maybe_object("config")
    if config is None:
        return None
    types = config.texts("allowed_price_types")
    if unknown := [name for name in types if name not in PRICE_TYPES]:
        raise config.wrong("allowed_price_types", f"knows no {unknown[0]!r}: {', '.join(PRICE_TYPES)}.")
    return {"allowed_price_types": list(types)}


def alerts_of(given: Given, name: str) -> dict[str, Any] | None:
    """Alert settings as they are kept: each level with its condition and its threshold as text."""
    settings = given.maybe_object(name)
    if settings is None:
        return None
    kept: dict[str, Any] = {"alert_enabled": settings.flag("alert_enabled", True)}
    kind = settings.choice("alert_threshold_type", ("absolute", "percentage"), "absolute")
    for level in LEVELS:
        threshold = settings.maybe_object(level)
        if threshold is not None:
            kept[level] = {
                "threshold": plain(threshold.decimal("threshold", least=None)),
                "condition": threshold.choice("condition", CONDITIONS, "below"),
            }
    if kept["alert_enabled"] and not kept.keys() & set(LEVELS):
        raise settings.wrong("critical", "or warning or info is needed: an alert that is on has a threshold.")
    return {**kept, "alert_threshold_type": kind}


def auto_topup_of(given: Given) -> dict[str, Any] | None:
    """Its automatic top-up as it is kept; None where nothing is said of it. Raises `InvalidInput`."""
    topup = given.maybe_object("auto_topup")
    if topup is None:
        return None
    if not topup.flag("enabled"):
        return {"enabled": False}
    if topup.flag("invoicing"):
        raise topup.wrong("invoicing", "is not supported: top up when the invoice is paid, or leave it out.")
    kept: dict[str, Any] = {
        "enabled": True,
        "invoicing": False,
        "threshold": plain(topup.decimal("threshold", most=MOST_CREDITS)),
        "amount": plain(topup.decimal("amount", above=Decimal(0), most=MOST_CREDITS)),
    }
    cooldown = topup.maybe_object("cooldown")
    if cooldown is not None:
        units = ("second", "minute", "hour", "day")
        kept["cooldown"] = {"unit": cooldown.choice("unit", units), "value": cooldown.integer("value", most=100_000)}
    return kept


def _rate(connection: Connection, given: Given) -> tuple[Decimal, str]:
    """What one credit is worth, and in which currency: said here, or by the price unit that is named."""
    rate = given.maybe_decimal("conversion_rate", above=Decimal(0)) or Decimal(1)
    code = given.maybe("price_unit")
    if code is not None:
        unit = Shelf(plans.price_unit, "price_unit", "price unit", "code").get_by(connection, "code", code)
        return exact(str(unit["conversion_rate"])), str(unit["base_currency"]).upper()
    if rate > MOST_RATE:
        raise InvalidInput("conversion_rate is too large.", param="conversion_rate")
    return rate, customers.currency(given)


def _house(connection: Connection, workspace_id: str, house: House) -> Record:
    customer = customers.known(connection, workspace_id)
    created = customer.created_at if customer else _since(connection, workspace_id)
    rate = plain(house.credit_value)
    return {
        "id": house_id(workspace_id), "workspace_id": workspace_id, "customer_id": customer.id if customer else "",
        "unit": CREDIT, "name": t("period.wallet.house"), "description": "", "currency": HOUSE_CURRENCY,
        "wallet_type": PRE_PAID,
        "conversion_rate": rate, "topup_conversion_rate": rate, "wallet_status": ACTIVE, "priority": 0,
        "config": None, "alert_settings": None, "alert_state": "ok", "auto_topup": None, "metadata": {},
        "status": PUBLISHED, "created_by": "farebox", "updated_by": "farebox",
        "created_at": created, "updated_at": created,
    }  # fmt: skip


def _since(connection: Connection, workspace_id: str) -> datetime:
    workspace = metadata.tables["workspace"]
    moment: datetime = connection.execute(
        select(workspace.c.created_at).where(workspace.c.id == workspace_id)
    ).scalar_one()
    return moment
