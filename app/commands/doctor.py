"""The state of an installation in plain words: its settings, and whether each part it needs is well."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from app.catalogue.provider_access import list_providers
from app.files.store import shelf_of
from app.jobs.leases import Leases
from app.kernel import clock, migrate
from app.kernel.db import Database
from app.kernel.errors import Broken
from app.kernel.money import USD, Money
from app.kernel.secrets import Vault
from app.mirror.service import Account, Mirror
from app.notify import smtp
from app.payments import health
from app.payments.stripe_keys import StripeKeys
from app.run.frontend import fits
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    well: bool
    what: str


def report(settings: Settings) -> int:
    """Print the settings and the findings; 1 when something is not well."""
    for name, value in _shown(settings):
        print(f"  {name:<29} {value}")
    print()
    findings = list(
        chain(
            _database(settings),
            _files(settings),
            _mail(settings),
            _cards(settings),
            _mirror(settings),
            _front_end(settings),
        )
    )
    for finding in findings:
        print(f"  {'✓' if finding.well else '✗'} {finding.what}")
    return 0 if all(finding.well for finding in findings) else 1


def refuse_unready(settings: Settings) -> None:
    """`Broken`, with one sentence that says what to run, when the server could not serve."""
    Vault([settings.secret_key])  # refuses a key that could seal nothing
    refuse_old_schema(settings.database_url)
    if trouble := next((finding for finding in _front_end(settings) if not finding.well), None):
        raise Broken(trouble.what)


def refuse_old_schema(database_url: str) -> None:
    """`Broken` when the database cannot be reached or is not at the present schema."""
    if trouble := next((finding for finding in _schema(database_url) if not finding.well), None):
        raise Broken(trouble.what)


def _shown(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every setting by the name it is set by; secrets are not shown."""
    yield "FAREBOX_DEMO", "1 (loopback only, sandbox providers)" if settings.demo else "unset: production"
    yield "FAREBOX_HOST", settings.host
    yield "FAREBOX_PORT", str(settings.port)
    yield "FAREBOX_PUBLIC_URL", settings.public_url
    yield "FAREBOX_HOME", str(settings.home)
    yield "DATABASE_URL", make_url(settings.database_url).render_as_string(hide_password=True)
    yield "FAREBOX_SECRET_KEY", "set"
    worth = Money(settings.credit_value_micros, USD)
    yield "FAREBOX_CREDIT_MICRO_USD", f"{settings.credit_value_micros} (1 credit = {worth})"
    yield "FAREBOX_SANDBOX_URL", settings.sandbox_url or "unset"
    yield "FAREBOX_SMTP_URL", _without_password(settings.smtp_url) if settings.smtp_url else "unset: mails are kept"
    yield "FAREBOX_MAIL_FROM", settings.mail_from or "unset"
    asks = settings.confirm_above_credits
    yield "FAREBOX_CONFIRM_ABOVE_CREDITS", str(asks) if asks else "0: the playground does not ask by itself"
    yield "FAREBOX_LOW_BALANCE_CREDITS", str(settings.low_balance_credits)
    yield "FAREBOX_KEEP_REFUSED_DAYS", str(settings.keep_refused_days)
    yield "FAREBOX_KEEP_PAYLOAD_DAYS", str(settings.keep_payload_days)
    yield "FILES_URL", settings.files_url or f"unset: {settings.files_dir}"
    days = settings.keep_files_days
    yield "FAREBOX_KEEP_FILES_DAYS", "unset: until somebody deletes them" if days is None else str(days)
    yield "FAREBOX_UPLOAD_QUOTA_MB", str(settings.upload_quota_mb)
    yield "REDIS_URL", "set" if settings.redis_url else "unset: rate limits are each process's own"

    yield "FAREBOX_TRUSTED_PROXIES", ", ".join(settings.trusted_proxies) or "none"
    yield "FAREBOX_METRICS_TOKEN", "set" if settings.metrics_token else "unset: /metrics answers this machine only"
    yield "FAREBOX_LOG_FORMAT", f"{settings.log_format} from {settings.log_level}"
    yield "FAREBOX_OTEL_ENDPOINT", settings.otel_endpoint or "unset: no traces"

    yield (
        "STRIPE_SECRET_KEY",
        f"set ({settings.stripe_secret_key[:8]}…)" if settings.stripe_secret_key else "unset: no cards",
    )
    secrets = len(settings.stripe_webhook_secrets)
    yield "STRIPE_WEBHOOK_SECRET", ("unset", "set", "set, and the one before")[min(secrets, 2)]
    yield "STRIPE_API_BASE", settings.stripe_api_base
    yield "FLEXPRICE_URL", settings.mirror_url or "unset: nothing is mirrored"
    if settings.mirror_url:
        yield "FLEXPRICE_API_KEY", "set"
        hooks = len(settings.mirror_secrets)
        yield "FLEXPRICE_WEBHOOK_SECRET", ("unset: no webhooks are taken", "set", "set, and the one before")[hooks]


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _database(settings: Settings) -> Iterator[Finding]:
    schema = list(_schema(settings.database_url))
    yield from schema
    if not all(finding.well for finding in schema):
        return
    database = Database(settings.database_url)
    for card in list_providers(database, Vault([settings.secret_key])):
        where = f"{card.name} at {card.base_url}" + (" (sandbox)" if card.is_sandbox else "")
        if not card.enabled:
            yield Finding(True, f"{where}: switched off")
        else:
            yield Finding(card.key_hint is not None, f"{where}: {'has a key' if card.key_hint else 'has no key'}")
    for turn in Leases(database, "doctor").all():
        if turn.failures:
            yield Finding(False, f"The chore {turn.name} failed {turn.failures} times in a row: {turn.error}")
    database.dispose()


def _files(settings: Settings) -> Iterator[Finding]:
    shelf = shelf_of(settings.files_url, settings.files_dir)
    where = settings.files_url or f"the folder {settings.files_dir}"
    try:
        shelf.check()
    except Broken as error:
        yield Finding(False, error.message)
    except OSError as error:
        yield Finding(False, f"Files cannot be kept in {where} ({error}).")
    else:
        yield Finding(True, f"Files are kept in {where}.")


def _mail(settings: Settings) -> Iterator[Finding]:
    if settings.smtp_url is None:
        yield Finding(True, "There is no mail server: mails are kept for operators to read.")
        return
    server = smtp.parse(settings.smtp_url, settings.mail_from)
    what = asyncio.run(smtp.trouble(server))
    where = f"The mail server at {server.host}:{server.port}"
    yield Finding(what is None, f"{where} {'answers' if what is None else f'takes no mail ({what})'}.")


def _mirror(settings: Settings) -> Iterator[Finding]:
    """How the mirror stands, and whether its remote answers now."""
    if settings.mirror_url is None:
        return
    account = Account(settings.mirror_url, settings.mirror_key)
    database = Database(settings.database_url)
    mirror = Mirror(database, clock.now, account)
    try:
        trouble = mirror.trouble()
        yield Finding(trouble is None, f"The mirror at {account.url} {trouble or 'answers'}.")
        if next(_schema(settings.database_url)).well:
            failed = mirror.standing().failed
            said = f"{failed} things wait for an operator at /admin/mirror" if failed else "nothing"
            yield Finding(not failed, f"What the mirror refused: {said}.")
    finally:
        mirror.close()
        database.dispose()


def _cards(settings: Settings) -> Iterator[Finding]:
    if not settings.stripe_secret_key:
        yield Finding(True, "There is no Stripe key: packages are sold by bank transfer only.")
        return
    keys = StripeKeys(settings.stripe_secret_key, settings.stripe_webhook_secrets, settings.stripe_api_base)
    for found in asyncio.run(health.look(keys, settings.public_url)):
        yield Finding(found.well, found.what)


def _schema(database_url: str) -> Iterator[Finding]:
    try:
        url = make_url(database_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            yield Finding(False, f"There is no database at {url.database}: run `python -m app migrate`.")
            return
        database = Database(database_url)
        at = migrate.current(database)
        database.dispose()
    except (SQLAlchemyError, ValueError) as error:
        yield Finding(False, f"The database cannot be reached ({str(error).splitlines()[0]}): check DATABASE_URL.")
        return
    newest = migrate.head()
    if at == newest:
        yield Finding(True, f"The database is at revision {at}.")
    else:
        yield Finding(False, f"The database is at revision {at}, not {newest}: run `python -m app migrate`.")


def _front_end(settings: Settings) -> Iterator[Finding]:
    if fits(settings.public_url):
        yield Finding(True, f"The front end is built for {settings.public_url}.")
    else:
        yield Finding(False, f"The front end is not built for {settings.public_url}: run `make build`.")
