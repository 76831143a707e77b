"""`python -m app …` as an operator types it."""

import io
import json
import os
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.accounts.service import Accounts
from app.cli import main
from app.kernel.clock import now
from app.kernel.db import Database
from app.kernel.secrets import new_vault_key

Run = Callable[..., "Done"]
SECRET = new_vault_key()


@pytest.fixture
def production(tmp_path, sqlite_url) -> dict[str, str]:
    """The settings of a production start that lacks nothing."""
    return {
        "FAREBOX_SECRET_KEY": SECRET,
        "FAREBOX_PUBLIC_URL": "https://ai.example.com",
        "FAREBOX_HOME": str(tmp_path / "home"),
        "DATABASE_URL": sqlite_url,
    }


@pytest.fixture
def demo(tmp_path) -> dict[str, str]:
    return {
        "FAREBOX_DEMO": "1",
        "FAREBOX_HOME": str(tmp_path / "home"),
        "FAREBOX_PORT": "3210",
        "FAREBOX_SANDBOX_URL": "http://127.0.0.1:4110",
    }


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch, capsys) -> Run:
    """Run one command with these settings and nobody else's."""
    for name in [name for name in os.environ if name.startswith(("FAREBOX_", "DATABASE_URL"))]:
        monkeypatch.delenv(name)

    def run_one(settings: dict[str, str], *arguments: str, typed: str = "") -> Done:
        with monkeypatch.context() as during:
            for name, value in settings.items():
                during.setenv(name, value)
            during.setattr("sys.stdin", io.StringIO(typed))
            code = main(list(arguments))
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run_one


def without(settings: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name not in names}


@pytest.mark.parametrize("missing", ["FAREBOX_SECRET_KEY", "FAREBOX_PUBLIC_URL"])
def test_a_production_start_names_the_missing_setting_in_one_sentence(run, production, missing):
    done = run(without(production, missing), "run")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"{missing} is missing: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"FAREBOX_SECRET_KEY": "short"}, "FAREBOX_SECRET_KEY must be", id="a secret that is none"),
        pytest.param({"DATABASE_URL": "sqlite:////nowhere/at/all"}, "no database at /nowhere", id="no database"),
        pytest.param({"DATABASE_URL": "postgresql://127.0.0.1:9/x"}, "check DATABASE_URL", id="no server"),
        pytest.param({"DATABASE_URL": "mysql://x"}, "must be sqlite:///… or postgresql://…", id="a foreign database"),
        pytest.param({"FAREBOX_FAULT": "settle.before"}, "FAREBOX_FAULT is a test switch", id="a test switch"),
        pytest.param({"FAREBOX_PORT": "http"}, "FAREBOX_PORT must be", id="a port that is none"),
    ],
)
def test_a_production_start_says_what_is_wrong(run, production, change, said):
    done = run({**production, **change}, "run")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_production_start_on_an_old_schema_says_what_to_run(run, production, tmp_path):
    done = run({**production, "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite'}"}, "run")
    assert done.returncode == 1
    assert "python -m app migrate" in done.stderr


def test_migrate_makes_the_schema(run, production, tmp_path):
    fresh = {**production, "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite'}"}
    assert "at revision" in run(fresh, "migrate").stdout
    assert run(fresh, "audit").returncode == 0


def test_the_demo_serves_loopback_only(run, demo):
    done = run({**demo, "FAREBOX_HOST": "0.0.0.0"}, "seed")
    assert done.returncode == 1
    assert "FAREBOX_HOST is 0.0.0.0" in done.stderr


def test_the_demo_is_seeded_once_and_keeps_its_logins(run, demo):
    home = Path(demo["FAREBOX_HOME"])
    assert run(demo, "seed").returncode == 0
    logins = json.loads((home / "demo.json").read_text())
    assert run({**demo, "FAREBOX_SANDBOX_URL": "http://127.0.0.1:4111"}, "seed").returncode == 0
    assert json.loads((home / "demo.json").read_text()) == logins
    assert logins["billing_api_key"].startswith("fbb_")
    assert {name: sorted(logins[name]) for name in logins.keys() - {"url", "billing_api_key"}} == {
        "admin": ["email", "password"],
        "customer": ["api_key", "email", "password", "workspace_id"],
    }
    assert logins["url"] == "http://localhost:3210"
    assert {stat.S_IMODE((home / name).stat().st_mode) for name in ("demo.json", "secret.key")} == {0o600}
    with sqlite3.connect(home / "farebox.sqlite") as books:
        (balance,) = books.execute("SELECT balance FROM wallet WHERE workspace_id = ?", [_workspace(logins)]).fetchone()
        assert balance == 10_000_000_000
        assert books.execute("SELECT count(*) FROM model").fetchone()[0] >= 12
    books.close()
    assert run(demo, "audit").returncode == 0


def test_a_terminal_beside_the_demo_needs_no_settings_and_a_server_still_does(run, demo):
    run(demo, "seed")
    beside = {"FAREBOX_HOME": demo["FAREBOX_HOME"]}
    said = run(beside, "doctor").stdout
    assert "http://localhost:3210" in said
    assert run(beside, "reconcile").returncode == 1  # its Stripe is not running here, and it got as far as asking
    refused = run(beside, "run")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "FAREBOX_PUBLIC_URL is missing" in refused.stderr


def test_lost_logins_are_replaced(run, demo):
    home = Path(demo["FAREBOX_HOME"])
    run(demo, "seed")
    before = json.loads((home / "demo.json").read_text())
    (home / "demo.json").unlink()
    run(demo, "seed")
    after = json.loads((home / "demo.json").read_text())
    assert _workspace(after) == _workspace(before)
    database = Database(f"sqlite:///{home / 'farebox.sqlite'}")
    accounts = Accounts(database, now, opened=lambda *_: None)
    for role in ("admin", "customer"):
        assert accounts.sign_ins.sign_in(after[role]["email"], after[role]["password"])
    assert accounts.keys.look_up(after["customer"]["api_key"]).workspace_id == _workspace(after)
    accounts.close()
    database.dispose()


def test_audit_tells_a_breach_and_fails(run, production, sqlite_url):
    run(production, "user", "customer", "buyer@example.com")
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as books:
        books.execute("UPDATE wallet SET balance = balance + 1")
    books.close()
    done = run({"DATABASE_URL": sqlite_url}, "audit")  # needs to know where the books are, and nothing else
    assert done.returncode == 1
    assert "breaches." in done.stdout


def test_people_are_made_and_get_new_passwords(run, production):
    made = run(production, "user", "operator", "boss@example.com", "--name", "The boss")
    assert "boss@example.com can sign in with the password " in made.stdout
    again = run(production, "user", "operator", "boss@example.com")
    assert (again.returncode, again.stderr) == (1, "Somebody already has this e-mail address.\n")
    reset = run(production, "user", "password", "boss@example.com", "--password-stdin", typed="a long new password\n")
    assert reset.stdout == "boss@example.com can sign in.\n"
    out = run(production, "user", "disable", "boss@example.com")
    assert out.stdout == "boss@example.com is signed out and can no longer sign in.\n"
    assert run(production, "user", "enable", "boss@example.com").stdout == "boss@example.com can sign in again.\n"
    assert "Nobody has the e-mail address" in run(production, "user", "disable", "nobody@example.com").stderr
    short = run(production, "user", "password", "boss@example.com", "--password-stdin", typed="short\n")
    assert "at least" in short.stderr


def test_a_workspace_gets_a_time_and_a_room_for_its_files(run, production):
    run(production, "migrate")
    made = run(production, "user", "customer", "ada@example.com", "--name", "Ada")
    workspace = made.stdout.split()[1].rstrip(":")
    shown = run(production, "files", workspace).stdout
    assert shown == "Ada: files are kept until somebody deletes them; uploads take 0.0 of 5000 MB.\n"
    changed = run(production, "files", workspace, "--days", "90", "--uploads-mb", "20").stdout
    assert "for 90 days" in changed
    assert "of 20 MB" in changed
    assert run(production, "files", workspace, "--days", "0", "--uploads-mb", "0").stdout == shown
    assert run(production, "files", workspace, "--days", "-1").returncode == 1
    assert run(production, "files", "ws_unknown").returncode == 1


def test_backup_is_a_whole_copy_and_overwrites_nothing(run, production, tmp_path):
    run(production, "user", "customer", "buyer@example.com")
    target = tmp_path / "copy.sqlite"
    assert run(production, "backup", str(target)).returncode == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert run({**production, "DATABASE_URL": f"sqlite:///{target}"}, "audit").returncode == 0
    again = run(production, "backup", str(target))
    assert (again.returncode, "exists already" in again.stderr) == (1, True)


def test_backup_of_postgresql_names_its_tool(run, production):
    done = run({**production, "DATABASE_URL": "postgresql://farebox@db.example.com/farebox"}, "backup", "x")
    assert done.stderr == "This installation uses PostgreSQL: back it up with pg_dump.\n"


def test_doctor_shows_settings_and_no_secret(run, production):
    done = run(production, "doctor")
    assert "https://ai.example.com" in done.stdout
    assert "The database is at revision" in done.stdout
    assert SECRET not in done.stdout


def test_secret_makes_a_key_that_opens(run, production):
    made = run({}, "secret").stdout.strip()
    assert run({**production, "FAREBOX_SECRET_KEY": made}, "seed").returncode == 0


def _workspace(logins: dict) -> str:
    return logins["customer"]["workspace_id"]
