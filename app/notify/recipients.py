"""Who gets a mail: a workspace's owners, the operators, or one address."""

from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlmodel import col, select

from app.accounts.identity import Role
from app.accounts.tables import Member, User, Workspace
from app.kernel.errors import Undeliverable
from app.notify.compose import Reader


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
    found = Audience(Reader("workspace", name), _all(connection, owners), workspace_id)
    return _somebody(found, f"The workspace {workspace_id} has no owner to tell.")


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
