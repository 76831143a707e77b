"""What has been made and is being made in a workspace, read in one go. Blocks; the states call it in a thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection

from app import services
from app.generation import views
from app.generation.preview import preview
from app.generation.timing import usual_seconds
from app.generation.views import Filter, Seen
from app.kernel.errors import FareboxError, NotFound
from app.kernel.ids import is_id
from app.kernel.money import Money
from app.kernel.text import t
from app.pricing.parameters import ParamSchema

ORIGIN = "playground"
MOST_JOBS = 6
PAGE = 30
LONGEST_WORDS = 200_000


@dataclass(frozen=True, slots=True)
class Known:
    """A generation with the schema it was asked under, and how long such a one takes."""

    seen: Seen
    schema: ParamSchema
    usual: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """`jobs` are open, or ended and asked for by id; `more_jobs` are open beyond those shown."""

    now: datetime
    jobs: tuple[Known, ...]
    more_jobs: int
    history: tuple[Known, ...]
    has_older: bool


@dataclass(frozen=True, slots=True)
class Again:
    """What running a generation once more costs now."""

    version_id: str
    maximum: Money
    is_exact: bool


def jobs_now(workspace_id: str, ended: Sequence[str]) -> Work:
    """The jobs alone: what a push or a pulse needs first."""
    return _work(workspace_id, ended, 0)


def work_now(workspace_id: str, ended: Sequence[str], shown: int = PAGE) -> Work:
    """Jobs and the latest `shown` lines of history."""
    return _work(workspace_id, ended, shown)


def find(generation_id: str, workspace_id: str) -> Known:
    """One generation of this workspace, or NotFound."""
    if not is_id(generation_id, "gen"):
        raise NotFound(t("playground.notice.no_generation"))
    with services.current().db.read() as connection:
        return _known(views.find(connection, generation_id, workspace_id))


def words_of(seen: Seen) -> str:
    """What a text model wrote, as long as it is kept and not too long to be looked at."""
    texts = [file for file in seen.kept_files if file["kind"] == "text"]
    if not texts:
        return ""
    try:
        path = services.current().files.open(texts[0]["id"])[1]
    except FareboxError:
        return ""
    with path.open(encoding="utf-8", errors="replace") as written:
        return written.read(LONGEST_WORDS)


def again(seen: Seen, workspace_id: str) -> Again | None:
    """The price of the same request now; None when it cannot be run any more."""
    house = services.current()
    asked = house.offers.of_version(seen.row["version_id"]).schema.names
    given = {name: value for name, value in seen.row["params"].items() if name in asked}  # a chat notes more than that
    try:
        found = preview(house.desk, seen.alias, given, workspace_id)
    except FareboxError:
        return None
    if found.quote is None or found.missing:
        return None
    return Again(found.offer.version_id, found.quote.maximum, found.quote.is_exact)


def _work(workspace_id: str, ended: Sequence[str], shown: int) -> Work:
    house = services.current()
    with house.db.read() as connection:
        wanted = Filter(workspace_id=workspace_id, origin=ORIGIN, open_only=True, limit=views.MAX_PAGE)
        still_open = views.page(connection, wanted)
        closed = [seen for one in ended if (seen := _ended(connection, one, workspace_id)) is not None]
        page = Filter(workspace_id=workspace_id, origin=ORIGIN, limit=shown + 1)
        history = views.page(connection, page) if shown else []
        jobs = [_known(seen, connection) for seen in [*closed, *still_open[:MOST_JOBS]]]
    return Work(
        now=house.desk.clock(),
        jobs=tuple(jobs),
        more_jobs=max(0, len(still_open) - MOST_JOBS),
        history=tuple(_known(seen) for seen in history[:shown]),
        has_older=len(history) > shown,
    )


def _ended(connection: Connection, generation_id: str, workspace_id: str) -> Seen | None:
    try:
        return views.find(connection, generation_id, workspace_id)
    except NotFound:
        return None


def _known(seen: Seen, connection: Connection | None = None) -> Known:
    schema = services.current().offers.of_version(seen.row["version_id"]).schema
    usual = usual_seconds(connection, seen.row["model_id"]) if connection is not None and not seen.finished else None
    return Known(seen, schema, usual)
