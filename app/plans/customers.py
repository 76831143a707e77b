"""Billing customers. Each one is a workspace: a workspace gets its customer when it is first billed, with its own id as
`external_id`; a customer who is made here gets a workspace that nobody is a member of yet, with its wallet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from zoneinfo import available_timezones

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from app.accounts.audit import record
from app.accounts.people import LONGEST_NAME as LONGEST_WORKSPACE_NAME
from app.accounts.tables import Member, User, Workspace
from app.kernel.db import metadata
from app.kernel.errors import Conflict, InvalidInput, NotFound, Rejected
from app.kernel.fiat import CURRENCIES
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.ledger.wallet import open_wallet
from app.plans import tables
from app.plans.search import Page, chosen
from app.plans.search import search as page_of
from app.plans.shelf import Shelf
from app.plans.tables import PUBLISHED

ADDRESS: Final = (
    "address_line1", "address_line2", "address_city", "address_state", "address_postal_code", "address_country"
)  # fmt: skip
TREATMENTS: Final = ("taxable", "exempt")
PERSON: Final = ("id", "salutation", "first_name", "last_name", "email", "mobile", "department", "designation")
UTC_NAME: Final = "UTC"

_shelf = Shelf(tables.customer, "cust", "customer", "external_id", told="customer")
_workspace = metadata.tables[str(Workspace.__tablename__)]
_member = metadata.tables[str(Member.__tablename__)]
_user = metadata.tables[str(User.__tablename__)]


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is billed. `timezone` is kept for the integrator; billing periods are counted in UTC."""

    id: str
    workspace_id: str
    external_id: str
    name: str
    email: str
    contact: str | None
    address: Mapping[str, str | None]
    billing_currency: str | None
    timezone: str
    tax_treatment: str
    contact_persons: tuple[Mapping[str, Any], ...]
    metadata: Mapping[str, str]
    status: str
    created_by: str
    updated_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        kept = {name: value for name, value in row.items() if name not in ADDRESS}
        kept["contact_persons"] = tuple(kept["contact_persons"])
        return cls(**kept, address={name: row[name] for name in ADDRESS})


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Customer:
    """A new customer with a workspace of their own; `Conflict` "already_exists" for a known `external_id`, and for the
    id of a workspace: usage of that workspace is reported under it."""
    values = _read(given) | {"external_id": _external_id(given), "name": given.text("name")}
    if has_workspace(connection, values["external_id"]):
        raise Conflict(
            f"{values['external_id']} is a workspace here: ask for it by that external id, and it is a customer.",
            param="external_id", code="already_exists",
        )  # fmt: skip
    workspace_id = _open_workspace(connection, values["name"], now)
    defaults = {"email": "", "timezone": UTC_NAME, "tax_treatment": "taxable", "contact_persons": []}
    row = _shelf.add(connection, {**defaults, **values, "workspace_id": workspace_id}, actor=actor, now=now)
    return Customer.of(row)


def get(connection: Connection, customer_id: str) -> Customer:
    """The customer of this id, or `NotFound` "customer_not_found"."""
    return Customer.of(_shelf.get(connection, customer_id))


def by_external_id(connection: Connection, external_id: str, *, now: datetime | None = None) -> Customer:
    """The customer the integrator calls so, or `NotFound`. With `now`, a workspace may become one."""
    row = _shelf.by(connection, "external_id", external_id)
    if row is None and now is not None and has_workspace(connection, external_id):
        return of_workspace(connection, external_id, now=now)
    return Customer.of(_shelf.get_by(connection, "external_id", external_id) if row is None else row)


def find_external(connection: Connection, external_id: str) -> Customer | None:
    """The customer the integrator calls so."""
    row = _shelf.by(connection, "external_id", external_id)
    return None if row is None else Customer.of(row)


def find(connection: Connection, id_or_external: str) -> Customer | None:
    """The customer with this id, else with this external id; None when there is neither."""
    row = _shelf.find(connection, id_or_external) or _shelf.by(connection, "external_id", id_or_external)
    return None if row is None else Customer.of(row)


def named(connection: Connection, given: Given, *, required: bool = True) -> Customer | None:
    """The customer that `customer_id` or `external_customer_id` names. `InvalidInput` when one is `required` and
    neither is given, `NotFound` when there is no such customer."""
    if given.has("customer_id"):
        found, also = get(connection, given.text("customer_id")), given.maybe("external_customer_id")
        if also and also != found.external_id:
            raise given.wrong("external_customer_id", f"is not that of {found.id}: give one of them.")
        return found
    if given.has("external_customer_id"):
        return by_external_id(connection, given.text("external_customer_id"))
    if required:
        raise InvalidInput("Give customer_id or external_customer_id.", param=given.at("customer_id"))
    return None


def known(connection: Connection, workspace_id: str) -> Customer | None:
    """The customer a workspace is, None while it was never billed."""
    row = _shelf.by(connection, "workspace_id", workspace_id)
    return None if row is None else Customer.of(row)


def has_workspace(connection: Connection, workspace_id: str) -> bool:
    """Whether there is such a workspace, billed before or not."""
    return connection.execute(select(_workspace.c.id).where(_workspace.c.id == workspace_id)).first() is not None


def of_workspace(connection: Connection, workspace_id: str, *, now: datetime) -> Customer:
    """The customer a workspace is, made now if need be. `NotFound` "workspace_not_found".

    Two may ask at the same moment: whoever comes second finds what the first one made.
    """
    found = known(connection, workspace_id)
    if found is not None:
        return found
    name = connection.execute(select(_workspace.c.name).where(_workspace.c.id == workspace_id)).scalar()
    if name is None:
        raise NotFound(f"There is no workspace {workspace_id[:100]}.", code="workspace_not_found")
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {
        "id": new_id("cust"), "workspace_id": workspace_id, "external_id": workspace_id, "name": name,
        "email": _first_owner(connection, workspace_id), "timezone": UTC_NAME, "tax_treatment": "taxable",
        "contact_persons": [], "metadata": {}, "status": PUBLISHED, "created_by": "farebox", "updated_by": "farebox",
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    connection.execute(made(tables.customer).values(**row).on_conflict_do_nothing())
    return Customer.of(_shelf.get_by(connection, "workspace_id", workspace_id))


def change(connection: Connection, customer_id: str, given: Given, *, actor: str, now: datetime) -> Customer:
    """Take over what is given; the rest stays."""
    current = get(connection, customer_id)
    values = _read(given)
    if given.has("name"):
        values["name"] = given.text("name")
    if given.has("external_id") and given.raw["external_id"] != current.external_id:
        raise Rejected(
            "The external_id of a customer stays: usage is reported under it.", param="external_id",
            code="external_id_is_fixed",
        )  # fmt: skip
    return Customer.of(_shelf.change(connection, customer_id, values, actor=actor, now=now))


def delete(connection: Connection, customer_id: str, *, actor: str, now: datetime) -> None:
    """Take a customer off, and suspend the workspace it is. `Rejected` "customer_has_members" when people use it."""
    found = get(connection, customer_id)
    members = select(func.count()).select_from(_member).where(_member.c.workspace_id == found.workspace_id)
    if connection.execute(members).scalar_one():
        raise Rejected(
            "People are members of this customer's workspace: suspend the workspace instead.",
            code="customer_has_members",
        )
    _shelf.remove(connection, customer_id, actor=actor, now=now)
    connection.execute(update(_workspace).where(_workspace.c.id == found.workspace_id).values(suspended_at=now))
    _note(connection, "workspace.suspended", found.workspace_id, f"customer {customer_id} was deleted", now)


def search(connection: Connection, given: Given) -> Page:
    """Customers by id, external id, e-mail, metadata, or conditions on any field."""
    columns = tables.customer.c
    wanted = [
        *chosen(columns.id, given, "customer_ids"),
        *chosen(columns.external_id, given, "external_ids"),
        *chosen(columns.external_id, given, "external_id"),
        *chosen(columns.email, given, "email"),
    ]
    return page_of(connection, tables.customer, given, *wanted)


def _read(given: Given) -> dict[str, Any]:
    """What both a new and a changed customer may say."""
    found: dict[str, Any] = {name: given.maybe(name) for name in (*ADDRESS, "contact") if given.has(name)}
    if given.has("email"):
        found["email"] = _email(given)
    if given.has("billing_currency"):
        found["billing_currency"] = currency(given, "billing_currency")
    if given.has("timezone"):
        found["timezone"] = timezone(given, "timezone")
    if given.has("tax_treatment"):
        found["tax_treatment"] = given.choice("tax_treatment", TREATMENTS)
    if given.has("contact_persons"):
        found["contact_persons"] = [_person(each) for each in given.objects("contact_persons", most=50)]
    if given.has("metadata"):
        found["metadata"] = given.labels()
    return found


def currency(given: Given, name: str = "currency") -> str:
    """A code of ISO 4217, upper case."""
    found = given.text(name).upper()
    if found not in CURRENCIES:
        raise given.wrong(name, "must be a currency of three letters, such as USD.")
    return found


def timezone(given: Given, name: str) -> str:
    """A zone of the time zone database, such as Europe/Berlin."""
    found = given.text(name)
    if found not in available_timezones():
        raise given.wrong(name, "must be a time zone such as Europe/Berlin.")
    return found


def _external_id(given: Given) -> str:
    found = given.text("external_id")
    if not found.isprintable():
        raise given.wrong("external_id", "must be of visible characters.")
    return found


def _email(given: Given) -> str:
    address = (given.maybe("email") or "").strip().lower()
    before, _, after = address.partition("@")
    if address and (not before or not after or "@" in after or any(letter.isspace() for letter in address)):
        raise given.wrong("email", "is no e-mail address.")
    return address


def _person(given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {name: given.maybe(name) for name in PERSON if given.has(name)}
    return found | {"first_name": given.text("first_name"), "is_primary": given.flag("is_primary")}


def _open_workspace(connection: Connection, name: str, now: datetime) -> str:
    workspace_id = new_id("ws")
    tidy = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    shown = tidy[:LONGEST_WORKSPACE_NAME].strip() or "Customer"
    connection.execute(insert(_workspace).values(id=workspace_id, name=shown, created_at=now))
    open_wallet(connection, workspace_id)
    _note(connection, "workspace.created", workspace_id, shown, now)
    return workspace_id


def _first_owner(connection: Connection, workspace_id: str) -> str:
    query = (
        select(_user.c.email)
        .join(_member, _member.c.user_id == _user.c.id)
        .where(_member.c.workspace_id == workspace_id)
        .order_by(_member.c.role.desc(), _member.c.created_at)
        .limit(1)
    )
    return connection.execute(query).scalar() or ""


def _note(connection: Connection, action: str, subject: str, detail: str, now: datetime) -> None:
    with Session(connection) as session:
        record(session, None, action, subject, detail, at=now)
        session.flush()
