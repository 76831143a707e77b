"""What carrying a generation needs, gathered once: the books, the catalogue, the files, the providers, the clock."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TypeVar, cast

from app.catalogue.offers import FRESH_SECONDS, Offers
from app.catalogue.provider_access import ProviderAccess
from app.files.store import Files
from app.generation.entitled import Entitled
from app.generation.gate import Gate
from app.generation.router import Router
from app.kernel import secrets
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import ProviderRefused
from app.kernel.events import Listeners
from app.kernel.news import News
from app.kernel.work import Work
from app.ledger.wallet import Ledger
from app.providers import registry
from app.providers.port import Connection, Direct, Provider

T = TypeVar("T")

#: Long enough that no provider still delivers after it; a shorter limit of ours must not end a job upstream bills.
HOLD_LIFETIME = timedelta(hours=24)
LINK_LIFETIME = timedelta(hours=24)


class ProviderPool:
    """One adapter per provider and event loop, rebuilt when the operator changes its address or key."""

    def __init__(self, access: Callable[[str], ProviderAccess]) -> None:
        self._access = access
        self._built: dict[tuple[int, str], tuple[ProviderAccess, Provider]] = {}
        self._until: dict[tuple[int, str], float] = {}

    async def get(self, provider_id: str) -> Provider:
        access = await asyncio.to_thread(self._access, provider_id)
        slot = (id(asyncio.get_running_loop()), provider_id)
        known = self._built.get(slot)
        if known is not None and known[0] == access:
            return known[1]
        provider = registry.build(_connection(access))
        self._built[slot] = (access, provider)
        return provider

    async def direct(self, provider_id: str) -> Direct:
        """The adapter of a provider that answers at once; the operator's changes are seen within `FRESH_SECONDS`.

        `ProviderRefused` when that provider takes jobs only.
        """
        adapter = (await self._fresh(provider_id))[1]
        if not hasattr(adapter, "call"):
            raise ProviderRefused(f"{provider_id} does not answer at once.", code="provider_model_unknown")
        return cast(Direct, adapter)

    async def close(self) -> None:
        """Close what the running loop keeps open for further calls."""
        loop = id(asyncio.get_running_loop())
        for slot in [slot for slot in self._built if slot[0] == loop]:
            adapter = self._built.pop(slot)[1]
            self._until.pop(slot, None)
            if (close := getattr(adapter, "close", None)) is not None:
                await close()

    async def direct_setting(self, provider_id: str, name: str, default: float) -> float:
        """As `setting`, remembered like `direct`."""
        return float((await self._fresh(provider_id))[0].settings.get(name, default))

    async def _fresh(self, provider_id: str) -> tuple[ProviderAccess, Provider]:
        slot = (id(asyncio.get_running_loop()), provider_id)
        if time.monotonic() < self._until.get(slot, 0.0):
            return self._built[slot]
        await self.get(provider_id)
        self._until[slot] = time.monotonic() + FRESH_SECONDS
        return self._built[slot]

    async def setting(self, provider_id: str, name: str, default: float) -> float:
        """A number from the provider's settings, such as `unknown_deadline_seconds`."""
        access = await asyncio.to_thread(self._access, provider_id)
        return float(access.settings.get(name, default))


def _connection(access: ProviderAccess) -> Connection:
    known = asdict(access)
    return Connection(**{name: known[name] for name in Connection.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Desk:
    """Given to every use case of this package. `signing_key` signs callback and input addresses; `news` hears of every
    workspace whose credits a generation moved at its end."""

    db: Database
    offers: Offers
    ledger: Ledger
    files: Files
    providers: ProviderPool
    router: Router
    work: Work
    gate: Gate
    clock: Clock
    public_url: str
    signing_key: str = field(repr=False)
    listeners: Listeners
    is_demo: bool = False
    entitled: Entitled | None = None
    news: News = field(default_factory=News)

    def callback_url(self, provider_id: str, attempt_id: str) -> str:
        """Where the provider calls us back; the signature keeps strangers from naming our attempts."""
        signature = secrets.sign(self.signing_key, "callback", provider_id, attempt_id)
        return f"{self.public_url}/hooks/providers/{provider_id}/{attempt_id}/{signature}"

    def is_callback(self, provider_id: str, attempt_id: str, signature: str) -> bool:
        return secrets.same(signature, secrets.sign(self.signing_key, "callback", provider_id, attempt_id))

    def file_link(self, file_id: str, lifetime: timedelta = LINK_LIFETIME) -> str:
        """A link to one stored file that needs no sign-in and ends by itself: for providers fetching an input, and for
        API clients fetching an output."""
        until = str(int((self.clock() + lifetime).timestamp()))
        signature = secrets.sign(self.signing_key, "file", file_id, until)
        return f"{self.public_url}/files/{file_id}/link/{until}/{signature}"

    def is_file_link(self, file_id: str, until: str, signature: str) -> bool:
        genuine = secrets.same(signature, secrets.sign(self.signing_key, "file", file_id, until))
        return genuine and until.isdigit() and int(until) > self.clock().timestamp()

    async def run(self, work: Callable[..., T], *args: object) -> T:
        """Run a function that waits, off the event loop."""
        return await asyncio.to_thread(work, *args)

    async def read(self, query: Callable[..., T], *args: object) -> T:
        """Run a function of a Core connection in a read transaction, off the event loop."""

        def run() -> T:
            with self.db.read() as connection:
                return query(connection, *args)

        return await asyncio.to_thread(run)

    async def write(self, change: Callable[..., T], *args: object) -> T:
        """Run a function of a Core connection in one write transaction, off the event loop."""

        def run() -> T:
            with self.db.write() as connection:
                return change(connection, *args)

        return await asyncio.to_thread(run)
