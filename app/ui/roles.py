"""Who may see a page and call its handlers. Nobody, unless the page says otherwise."""

from enum import StrEnum

from app.accounts.identity import Role as MemberRole
from app.accounts.identity import Who


class Role(StrEnum):
    NOBODY = "nobody"  # the default: a page that forgot to say is closed
    ANYONE = "anyone"
    SIGNED_IN = "signed_in"
    CUSTOMER = "customer"  # a member of a workspace
    OWNER = "owner"  # the owner of a workspace
    OPERATOR = "operator"  # of the installation


def may(person: Who | None, role: Role) -> bool:
    """Whether this person (None: nobody signed in) has `role`."""
    if role is Role.ANYONE:
        return True
    if person is None:
        return False
    match role:
        case Role.SIGNED_IN:
            return True
        case Role.CUSTOMER:
            return bool(person.workspace_id)
        case Role.OWNER:
            return bool(person.workspace_id) and person.role is MemberRole.OWNER
        case Role.OPERATOR:
            return person.is_operator
    return False


def home_of(person: Who | None) -> str:
    """The page where this person starts, and where a page they may not see sends them."""
    if person is None:
        return "/login"
    if person.workspace_id and not person.is_operator:
        return "/playground"
    return "/admin" if person.is_operator else "/"


def identity_of(person: Who | None) -> str:
    """What a tab belongs to; when any part of it changes, the tab starts empty."""
    if person is None:
        return ""
    return "|".join((person.user_id, person.workspace_id or "", person.role or "", str(person.is_operator)))
