"""Who is asking: a person with a session, or a program with an API key. Plain values, safe to keep and compare."""

from dataclasses import dataclass
from enum import StrEnum

from app.kernel.errors import NotAllowed


class Role(StrEnum):
    """What a member may do in a workspace: an owner manages keys and people, a member generates."""

    OWNER = "owner"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Who:
    """A signed-in person and the workspace they look at; an operator may have none."""

    user_id: str
    name: str
    email: str
    is_operator: bool
    workspace_id: str | None
    workspace_name: str | None
    role: Role | None
    is_suspended: bool = False  # the workspace: it may look, it may not generate


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A program acting for a workspace."""

    key_id: str
    key_name: str
    workspace_id: str
    workspace_name: str
    created_by: str
    keeps_payloads: bool = False  # what is asked and answered is kept for a while
    manages_webhooks: bool = False


def suspended() -> NotAllowed:
    """The refusal a suspended workspace gets everywhere."""
    return NotAllowed("This workspace is suspended. Please contact the operator.", code="workspace_suspended")
