"""A process that carries generations and serves nobody, for installations with several servers."""

import signal
import threading

from app.api.assemble import wire_of
from app.api.gateway import present
from app.commands.doctor import refuse_old_schema
from app.kernel import logs, tracing
from app.services import build
from app.settings import Settings


def carry_until_told(settings: Settings) -> None:
    """Carry generations until SIGINT or SIGTERM; what is under way is taken up again by the next worker."""
    refuse_old_schema(settings.database_url)
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    logs.configure(settings.log_format, settings.log_level)
    if settings.otel_endpoint:
        tracing.configure(settings.otel_endpoint, service="farebox-worker")
    services = build(settings, alone=True)
    wire = wire_of(services)
    services.webhooks.describe_with(lambda seen: present.generation(seen, wire))
    services.start()
    try:
        told.wait()
    finally:
        services.stop()
