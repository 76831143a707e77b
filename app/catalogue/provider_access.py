"""Provider accounts: where they are and the keys to them. Keys are sealed in the database and never shown again.

A page gets a `ProviderCard` with the key's last four characters; only what talks to the provider gets `ProviderAccess`.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session, select

from app.catalogue.provider_kinds import provider_kind
from app.catalogue.records import record, stamp
from app.catalogue.tables import ProviderRow
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.secrets import Vault

SHOWN_CHARACTERS = 4
#: A key shorter than this would be half revealed by its last four characters.
HINT_FROM = 12


@dataclass(frozen=True, slots=True)
class ProviderAccess:
    """Everything an adapter is built from, in the clear."""

    provider_id: str
    kind: str
    name: str
    base_url: str
    api_key: str = field(repr=False)
    callback_secret: str | None = field(repr=False)
    settings: Mapping[str, Any]
    is_sandbox: bool


@dataclass(frozen=True, slots=True)
class ProviderCard:
    """What the provider page shows. `key_hint` is None without a key, else its last characters."""

    provider_id: str
    kind: str
    name: str
    base_url: str
    key_hint: str | None
    has_callback_secret: bool
    settings: Mapping[str, Any]
    enabled: bool
    is_sandbox: bool


@dataclass(frozen=True, slots=True)
class ProviderForm:
    """What an operator saves. A key or secret of None keeps the stored one, an empty one removes it."""

    name: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    callback_secret: str | None = field(default=None, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    enabled: bool = True


def access(db: Database, vault: Vault, provider_id: str) -> ProviderAccess:
    """The provider's address and keys in the clear.

    Raises NotFound for an unknown provider and InvalidInput (code `provider_without_key`) when it has no key yet.
    """
    with db.reading() as session:
        row = _row(session, provider_id)
    if row.api_key_sealed is None:
        raise InvalidInput(f"{row.name} has no key yet. Enter one on the provider page.", code="provider_without_key")
    return ProviderAccess(
        provider_id=row.id,
        kind=row.kind,
        name=row.name,
        base_url=row.base_url,
        api_key=vault.open(row.api_key_sealed),
        callback_secret=vault.open(row.callback_secret_sealed) if row.callback_secret_sealed else None,
        settings=row.settings,
        is_sandbox=row.is_sandbox,
    )


def list_providers(db: Database, vault: Vault) -> list[ProviderCard]:
    """Every provider, by name, for the operator's page."""
    with db.reading() as session:
        return [_card(row, vault) for row in session.exec(select(ProviderRow).order_by(ProviderRow.name)).all()]


def read_provider(db: Database, vault: Vault, provider_id: str) -> ProviderCard:
    """One provider for the operator's page; NotFound when there is none."""
    with db.reading() as session:
        return _card(_row(session, provider_id), vault)


def add_provider(session: Session, provider_id: str, kind: str, actor: str, moment: datetime, name: str = "") -> None:
    """A new provider account with its kind's public address, no key, and switched off until it has one."""
    known = provider_kind(kind)
    if not provider_id or not provider_id.replace("-", "").isalnum() or provider_id != provider_id.lower():
        raise InvalidInput("A provider id has lower-case letters, digits and dashes.", param="provider_id")
    if session.get(ProviderRow, provider_id) is not None:
        raise InvalidInput(f"There is already a provider {provider_id}.", param="provider_id")
    session.add(
        ProviderRow(
            id=provider_id,
            kind=kind,
            name=name.strip() or known.name,
            base_url=known.base_url,
            settings=dict(known.settings),
            enabled=False,
            updated_at=moment,
        )
    )
    record(session, actor, "provider.added", provider_id, kind, moment)


def save_provider(
    session: Session,
    vault: Vault,
    provider_id: str,
    form: ProviderForm,
    actor: str,
    now: datetime,
    *,
    allow_sandbox: bool = False,
) -> None:
    """Save what the operator entered. `allow_sandbox` admits http on loopback, which is where the emulators live.

    A new host needs its key again, so that a stored key is never sent to an address it was not entered for.
    """
    row = _row(session, provider_id, lock=True)
    base_url = checked_base_url(form.base_url, allow_sandbox=allow_sandbox or row.is_sandbox)
    if _host(base_url) != _host(row.base_url) and row.api_key_sealed is not None and form.api_key is None:
        raise InvalidInput("The address has a new host: enter the key for it as well.", param="api_key")
    moment = stamp(row.updated_at, now)
    changed = _changes(row, form, base_url)
    row.name = form.name.strip() or provider_kind(row.kind).name
    row.settings = _settings(row, form, base_url)
    row.base_url = base_url
    row.is_sandbox = _is_loopback(base_url)
    row.enabled = form.enabled
    if form.api_key is not None:
        row.api_key_sealed = _sealed(vault, form.api_key, "api_key")
    if form.callback_secret is not None:
        row.callback_secret_sealed = _sealed(vault, form.callback_secret, "callback_secret")
    row.updated_at = moment
    session.add(row)
    record(session, actor, "provider.saved", provider_id, ", ".join(changed) or "nothing changed", moment)


def checked_base_url(url: str, *, allow_sandbox: bool = False, param: str = "base_url") -> str:
    """The address without a trailing slash: https, or plain http to this machine where the sandbox is allowed."""
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise InvalidInput(f"{text!r} is not an address.", param=param) from None
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None or parts.password is not None:
        raise InvalidInput("Give an address such as https://api.example.com, without user name or query.", param=param)
    if parts.scheme == "https":
        return text
    if parts.scheme == "http" and allow_sandbox and _is_loopback(text):
        return text
    raise InvalidInput("A provider is reached over https only: keys travel with every request.", param=param)


def _settings(row: ProviderRow, form: ProviderForm, base_url: str) -> dict[str, Any]:
    """Given settings over the stored ones; leaving the sandbox restores the real service's addresses."""
    leaving = row.is_sandbox and not _is_loopback(base_url)
    given = dict(form.settings) or dict(row.settings)
    if leaving:
        given = {name: value for name, value in given.items() if not _speaks_of_loopback(value)}
        given = {**provider_kind(row.kind).settings, **given}
    for name, value in given.items():
        if name.endswith("_url"):
            given[name] = checked_base_url(str(value), allow_sandbox=_is_loopback(base_url), param=f"settings.{name}")
    return given


def _speaks_of_loopback(value: object) -> bool:
    if isinstance(value, list):
        return any(_speaks_of_loopback(item) for item in value)
    return isinstance(value, str) and (_is_loopback(value) or _is_loopback(f"http://{value}"))


def _changes(row: ProviderRow, form: ProviderForm, base_url: str) -> list[str]:
    """What the audit says; never the secrets themselves."""
    found = []
    if base_url != row.base_url:
        found.append(f"address {row.base_url} → {base_url}")
    if form.api_key is not None:
        found.append("key replaced" if form.api_key.strip() else "key removed")
    if form.callback_secret is not None:
        found.append("callback secret replaced" if form.callback_secret.strip() else "callback secret removed")
    if form.enabled != row.enabled:
        found.append("enabled" if form.enabled else "disabled")
    if form.settings and dict(form.settings) != row.settings:
        found.append("settings")
    if form.name.strip() != row.name:
        found.append(f"name {form.name.strip()}")
    return found


def _sealed(vault: Vault, secret: str, param: str) -> str | None:
    text = secret.strip()
    if not text.isascii() or any(character.isspace() for character in text):
        raise InvalidInput("A key is one word of plain characters; check what was pasted.", param=param)
    return vault.seal(text) if text else None


def _card(row: ProviderRow, vault: Vault) -> ProviderCard:
    key = vault.open(row.api_key_sealed) if row.api_key_sealed else None
    return ProviderCard(
        provider_id=row.id,
        kind=row.kind,
        name=row.name,
        base_url=row.base_url,
        key_hint=None if key is None else key[-SHOWN_CHARACTERS:] if len(key) >= HINT_FROM else "set",
        has_callback_secret=row.callback_secret_sealed is not None,
        settings=row.settings,
        enabled=row.enabled,
        is_sandbox=row.is_sandbox,
    )


def _row(session: Session, provider_id: str, *, lock: bool = False) -> ProviderRow:
    row = session.get(ProviderRow, provider_id, with_for_update=lock)
    if row is None:
        raise NotFound(f"There is no provider {provider_id}.", code="provider_not_found")
    return row


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname
        return host == "localhost" or (host is not None and ipaddress.ip_address(host).is_loopback)
    except ValueError:  # not an address, or a name
        return False
