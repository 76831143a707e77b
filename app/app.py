"""What Reflex compiles and granian serves: the pages behind the guard, the API beside them, the worker inside.

`reflex export` imports this with FAREBOX_BUILD=1 to compile the pages, and then there are no services.
"""

import gc

from app.kernel import class_code

gc.disable()  # what is imported below stays: looking through it for garbage costs a fifth of a start
class_code.remember()

# isort: split

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import reflex as rx

from app import services as building
from app.api.assemble import build_api, wire_of
from app.api.gateway import present
from app.api.proxies import TrustedProxies
from app.demo import demo_emails
from app.generation.inline.run import finish
from app.kernel import tracing
from app.kernel.logs import configure as configure_logs
from app.services import Services
from app.settings import is_build, load
from app.ui import live as topics
from app.ui import wiring
from app.ui.assemble import assemble, live_for
from app.ui.from_services import wire
from app.ui.pages import (
    admin_billing_keys,
    admin_customers,
    admin_invoices,
    admin_mail,
    admin_mirror,
    admin_models,
    admin_orders,
    admin_packages,
    admin_plans,
    admin_providers,
    admin_reconcile,
    admin_routing,
    admin_settings,
    admin_subscriptions,
    admin_today,
    balance,
    gallery,
    invoices,
    keys,
    landing,
    login,
    logs,
    model_editor,
    models,
    not_found,
    passwords,
    plan,
    playground,
    request_trace,
    team,
    top_up,
    usage,
    webhooks,
)

log = logging.getLogger("farebox")
PAGES = (
    admin_billing_keys,
    admin_customers,
    admin_invoices,
    admin_mail,
    admin_mirror,
    admin_models,
    admin_orders,
    admin_packages,
    admin_plans,
    admin_providers,
    admin_settings,
    admin_subscriptions,
    admin_reconcile,
    admin_routing,
    admin_today,
    balance,
    gallery,
    invoices,
    keys,
    landing,
    login,
    logs,
    model_editor,
    models,
    not_found,
    passwords,
    plan,
    playground,
    request_trace,
    team,
    top_up,
    usage,
    webhooks,
)


def serving(services: Services) -> rx.App:
    """The whole of Farebox in one process."""
    demo = services.settings.demo
    proxies = services.settings.trusted_proxies
    served = assemble(
        transformers=[build_api(services, demo_emails if demo else None)],
        around=[lambda inner: TrustedProxies(inner, proxies)],
    )
    live = live_for(served)
    services.news.listen(lambda workspace_id: live.publish(topics.workspace(workspace_id)))
    api_wire = wire_of(services)
    wired = replace(
        wire(services, live, demo_emails()["customer"] if demo else None),
        api_generation=lambda seen: present.generation(seen, api_wire),
        api_model=present.model_in_full,
    )
    wiring.install(wired)

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        await asyncio.to_thread(services.start, lost=_end)
        building.prepare_to_serve()
        try:
            yield
        finally:
            until = services.end()
            await finish(services.desk, until.left)
            await asyncio.to_thread(services.stop, until)

    served.register_lifespan_task(running)
    return served


def _end(error: Exception) -> None:
    """A server that cannot carry what it sells does not stay."""
    log.critical("the worker inside this server could not start, so the server ends", exc_info=error)
    os.kill(os.getpid(), signal.SIGTERM)


def _begin() -> rx.App:
    settings = load()
    configure_logs(settings.log_format, settings.log_level)
    if settings.otel_endpoint:
        tracing.configure(settings.otel_endpoint)
    return serving(building.install(building.build(settings)))


app = assemble() if is_build() else _begin()

class_code.keep()
gc.freeze()
gc.enable()
