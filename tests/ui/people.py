"""The people the interface's tests sign in as."""

from app.accounts.identity import Role as MemberRole
from app.accounts.identity import Who

OWNER = Who("usr_1", "Mara Ito", "mara@halfmoon.test", False, "ws_1", "Halfmoon Studio", MemberRole.OWNER)
MEMBER = Who("usr_2", "Ben Okafor", "ben@halfmoon.test", False, "ws_1", "Halfmoon Studio", MemberRole.MEMBER)
STRANGER = Who("usr_3", "Lea Novak", "lea@kestrel.test", False, "ws_2", "Kestrel Films", MemberRole.OWNER)
HOMELESS = Who("usr_4", "Ann Wu", "ann@nowhere.test", False, None, None, None)
OPERATOR = Who("usr_5", "Tomas Reyes", "tomas@farebox.test", True, None, None, None)
BOTH = Who("usr_6", "Rio Sato", "rio@farebox.test", True, "ws_1", "Halfmoon Studio", MemberRole.OWNER)

#: Session token → person, as the accounts would answer.
SESSIONS = {
    "owner": OWNER,
    "member": MEMBER,
    "stranger": STRANGER,
    "homeless": HOMELESS,
    "operator": OPERATOR,
    "both": BOTH,
}
