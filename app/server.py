"""The API as a process of its own: what granian serves for `python -m app api`. No pages, and no Reflex.

It answers customers and hands generations to a worker (`python -m app worker`, or a server with pages beside it).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import services as building
from app.api.assemble import build_api
from app.api.proxies import TrustedProxies
from app.demo import demo_emails
from app.generation.inline.run import finish
from app.kernel import logs, tracing
from app.services import Services
from app.settings import load


def serving(services: Services) -> FastAPI:
    """The API, with the parts it needs started and stopped around it."""
    api = build_api(services, demo_emails if services.settings.demo else None)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(services.start)
        building.prepare_to_serve()
        try:
            yield
        finally:
            until = services.end()
            await finish(services.desk, until.left)
            await asyncio.to_thread(services.stop, until)

    api.router.lifespan_context = running
    api.add_middleware(TrustedProxies, networks=services.settings.trusted_proxies)
    return api


def make() -> FastAPI:
    """What granian calls in each of its processes."""
    settings = load()
    logs.configure(settings.log_format, settings.log_level)
    if settings.otel_endpoint:
        tracing.configure(settings.otel_endpoint, service="farebox-api")
    return serving(building.install(building.build(settings, carry=False, call=True)))
