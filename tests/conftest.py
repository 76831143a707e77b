"""Fixtures every test may ask for. `database` comes twice: once on SQLite, once on PostgreSQL."""

import functools
import gc
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, expect

from app.kernel.db import Database
from tests.support import forking, processes
from tests.support.browser import find_chromium, running_browser
from tests.support.built import ensure_front_end
from tests.support.effort import CI, LONG
from tests.support.once import made_once
from tests.support.postgres import Postgres, running_postgres
from tests.support.processes import run_folder
from tests.support.redis import running_redis
from tests.support.sandbox import running_sandbox
from tests.support.schema import migrate, prepare
from tests.support.seeded import seed
from tests.support.stripe_sandbox import SandboxStripe, running_stripe
from tests.support.thrift import be_thrifty, make_hypothesis_patient, seek_garbage_seldom

gc.disable()  # what is imported to learn which tests there are stays: see `pytest_collection_finish`
be_thrifty()
make_hypothesis_patient()

ENGINES = ("sqlite", "postgres")
ONE_ENGINE = ("api", "ui")  # what they ask the database is asked in the rooms below, and tested there on both
NO_PARAMS = SimpleNamespace(params={})
NO_BROWSER = "no Chromium or Chrome was found: install one, or name one in CHROMIUM"
TESTS = Path(__file__).parent
PATIENCE_MS = 30_000  # a busy machine is slow, not wrong

expect.set_options(timeout=PATIENCE_MS)

# --- which tests run, and where


#: Two of the rooms begin first, and their tests follow one another in one process: the kills, and the pages, of which a
#: second process, with a Farebox of its own, does these files.
MARKED = ("browser", "faults")
OTHER_PAGES = {"test_playground", "test_routing_and_webhooks", "test_shell", "test_story", "test_top_up"}
GROUPS = ("pages", "other pages", "kills")
#: These follow one another as well: sources are parsed once, and libraries that are imported for seconds are so once.
TOGETHER = {
    "tests/api/test_after_the_purchase.py": "libraries",
    "tests/api/test_gateway.py": "libraries",
    "tests/api/test_media_gateway.py": "libraries",
    "tests/api/test_text_gateway.py": "libraries",
    "tests/sandbox/test_openai.py": "libraries",
    "tests/test_architecture.py": "sources",
    "tests/test_text_catalogue.py": "sources",
    "tests/ui/test_parts.py": "sources",
}
#: The rooms with the longest files come next, so that no process ends alone.
LONGEST = ("scenarios", "payments", "ledger", "generation", "reconcile", "jobs", "security", "run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long ones to `make test-long`, and say what begins first."""
    for item in items:
        if (room := _room(item.path)) in MARKED:
            item.add_marker(room)
    later = set() if LONG else {item for item in items if item.get_closest_marker("long") or _is_other_engine(item)}
    if later:
        config.hook.pytest_deselected(items=list(later))
    items[:] = sorted((item for item in items if item not in later), key=_place)


def pytest_collection_finish() -> None:
    """All that the tests need is imported: from now on there may be garbage."""
    seek_garbage_seldom()


def _place(item: pytest.Item) -> int:
    """Its group's place in `GROUPS`; whatever has none comes later."""
    room, group = _room(item.path), _group(item.path.relative_to(TESTS.parent).as_posix())
    if group in GROUPS:
        return GROUPS.index(group)
    return len(GROUPS) + (LONGEST.index(room) if room in LONGEST else len(LONGEST))


@functools.cache
def _room(path: Path) -> str:
    """The folder of `tests` that a file is in."""
    return path.relative_to(TESTS).parts[0]


def _is_other_engine(item: pytest.Item) -> bool:
    """Whether this is the PostgreSQL turn of a test that does without: its layer holds no SQL, or its neighbours do."""
    alone = item.get_closest_marker("one_engine") or _room(item.path) in ONE_ENGINE
    return bool(alone) and "postgres" in getattr(item, "callspec", NO_PARAMS).params.values()


def pytest_addoption(parser: pytest.Parser) -> None:
    """In how many processes."""
    processes.add_option(parser)


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """What has no group goes file by file, so that what a file's tests share is made in one process only."""

    def group(item: pytest.Item) -> str:
        path = item.nodeid.partition("::")[0]
        return _group(path) or path

    return processes.side_by_side(session, group, forking.start_for_all)


def _group(path: str) -> str | None:
    """The group of a file, `tests/room/test_it.py`, or none."""
    if path.startswith("tests/browser/"):
        return GROUPS[PurePosixPath(path).stem in OTHER_PAGES]
    return GROUPS[2] if path.startswith("tests/faults/") else TOGETHER.get(path)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it loudly when the browser scenarios did not run."""
    missed = [report for report in terminalreporter.stats.get("skipped", []) if NO_BROWSER in str(report.longrepr)]
    if missed:
        terminalreporter.section("NOT THE WHOLE SUITE", sep="!", red=True)
        terminalreporter.line(f"{len(missed)} browser scenarios did not run: {NO_BROWSER}", red=True)


# --- asyncio


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """`@pytest.mark.anyio` tests run on asyncio."""
    return "asyncio"


# --- databases


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    return made_once(tmp_path_factory, "template.sqlite", migrate)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """This process's PostgreSQL, with the migrated template in it."""
    with running_postgres() as server:
        server.prepare_template(prepare)
        yield server


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh migrated SQLite database."""
    path = tmp_path / "farebox.sqlite"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh migrated PostgreSQL database."""
    with postgres.fresh() as url:
        yield url


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh migrated database: SQLite once, PostgreSQL once."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh migrated database, ready to use."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


# --- a browser; its windows and the Farebox behind it are in tests/browser/conftest.py


@pytest.fixture(scope="session")
def front_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The built pages, made once."""
    ensure_front_end(tmp_path_factory.mktemp("build"))


def chromium() -> str:
    """Where a browser is. Where there is none, CI fails and a person is told."""
    executable = find_chromium()
    if executable is None:
        pytest.fail(NO_BROWSER) if CI else pytest.skip(NO_BROWSER)
    return executable


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with running_browser(chromium()) as running:
        yield running


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis. There is no skipping it: where it cannot start, the tests that need it fail."""
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the clips are kept that sandboxes deliver to whoever does not look at them."""
    folder = run_folder(tmp_path_factory) / "clips"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def sandbox_url(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One sandbox for the session, in a hurry."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=50, clips=clips) as url:
        yield url


@pytest.fixture(scope="session")
def session_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStripe]:
    """One Stripe for the session; a test asks for `stripe_`."""
    with running_stripe(tmp_path_factory.mktemp("stripe")) as running:
        yield running


@pytest.fixture
def stripe_(session_stripe: SandboxStripe) -> SandboxStripe:
    """The session's Stripe, with nothing in it."""
    session_stripe.ctl("reset")
    return session_stripe


@pytest.fixture(scope="session")
def seeded_sqlite(sqlite_template: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the catalogue in it, to copy."""

    def publish(path: Path) -> None:
        shutil.copyfile(sqlite_template, path)
        seed(f"sqlite:///{path}", sandbox_url)

    path = tmp_path_factory.mktemp("seeded") / "seeded.sqlite"
    shutil.copyfile(made_once(tmp_path_factory, "seeded.sqlite", publish), path)
    seed(f"sqlite:///{path}", sandbox_url)  # one that another process made has that one's sandbox
    return path


@pytest.fixture(scope="session")
def seeded_postgres(postgres: Postgres, sandbox_url: str) -> str:
    """The name of a PostgreSQL database with the catalogue in it, to copy."""
    postgres.execute("CREATE DATABASE farebox_seeded TEMPLATE farebox_template STRATEGY FILE_COPY")
    seed(postgres.url("farebox_seeded"), sandbox_url)
    return "farebox_seeded"


@pytest.fixture(params=ENGINES)
def seeded_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh database with the seed catalogue, its providers at `sandbox_url`."""
    if request.param == "sqlite":
        path = tmp_path / "seeded.sqlite"
        shutil.copyfile(request.getfixturevalue("seeded_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    server, template = request.getfixturevalue("postgres"), request.getfixturevalue("seeded_postgres")
    with server.fresh(template) as url:
        yield url
