"""Names of the people whose ids stand in logs."""

from collections.abc import Iterable

from sqlmodel import col, select

from app.accounts.tables import User
from app.services import Services


def names_of(house: Services, ids: Iterable[str | None]) -> dict[str, str]:
    """By id, of those that are people; a provider's or the system's own word is not among them."""
    wanted = {one for one in ids if one}
    if not wanted:
        return {}
    with house.db.reading() as session:
        return dict(session.exec(select(User.id, User.name).where(col(User.id).in_(wanted))).all())
