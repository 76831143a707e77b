"""Links that come by mail and let somebody choose a password: whoever is invited, or has forgotten theirs.

Nothing is stored for them. A link is signed over the person, its end and the password of the moment: it ends by itself,
and at once when there is another password, so it works one time.
"""

from datetime import UTC, datetime, timedelta

from app.accounts.tables import User
from app.kernel import secrets
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotAllowed
from app.kernel.ids import is_id

PAGE = "/choose-password"
INVITED_FOR, FORGOTTEN_FOR = timedelta(days=7), timedelta(hours=2)
LONGEST = 200
PURPOSE = "choose a password"


class PasswordLinks:
    """Makes and reads them; `secret_key` is the installation's."""

    def __init__(self, db: Database, clock: Clock, *, secret_key: str, public_url: str) -> None:
        self._db, self._clock = db, clock
        self._key = secrets.sign(secret_key, PURPOSE)
        self.public_url = public_url

    def make(self, user: User, lives: timedelta) -> tuple[str, datetime]:
        """The whole address for this person, and when it ends."""
        ends = (self._clock() + lives).replace(microsecond=0)
        token = f"{user.id}.{int(ends.timestamp())}.{self._signed(user, int(ends.timestamp()))}"
        return f"{self.public_url}{PAGE}?link={token}", ends

    def open(self, token: str) -> User:
        """Whose link this is; `NotAllowed` "link_ended" for one that was used, is too old, or was never made."""
        user_id, _, rest = token[:LONGEST].partition(".")
        written, _, signature = rest.partition(".")
        if not is_id(user_id, "usr") or not (written.isascii() and written.isdecimal()):
            raise ended()
        with self._db.reading() as session:
            user = session.get(User, user_id)
        if user is None or user.disabled_at is not None:
            raise ended()
        if not secrets.same(signature, self._signed(user, int(written))):
            raise ended()
        if datetime.fromtimestamp(int(written), UTC) <= self._clock():
            raise ended()
        return user

    def _signed(self, user: User, ends: int) -> str:
        return secrets.sign(self._key, user.id, str(ends), user.password_hash)


def ended() -> NotAllowed:
    """The refusal of a link that no longer works."""
    return NotAllowed("This link has been used or has ended. Ask for another one.", code="link_ended")
