"""A member as a row: pure."""

from collections.abc import Sequence
from typing import TypedDict

from app.accounts.identity import Role
from app.accounts.keys import KeyInfo
from app.accounts.people import MemberInfo
from app.kernel.text import t
from app.ui import present

STATES = {"active": "done", "invited": "queued", "disabled": "held"}


class MemberRow(TypedDict):
    id: str
    name: str
    email: str
    role: str
    is_owner: bool
    is_you: bool
    is_invited: bool
    state: str  # a kind of state dot
    word: str
    keys: str  # how many of the workspace's keys they made
    made: str  # what those are called, for the question before they are removed
    turn: str  # what the button that changes their role does
    again: str
    remove: str


NOBODY = MemberRow(
    id="",
    name="",
    email="",
    role="",
    is_owner=False,
    is_you=False,
    is_invited=False,
    state="done",
    word="",
    keys="",
    made="",
    turn="",
    again="",
    remove="",
)


def member_row(member: MemberInfo, keys: Sequence[KeyInfo], you: str) -> MemberRow:
    """One member; `keys` are the workspace's that still work."""
    theirs = [key.name for key in keys if key.created_by == member.user_id]
    word = "disabled" if member.is_disabled else "invited" if member.is_invited else "active"
    turned = Role.MEMBER if member.role is Role.OWNER else Role.OWNER
    return MemberRow(
        id=member.user_id,
        name=member.name,
        email=member.email,
        role=t(f"team.role.{member.role}"),
        is_owner=member.role is Role.OWNER,
        is_you=member.user_id == you,
        is_invited=member.is_invited and not member.is_disabled,
        state=STATES[word],
        word=t(f"team.state.{word}"),
        keys=present.count(len(theirs)) if theirs else present.NOTHING,
        made=", ".join(theirs),
        turn=t(f"team.turn.{turned}", name=member.name),
        again=t("team.again.label", name=member.name),
        remove=t("team.remove.label", name=member.name),
    )
