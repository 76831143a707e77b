"""`python -m app …`: everything an operator does from a terminal. `python -m app --help` lists it.

Each command imports what it needs when it runs: `secret` must not wait for a web framework. A refusal is one sentence
on standard error and exit code 1.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app import settings as environment
from app.kernel.errors import FareboxError

if TYPE_CHECKING:
    from app.kernel.db import Database
    from app.services import Services
    from app.settings import Settings


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    given = parser().parse_args(arguments)
    try:
        return int(given.run(given) or 0)
    except FareboxError as error:
        print(error.message, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Every command and its arguments."""
    parser = argparse.ArgumentParser(prog="python -m app", description="Farebox: sells AI generation by the credit.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, run: object, help_: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_, description=help_)
        command.set_defaults(run=run)
        return command

    add("run", _run, "Serve pages, API and worker in one process.")
    api = add("api", _api, "Serve the API only, in processes of its own; a worker carries what it starts.")
    api.add_argument("--workers", type=int, default=1, help="how many processes (default: 1; more need PostgreSQL)")
    add("worker", _worker, "Carry generations only, beside servers that share the database.")
    add("migrate", _migrate, "Bring the database to the present schema.")
    add("seed", _seed, "Load the seed catalogue; with FAREBOX_DEMO=1 also the demo's logins and credits.")
    add("audit", _audit, "Check every invariant of the books; exit code 1 on a breach.")
    reconcile = add(
        "reconcile", _reconcile, "Compare orders, Stripe, webhooks, ledger and invoices; exit code 1 on a difference."
    )
    reconcile.add_argument("--quick", action="store_true", help="only what was missed lately, as every ten minutes")
    reconcile.add_argument("--days", type=int, default=3, help="how far back Stripe's payments are read (default: 3)")
    add("doctor", _doctor, "Show the settings and what is well or not, in plain words.")
    add("secret", _secret, "Print a new key for FAREBOX_SECRET_KEY.")
    backup = add("backup", _backup, "Copy a SQLite database while it is in use.")
    backup.add_argument("target", type=Path, help="the file to write; it must not exist yet")
    files = add("files", _files, "How long a workspace's files are kept, and what its uploads may take.")
    files.add_argument("workspace", help="its id, ws_…")
    files.add_argument("--days", type=int, help="kept for so many days (0: as the installation says)")
    files.add_argument("--uploads-mb", type=int, help="its uploads may take so much (0: as the installation says)")
    _add_user(add("user", None, "Make people, set their passwords, shut them out and let them in again."))
    return parser


def _add_user(user: argparse.ArgumentParser) -> None:
    actions = user.add_subparsers(required=True, metavar="ACTION")
    for name, run, help_ in (
        ("operator", _user_operator, "Make a person who runs the installation."),
        ("customer", _user_customer, "Make a person and a workspace of their own."),
        ("password", _user_password, "Set a new password and end the person's sessions."),
    ):
        action = actions.add_parser(name, help=help_, description=f"{help_} Without --password-stdin one is made up.")
        action.add_argument("email")
        if name != "password":
            action.add_argument("--name", help="what they are called (default: the e-mail address)")
        if name == "customer":
            action.add_argument("--workspace", help="the workspace's name (default: the person's)")
        action.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        action.set_defaults(run=run)
    for name, run, help_ in (
        ("disable", _user_disable, "End the person's sessions and refuse new ones; keys of their workspace go on."),
        ("enable", _user_enable, "Let a disabled person sign in again."),
    ):
        action = actions.add_parser(name, help=help_, description=help_)
        action.add_argument("email")
        action.set_defaults(run=run)


def _run(_: argparse.Namespace) -> None:
    """Hand this process over to the server; settings, schema and front end are checked first, to fail at once."""
    from app.commands.doctor import refuse_unready
    from app.run import frontend

    settings = environment.load()
    refuse_unready(settings)
    command = frontend.server(settings.host, settings.port)
    print(f"Farebox at {settings.public_url}, listening on {settings.host}:{settings.port}", flush=True)
    os.execve(command[0], command, frontend.serving(os.environ))  # noqa: S606 - a fixed command, no shell


def _api(given: argparse.Namespace) -> None:
    from app.commands.api import serve

    serve(environment.load(), given.workers, os.environ)


def _worker(_: argparse.Namespace) -> None:
    from app.commands.worker import carry_until_told

    carry_until_told(environment.load())


def _migrate(_: argparse.Namespace) -> None:
    from app.kernel.migrate import current

    database = _migrated()
    print(f"The database is at revision {current(database)}.")
    database.dispose()


def _seed(_: argparse.Namespace) -> None:
    from app import demo
    from app.catalogue.seed import seed_catalogue
    from app.run import stripe

    if os.environ.get("FAREBOX_DEMO") == "1":
        demo.ensure_secret(environment.home())
        stripe.agree(environment.home(), f"http://127.0.0.1:{environment.port()}")
        environment.remember_demo()
    settings = environment.load()
    _migrated().dispose()
    with _services(settings) as services:
        if settings.demo:
            demo.seed_demo(services, settings)
        else:
            seed_catalogue(services.db, services.vault, sandbox_url=settings.sandbox_url)
    print("The catalogue is in the database.")


def _audit(_: argparse.Namespace) -> int:
    from app.billing import audit as billing
    from app.commands.doctor import refuse_old_schema
    from app.generation import audit as generation
    from app.invoicing import audit as invoicing
    from app.kernel.db import Database
    from app.ledger import audit as ledger
    from app.mirror import audit as mirror
    from app.payments import audit as payments

    refuse_old_schema(environment.database_url())
    database = Database(environment.database_url())
    audits = (ledger, invoicing, payments, generation, billing, mirror)
    breaches = [breach for each in audits for breach in each.run_audit(database)]
    database.dispose()
    for breach in breaches:
        print(breach)
    checked = sum(len(each.INVARIANTS) for each in audits)
    print(f"{checked} invariants checked, {len(breaches)} breaches.")
    return 1 if breaches else 0


def _reconcile(given: argparse.Namespace) -> int:
    from app.commands.doctor import refuse_old_schema
    from app.commands.reconcile import reconcile

    settings = environment.load(environment.of_terminal())
    refuse_old_schema(settings.database_url)
    with _services(settings) as services:
        return reconcile(services, quick=given.quick, days=given.days)


def _doctor(_: argparse.Namespace) -> int:
    from app.commands.doctor import report

    return report(environment.load(environment.of_terminal()))


def _secret(_: argparse.Namespace) -> None:
    from app.kernel.secrets import new_vault_key

    print(new_vault_key())


def _backup(given: argparse.Namespace) -> None:
    from app.commands.backup import back_up

    back_up(environment.database_url(), given.target)
    print(f"Written to {given.target}. Keep FAREBOX_SECRET_KEY with it: without it the provider keys stay sealed.")


def _files(given: argparse.Namespace) -> None:
    from app.files.keeping import Own

    with _services(environment.load(environment.of_terminal())) as services:
        keepings, workspace = services.files.keepings, services.accounts.people.workspace(given.workspace)
        own = keepings.own(workspace.id)
        days = own.days if given.days is None else given.days or None
        megabytes = own.uploads_mb if given.uploads_mb is None else given.uploads_mb or None
        if (wanted := Own(days, megabytes)) != own:
            keepings.set(workspace.id, wanted)
        rule, used = keepings.for_workspace(workspace.id), keepings.uploads_bytes(workspace.id)
    kept = "until somebody deletes them" if rule.days is None else f"for {rule.days} days"
    print(f"{workspace.name}: files are kept {kept}; uploads take {used / 1024**2:.1f} of {rule.uploads_mb} MB.")


def _user_operator(given: argparse.Namespace) -> None:
    password = _password(given)
    with _services(environment.load(environment.of_terminal())) as services:
        services.accounts.people.create_operator(given.email, given.name or given.email, password, actor="cli")
    _show_password(given, password)


def _user_customer(given: argparse.Namespace) -> None:
    password, name = _password(given), given.name or given.email
    with _services(environment.load(environment.of_terminal())) as services:
        people = services.accounts.people
        _, made = people.create_customer(given.email, name, password, given.workspace or name, actor="cli")
    print(f"Workspace {made.id}: {made.name}")
    _show_password(given, password)


def _user_password(given: argparse.Namespace) -> None:
    password = _password(given)
    with _services(environment.load(environment.of_terminal())) as services:
        services.accounts.reset_password(given.email, password, actor="cli")
    _show_password(given, password)


def _user_disable(given: argparse.Namespace) -> None:
    with _services(environment.load(environment.of_terminal())) as services:
        accounts = services.accounts
        accounts.disable(accounts.people.named(given.email).id, actor="cli")
    print(f"{given.email} is signed out and can no longer sign in.")


def _user_enable(given: argparse.Namespace) -> None:
    with _services(environment.load(environment.of_terminal())) as services:
        people = services.accounts.people
        people.enable_user(people.named(given.email).id, actor="cli")
    print(f"{given.email} can sign in again.")


def _password(given: argparse.Namespace) -> str:
    import secrets

    return sys.stdin.readline().rstrip("\n") if given.password_stdin else secrets.token_urlsafe(15)


def _show_password(given: argparse.Namespace, password: str) -> None:
    print(f"{given.email} can sign in" + ("." if given.password_stdin else f" with the password {password}"))


def _migrated() -> "Database":
    from app.kernel.db import Database
    from app.kernel.migrate import upgrade

    environment.home().mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(environment.database_url())
    upgrade(database)
    return database


@contextmanager
def _services(settings: "Settings") -> "Iterator[Services]":
    """The parts of Farebox for one command: nothing here carries generations."""
    from app.services import build

    services = build(settings, carry=False)
    services.start()
    try:
        yield services
    finally:
        services.stop()
