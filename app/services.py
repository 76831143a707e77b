"""Farebox put together: every part built once from the settings and handed to the API and the pages.

`build` is called by `app.py` and the command line; pages, which Reflex creates itself, reach the parts by `current()`.
"""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import time
from decimal import Decimal

from app.accounts.service import Accounts
from app.billing.collecting import Collecting
from app.billing.credit_grants import CreditGrants
from app.billing.ending_credits import EndingCredits
from app.billing.outstanding import outstanding
from app.billing.plan_terms import plans_that, terms_of
from app.billing.service import BillingCloser
from app.billing.wallet_alerts import WalletAlerts
from app.billing.wallets import House as WalletHouse
from app.catalogue import provider_access
from app.catalogue.editing import Editing
from app.catalogue.offers import Offers
from app.files.keeping import Keeping
from app.files.store import Files
from app.generation.account_statement import AccountStatements
from app.generation.advance import advance
from app.generation.desk import Desk, ProviderPool
from app.generation.emitting import Emitting
from app.generation.entitled import Entitled
from app.generation.gate import Gate
from app.generation.probes import tend
from app.generation.rates import Rates
from app.generation.request_log import RequestLog
from app.generation.router import Router
from app.generation.sweep import overdue
from app.invoicing.service import Invoicing
from app.jobs.chores import Chore, Chores
from app.jobs.courier import Courier
from app.jobs.ending import Until
from app.jobs.engine import Engine, Remote
from app.jobs.sweeper import Carrier
from app.kernel import clock, events, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.events import Listeners
from app.kernel.money import Money
from app.kernel.news import News
from app.kernel.secrets import Vault
from app.kernel.work import Idle, Work
from app.ledger.seal import Seals
from app.ledger.wallet import Ledger, open_wallet
from app.metering.ingest import Ingest
from app.mirror.service import Account, Mirror
from app.notify.documents import INVOICE, invoice_attached
from app.notify.service import Notify
from app.notify.webhook_wire import Wire
from app.notify.webhooks import Webhooks
from app.payments.cashier import Cashier, House
from app.payments.purchases import purchases_of
from app.payments.stripe_keys import StripeKeys
from app.payments.used import UsedCredits
from app.plans.keys import BillingKeys
from app.reconcile.service import Reconcile
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """The parts. `engine` is None in a process that only asks (a command, a test that steps by hand)."""

    settings: Settings = field(repr=False)
    db: Database
    vault: Vault = field(repr=False)
    offers: Offers
    editing: Editing
    ledger: Ledger
    files: Files
    accounts: Accounts
    invoicing: Invoicing
    notify: Notify
    webhooks: Webhooks
    cashier: Cashier
    collecting: Collecting
    reconcile: Reconcile
    statements: AccountStatements
    desk: Desk
    request_log: RequestLog
    ingest: Ingest
    emitting: Emitting
    news: News
    billing_keys: BillingKeys
    mirror: Mirror
    engine: Engine | None = None
    chores: Chores | None = None

    def start(self, *, lost: Callable[[Exception], None] | None = None) -> None:
        """Start the ledger's lane and, where this process carries generations, the engine.

        With `lost` the engine is launched behind the caller's back, and `lost` is told if that failed: a server with
        pages answers at once, and its worker is there before anybody has typed a prompt.
        """
        self.ledger.start()
        carrier = Carrier(self._advance, self._overdue)
        if self.engine is not None and lost is not None:
            self.engine.launch_behind(carrier, lost)
        elif self.engine is not None:
            self.engine.launch(carrier)
        if self.chores is not None:
            self.chores.start()

    def end(self) -> Until:
        """Tell those who work by themselves to begin nothing any more; until when they are waited for."""
        for part in (self.chores, self.engine):
            if part is not None:
                part.end()
        return Until()

    def stop(self, until: Until | None = None) -> None:
        """Wait for what is under way, then close everything. Without `until` nobody was told before."""
        until = until or self.end()
        if self.engine is not None:
            self.engine.stop(until)
        if self.chores is not None:
            self.chores.stop(until)
        self.ledger.stop()
        self.accounts.close()
        self.request_log.close()
        self.mirror.close()
        self.db.dispose()

    async def _advance(self, generation_id: str) -> float | None:
        step = await advance(self.desk, generation_id)
        self.news.publish(step.workspace_id)
        return step.wait_seconds

    async def _overdue(self) -> list[str]:
        return await overdue(self.desk)

    def wake(self, chore: str) -> None:
        """Ask for a turn of this chore now; a process without chores leaves it to the others."""
        if self.chores is not None:
            self.chores.wake(chore)


def build(
    settings: Settings, *, carry: bool = True, call: bool = False, alone: bool = False, now: Clock = clock.now
) -> Services:
    """Everything, wired; nothing started. `carry=False` builds a process that leaves generations to others; with `call`
    it hands them over at once instead of waiting until somebody finds them. One that carries and is `alone` serves
    nobody."""
    db = Database(settings.database_url)
    vault = Vault([settings.secret_key])
    ledger, invoicing, ingest, news = Ledger(db, now), Invoicing(db, now), Ingest(db, now), News()
    accounts = Accounts(db, now, opened=open_wallet, secret_key=settings.secret_key, public_url=settings.public_url)
    engine = Engine(settings.jobs_url, executor_id(), alone=alone) if carry else None
    work = engine or (Remote(settings.jobs_url) if call else Idle())
    desk = _desk(settings, db, vault, ledger, accounts, work, news, now)
    offers, files = desk.offers, desk.files
    cashier = Cashier(db, now, ledger, invoicing.taxes, _cash_house(settings), news.publish)
    collecting = Collecting(
        db, now, cashier, public_url=settings.public_url, signing_key=settings.secret_key, told=news.publish
    )
    editing = Editing(db, vault, offers, _credit_value(settings), now, allow_sandbox=settings.demo)
    notify = _notify(settings, db, invoicing, now)
    built = Services(
        settings,
        db,
        vault,
        offers,
        editing,
        ledger,
        files,
        accounts,
        invoicing,
        notify,
        Webhooks(db, vault, desk.listeners, now, Wire(loopback=settings.demo)),
        cashier,
        collecting,
        Reconcile(db, now, cashier),
        AccountStatements(db, purchases_of),
        desk,
        RequestLog(db, now, refused_days=settings.keep_refused_days, payload_days=settings.keep_payload_days),
        ingest,
        Emitting(db, ingest, now),
        news,
        BillingKeys(db, now),
        Mirror(db, now, _account(settings)),
        engine,
    )
    return replace(built, chores=Chores(db, _chores(built, now), now=now, owner=executor_id())) if carry else built


def _credit_value(settings: Settings) -> Decimal:
    return Decimal(settings.credit_value_micros).scaleb(-6)


def _desk(
    settings: Settings,
    db: Database,
    vault: Vault,
    ledger: Ledger,
    accounts: Accounts,
    work: Work,
    news: News,
    now: Clock,
) -> Desk:
    """Where generations are asked for and followed."""
    offers = Offers(db, clock=now)
    return Desk(
        db=db,
        offers=offers,
        ledger=ledger,
        files=Files(
            db,
            settings.files_dir,
            now,
            url=settings.files_url,
            keep=Keeping(settings.keep_files_days, settings.upload_quota_mb),
        ),
        providers=ProviderPool(lambda provider_id: provider_access.access(db, vault, provider_id)),
        router=Router(db, offers, now, _credit_value(settings)),
        work=work,
        gate=Gate(accounts.allowances, Rates(settings.redis_url)),
        clock=now,
        public_url=settings.public_url,
        signing_key=settings.secret_key,
        listeners=Listeners(db),
        is_demo=settings.demo,
        entitled=Entitled(db, now, terms_of, plans_that),
        news=news,
    )


def _notify(settings: Settings, db: Database, invoicing: Invoicing, now: Clock) -> Notify:
    """Mails and alerts."""
    notify = Notify(
        db,
        now,
        public_url=settings.public_url,
        smtp_url=settings.smtp_url,
        mail_from=settings.mail_from,
        low_balance=Money.from_exact(settings.low_balance_credits),
    )
    notify.attach(INVOICE, invoice_attached(invoicing.invoices))
    return notify


def _account(settings: Settings) -> Account | None:
    """The Flexprice to mirror to, if there is to be one."""
    return (
        None
        if settings.mirror_url is None
        else Account(settings.mirror_url, settings.mirror_key, settings.mirror_secrets)
    )


def _cash_house(settings: Settings) -> House:
    """What the cashier needs of the settings."""
    keys = StripeKeys(settings.stripe_secret_key, settings.stripe_webhook_secrets, settings.stripe_api_base)
    return House(
        public_url=settings.public_url,
        proofs=settings.proofs_dir,
        real=not settings.demo,
        stripe=keys if settings.stripe_secret_key else None,
    )


def _chores(parts: Services, now: Clock) -> list[Chore]:
    """Everything that is done again and again: a line each. A topic of the outbox is a line in the courier's table."""
    notify, files, webhooks = parts.notify, parts.files, parts.webhooks
    courier = Courier(
        parts.db,
        {outbox.MAIL: notify.write, events.TOPIC: webhooks.spread, events.BILLING: webhooks.spread_billing},
        now,
    )
    return [
        Chore("outbox.deliver", 2, courier.run),
        Chore("webhooks.send", 1, webhooks.send),
        Chore("webhooks.forget", 0, webhooks.forget, daily_at=time(4, 20)),
        Chore("mail.send", 5, notify.send),
        Chore("mail.forget", 0, notify.forget, daily_at=time(4, 10)),
        Chore("metering.own", 2, parts.emitting.run),
        Chore("metering.sums", 5, lambda: asyncio.to_thread(parts.ingest.catch_up)),
        Chore("ledger.expire_lots", 60, EndingCredits(parts.ledger, now).run),
        Chore("ledger.seal", 0, Seals(parts.db, now).run, daily_at=time(1, 10)),
        Chore("billing.wallets", 60, _wallet_alerts(parts, now).run),
        Chore("billing.grants", 60, CreditGrants(parts.db, now).run),
        Chore("alerts.balances", 60, notify.alerts.balances),
        Chore("alerts.budgets", 60, notify.budgets.run),
        Chore("alerts.expiries", 3600, notify.alerts.expiries),
        Chore("payments.apply", 2, parts.cashier.apply_due),
        Chore("payments.topups", 2, parts.cashier.top_up_due),
        Chore("payments.returns", 10, parts.cashier.return_due),
        Chore("payments.tax", 10, parts.cashier.report_taxes),
        Chore("billing.close", 60, BillingCloser(parts.db, now, parts.ledger).run),
        Chore("billing.late", 0, BillingCloser(parts.db, now, parts.ledger).run_late, daily_at=time(3, 50)),
        Chore("billing.collect", 10, parts.collecting.run_due),
        Chore("reconcile.quick", 600, parts.reconcile.quick),
        Chore("reconcile.nightly", 0, parts.reconcile.nightly, daily_at=time(2, 40)),
        Chore("requests.forget", 0, parts.request_log.forget, daily_at=time(4, 20)),
        Chore("routing.health", 15, lambda: tend(parts.desk)),
        Chore("files.sweep", 3600, lambda: asyncio.to_thread(files.sweep)),
        Chore("files.expire", 3600, lambda: asyncio.to_thread(files.expire_due)),
        Chore("invoicing.recheck", 3600, parts.invoicing.recheck),
        Chore("invoicing.used_credits", 0, UsedCredits(parts.db, now).run, daily_at=time(3, 20)),
        *(_mirroring(parts.mirror) if parts.mirror.is_on else []),
    ]


def _mirroring(mirror: Mirror) -> list[Chore]:
    return [
        Chore("mirror.send", 5, mirror.run),
        Chore("mirror.compare", 3600, mirror.compare),
        Chore("mirror.forget", 0, mirror.forget, daily_at=time(4, 30)),
    ]


def _wallet_alerts(parts: Services, now: Clock) -> WalletAlerts:
    house = WalletHouse(_credit_value(parts.settings))
    return WalletAlerts(
        parts.db,
        now,
        house,
        lambda connection, workspace, currency: outstanding(connection, workspace, currency, now()),
    )


TURN_SECONDS = 0.001


def prepare_to_serve() -> None:
    """Make this process answer evenly.

    What start-up made stays anyway: walking over it in the middle of requests made each of them a tenth of a second
    slower, so it is taken out of the garbage collector's sight. And a thread that comes back from the disk, with many
    requests waiting for what it wrote, gets its turn from a busy event loop within a millisecond instead of five."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(TURN_SECONDS)


def executor_id() -> str:
    """This process for the workflow engine: the host and its slot, stable over restarts of the same slot."""
    return f"{socket.gethostname()}:{os.environ.get('FAREBOX_SLOT', '0')}"


_current: Services | None = None


def install(services: Services) -> Services:
    """Make these the ones `current` answers."""
    global _current
    _current = services
    return services


def current() -> Services:
    """The installed services; asking before there are any is a programming error."""
    if _current is None:
        raise RuntimeError("services were not installed: app.py does that at start")
    return _current
