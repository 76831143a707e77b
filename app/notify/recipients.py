"""Who gets a mail: a workspace's owners, the operators, or one address.

What belongs into a customer's own books (`FOR_THE_BOOKS`) goes to the address of the billing profile as well.
"""

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlmodel import col, select

from app.accounts.identity import Role
from app.accounts.tables import Member, User, Workspace
from app.invoicing.profiles import find
from app.kernel.errors import Undeliverable
from app.notify.compose import Reader

FOR_THE_BOOKS: Final = frozenset({"invoice", "invoice_issued", "credit_note", "order_received", "order_part_paid",
                                 "order_approved", "order_rejected", "invoice_charge_failed", "invoice_needs_action",
                                 "dunning_1", "dunning_2", "dunning_3", "dunning_4"})  # fmt: skip


class Audience(NamedTuple):
    reader: Reader
    addresses: tuple[str, ...]
    workspace_id: str | None = None


def audience(connection: Connection, payload: dict[str, Any]) -> Audience:
    """The readers of a promised mail; `Undeliverable` when there is nobody."""
    if payload["operators"]:
        operators = select(User.email).where(col(User.is_operator), col(User.disabled_at).is_(None))
        return _somebody(Audience(Reader("operators"), _all(connection, operators)), "There is no operator to tell.")
    if payload["to"] is not None:
        return Audience(Reader("address"), (payload["to"],))
    workspace_id = payload["workspace_id"]
    name = name_of(connection, workspace_id)
    owners = (
        select(User.email)
        .join(Member, col(Member.user_id) == col(User.id))
        .where(Member.workspace_id == workspace_id, Member.role == Role.OWNER, col(User.disabled_at).is_(None))
    )
    addresses = _all(connection, owners)
    if addresses and payload["template"] in FOR_THE_BOOKS:
        addresses = _with_books(connection, workspace_id, addresses)
    found = Audience(Reader("workspace", name), addresses, workspace_id)
    return _somebody(found, f"The workspace {workspace_id} has no owner to tell.")


def _with_books(connection: Connection, workspace_id: str, owners: tuple[str, ...]) -> tuple[str, ...]:
    """The owners and, where a billing profile names another address, that one: each once."""
    profile = find(connection, workspace_id)
    address = profile.buyer.email if profile else ""
    known = {owner.lower() for owner in owners}
    return owners if not address or address.lower() in known else (*owners, address)


def name_of(connection: Connection, workspace_id: str) -> str:
    """What a workspace is called; `Undeliverable` when there is none of that id."""
    name = connection.execute(select(Workspace.name).where(Workspace.id == workspace_id)).scalar()
    if name is None:
        raise Undeliverable(f"There is no workspace {workspace_id}.")
    return str(name)


def _all(connection: Connection, query: Any) -> tuple[str, ...]:
    return tuple(sorted(connection.execute(query).scalars()))


def _somebody(found: Audience, otherwise: str) -> Audience:
    if not found.addresses:
        raise Undeliverable(otherwise)
    return found
