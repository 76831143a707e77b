"""The house's own rules, read from the sources with `ast`: who may import whom, and what stays at home."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.sources import APP, FILES, nodes

ROOT = APP.parent

#: One line a floor: a room imports rooms of lower floors, never of its own floor or a higher one.
FLOORS = (
    {"kernel"},
    {"pricing"},
    {"accounts", "files", "catalogue", "ledger", "providers", "metering"},
    {"plans"},
    {"generation", "invoicing"},
    {"payments"},
    {"billing"},
    {"notify", "reconcile", "mirror"},
    {"jobs"},
    {"services"},
    {"api", "ui"},
    {"app", "cli", "commands", "demo", "server", "__main__"},
)
#: Rooms that stand beside the stairs: the settings and the launcher know nobody but the error tree; the sandbox is a
#: separate program that plays the outside world.
BESIDE = {"settings": {"kernel"}, "run": set[str](), "sandbox": {"kernel"}}
#: Within the top floor: what starts the rest may name it. `cli` hands settings to commands and demo; nobody names cli.
TOP = {
    "app": {"demo"},
    "server": {"demo"},
    "cli": {"commands", "demo", "settings", "run"},
    "commands": {"settings", "run"},
    "demo": {"settings"},
    "__main__": {"cli"},
}
#: `services` is told the settings by whoever builds it, and so are the few places that need their type.
MAY_NAME_SETTINGS = {"services", "app", "cli", "commands", "demo", "server"}

#: A library that only these rooms may import; everybody else goes through their doors.
AT_HOME_ONLY = {
    "reflex": {"ui", "app"},
    "reflex_base": {"ui", "app"},
    "reflex_components_core": {"ui", "app"},
    "fastapi": {"api", "sandbox", "server"},
    "starlette": {"api", "ui", "app", "sandbox"},
    "dbos": {"jobs"},
    "stripe": {"payments"},
    "fpdf": {"invoicing"},
    "uharfbuzz": {"invoicing"},
    "facturx": {"invoicing"},
    "plotly": {"ui"},
    "aiosmtplib": {"notify"},
    "alembic": {"kernel"},
    "argon2": {"accounts"},
    "cryptography": {"kernel", "providers", "sandbox"},
    "granian": {"sandbox"},
    "prometheus_client": {"kernel", "api"},
    "opentelemetry": {"kernel"},
    "standardwebhooks": {"notify", "mirror"},
    "flexprice": {"mirror"},
    "boto3": {"files"},
    "botocore": {"files"},
}

#: Values in, values out: these import no clock, no randomness, no database, no network and no environment. Besides
#: these every file whose docstring says that it is PURE.
PURE = {
    "generation/breaker.py",
    "generation/lifecycle.py",
    "invoicing/document.py",
    "invoicing/parties.py",
    "invoicing/tax.py",
    "invoicing/tax_snapshot.py",
    "invoicing/wording.py",
    "kernel/money.py",
    "ledger/journal.py",
    "metering/expression.py",
    *(str(file.relative_to(APP)) for file in (APP / "pricing").glob("*.py")),
}
IMPURE = {"os", "time", "random", "secrets", "socket", "sqlite3", "sqlalchemy", "sqlmodel", "httpx", "asyncio"}
IMPURE_OURS = {"app.kernel.clock", "app.kernel.db", "app.kernel.ids", "app.kernel.secrets", "app.kernel.faults"}
READ_NO_CLOCK = ("app.kernel.clock.as_utc", "app.kernel.clock.parsed")

#: Who may look at the process's environment: the settings, what starts processes, and two that must be read before
#: settings can exist (the fault switch at import, Reflex's build configuration, which lies outside `app`).
READS_ENVIRONMENT = {
    "settings.py": "reads it for everyone",
    "kernel/faults.py": "a test switch read once at import; the settings refuse it in production",
    "cli.py": "hands the environment on to the server it becomes",
    "run/launch.py": "hands the environment on to what it starts",
    "run/venv.py": "hands the environment on to what it starts",
    "run/processes.py": "asks whether make is above it",
    "run/__main__.py": "hands the environment on to what it starts",
    "services.py": "the slot of this process among several on one host",
}


@dataclass(frozen=True)
class Source:
    """One of our modules."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(APP))

    @property
    def room(self) -> str:
        """`ledger` for app/ledger/lane.py, `settings` for app/settings.py."""
        return self.path.relative_to(APP).parts[0].removesuffix(".py")

    @property
    def nodes(self) -> tuple[ast.AST, ...]:
        return nodes(self.path)

    @property
    def says_pure(self) -> bool:
        text = self.path.read_text(encoding="utf-8")
        return text.startswith('"""') and "PURE" in text.split('"""', 2)[1]

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything imported; `from app.kernel import clock` names app.kernel.clock."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                package = self._package(node)
                yield from ((node.lineno, f"{package}.{alias.name}") for alias in node.names)

    @property
    def module(self) -> str:
        """`app.ledger.lane` for app/ledger/lane.py, `app.pricing` for the __init__ of a folder."""
        return ".".join(("app", *self.path.relative_to(APP).with_suffix("").parts)).removesuffix(".__init__")

    def _package(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        here = ("app", *self.path.relative_to(APP).parent.parts)
        return ".".join([*here[: len(here) - node.level + 1], *([node.module] if node.module else [])])


SOURCES = [Source(path) for path in FILES]


def allowed_rooms(room: str) -> set[str]:
    """What this room may import of ours, itself included."""
    if room in BESIDE:
        return BESIDE[room] | {room}
    below: set[str] = set()
    for floor in FLOORS:
        if room in floor:
            break
        below |= floor
    settings = {"settings"} if room in MAY_NAME_SETTINGS else set()
    return below | {room} | TOP.get(room, set()) | settings


@pytest.mark.parametrize("room", sorted({source.room for source in SOURCES} - {"__init__"}))
def test_every_room_has_a_floor(room):
    assert room in BESIDE or any(room in floor for floor in FLOORS), f"app/{room} is on no floor of FLOORS"


def test_imports_only_go_down_the_stairs():
    breaches = [
        f"app/{source.name}:{line} imports {name}"
        for source in SOURCES
        for line, name in source.imports()
        if name.startswith("app.") and name.split(".")[1] not in allowed_rooms(source.room)
    ]
    assert not breaches, "\n".join(breaches)


def test_no_two_files_need_each_other():
    # Within a room too: an import inside a function would only hide a circle.
    known = {source.module: source for source in SOURCES}
    needs = {
        module: {name if name in known else name.rpartition(".")[0] for _, name in source.imports()} & known.keys()
        for module, source in known.items()
    }
    while freed := {name for name, wanted in needs.items() if not wanted}:
        needs = {name: wanted - freed for name, wanted in needs.items() if name not in freed}
    assert not needs, f"in a circle, or above one: {sorted(needs)}"


def test_libraries_stay_at_home():
    breaches = [
        f"app/{source.name}:{line} imports {name}"
        for source in SOURCES
        for line, name in source.imports()
        if source.room not in AT_HOME_ONLY.get(name.split(".")[0], {source.room})
    ]
    assert not breaches, "\n".join(breaches)


def test_pure_files_take_values_and_return_values():
    assert {source.name for source in SOURCES} >= PURE
    impure = [
        f"{source.name}:{line} imports {name}"
        for source in SOURCES
        if source.name in PURE or source.says_pure
        for line, name in source.imports()
        if name.split(".")[0] in IMPURE or (name.startswith(tuple(IMPURE_OURS)) and name not in READ_NO_CLOCK)
    ]
    assert not impure, "\n".join(impure)


def test_the_environment_is_read_in_few_places():
    readers = {source.name for source in SOURCES if _reads_environment(source)}
    assert readers <= set(READS_ENVIRONMENT), f"read the environment: {sorted(readers - set(READS_ENVIRONMENT))}"
    assert set(READS_ENVIRONMENT) <= readers, f"no longer do: {sorted(set(READS_ENVIRONMENT) - readers)}"


def test_only_the_doors_load_settings():
    loaders = {
        source.name
        for source in SOURCES
        for node in source.nodes
        if isinstance(node, ast.Attribute) and node.attr == "load" and _is_settings(node.value)
    }
    loaders |= {source.name for source in SOURCES for _, name in source.imports() if name == "app.settings.load"}
    assert loaders <= {"app.py", "cli.py", "server.py"}


def test_the_launcher_needs_only_the_standard_library():
    import sys

    foreign = [
        f"app/{source.name}:{line} imports {name}"
        for source in SOURCES
        if source.room == "run"
        for line, name in source.imports()
        if not name.startswith("app.run") and name.split(".")[0] not in sys.stdlib_module_names
    ]
    assert not foreign, "\n".join(foreign)


def test_the_package_itself_is_empty():
    # Importing anything of ours must not load Reflex.
    assert (APP / "__init__.py").read_text() == ""


def test_development_pins_everything_the_runtime_pins():
    runtime, development = (
        set((ROOT / name).read_text().split()) for name in ("requirements.txt", "requirements-dev.txt")
    )
    assert runtime <= development
    assert all("==" in line for line in development)


def _reads_environment(source: Source) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        for node in source.nodes
    )


def _is_settings(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"settings", "environment"}
