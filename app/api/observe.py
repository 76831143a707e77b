"""For whoever looks after the installation: is it alive, is it ready, what does it count, and how long does it take."""

import asyncio
import ipaddress
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.jobs import figures
from app.jobs.leases import Leases
from app.kernel import clock, meters, tracing
from app.kernel.errors import NotAllowed
from app.kernel.secrets import same
from app.services import Services

CHECK_SECONDS = 3.0
#: A chore that nobody has tended for this long: there is no worker.
NO_WORKER_AFTER = timedelta(minutes=2)
#: What a proxy in front of us adds; then the caller is not this machine, whatever the connection says.
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
UNKNOWN_ROUTE = "other"
#: The framework would ask at every request whether somebody has set up spans for it to write, and put what customers
#: send into them. Ours are `kernel/tracing.py`'s.
NOT_THE_FRAMEWORKS: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


class Observed:
    """Counts and times every answer by its route, and gives log lines and spans the request's id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _seconds(_route(scope)).observe(time.monotonic() - began)
            await send(message)

        try:
            with tracing.span("request", method=scope["method"]):
                await self.app(scope, receive, watched)
        finally:
            _answers(_method(scope), _route(scope), status).inc()


@cache  # there are few of them, and looking one up costs more than counting
def _seconds(route: str) -> Histogram:
    return meters.HTTP_SECONDS.labels(route)


@cache
def _answers(method: str, route: str, status: int) -> Counter:
    return meters.HTTP_REQUESTS.labels(method, route, status)


def _route(scope: Scope) -> str:
    """The route's own pattern: a path has ids in it, and there are too many of those."""
    path = getattr(scope.get("route"), "path", None)
    return f"{scope.get('root_path', '')}{path}" if path else UNKNOWN_ROUTE


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"


def router(services: Services) -> APIRouter:
    """`/healthz` (this process answers), `/readyz` (what it needs is there) and `/metrics`."""
    api = APIRouter(include_in_schema=False)
    settings = services.settings
    if not settings.metrics_dir:
        meters.LEDGER_WAITING.set_function(lambda: services.ledger.waiting)

    @api.get("/healthz")
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @api.get("/readyz")
    async def ready() -> JSONResponse:
        reasons = await troubles(services)
        if reasons:
            return JSONResponse({"status": "unready", "reasons": reasons}, 503)
        return JSONResponse({"status": "ready"})

    @api.get("/metrics")
    async def metrics(request: Request) -> Response:
        if not may_look(request, settings.metrics_token):
            raise NotAllowed("Metrics are for this machine, or for FAREBOX_METRICS_TOKEN.", code="metrics_closed")
        return Response(await asyncio.to_thread(page, services), media_type=CONTENT_TYPE_LATEST)

    return api


def may_look(request: Request, token: str) -> bool:
    """Somebody on this machine who came without a proxy, or whoever has the token."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if token and scheme.lower() == "bearer" and same(given.strip(), token):
        return True
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def page(services: Services) -> bytes:
    """Everything counted here (and by the other processes of this server), and what the database knows."""
    shared = CollectorRegistry()
    shared.register(_Figures(services))  # type: ignore[arg-type]
    counted: CollectorRegistry = REGISTRY
    if services.settings.metrics_dir:
        counted = CollectorRegistry()
        MultiProcessCollector(counted, services.settings.metrics_dir)  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(shared)


class _Figures:
    """What waits and what is held, asked of the database when somebody looks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> list[Metric]:
        with self._services.db.read() as connection:
            known = figures.read(connection, clock.now())
        return [_gauge(name, help_, labels, values) for name, help_, labels, values in known]


def _gauge(name: str, help_: str, labels: tuple[str, ...], values: dict[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(name, help_, labels=labels)
    for key, value in values.items():
        family.add_metric(list(key), value)
    return family


async def troubles(services: Services) -> list[str]:
    """Why this process should get no traffic; nothing secret is in it."""
    checks: dict[str, Callable[[], Any]] = {
        "database": lambda: _database(services),
        "files": services.files.check,
        "worker": lambda: _worker(services),
    }
    found = await asyncio.gather(*(_trouble(name, check) for name, check in checks.items()))
    if not services.ledger.is_running:
        found.append("ledger: it does not take operations")
    return [trouble for trouble in found if trouble]


async def _trouble(name: str, check: Callable[[], Any]) -> str:
    try:
        said = await asyncio.wait_for(asyncio.to_thread(check), CHECK_SECONDS)
    except TimeoutError:
        return f"{name}: no answer within {CHECK_SECONDS:.0f} s"
    except Exception as error:
        return f"{name}: {type(error).__name__}"
    return f"{name}: {said}" if said else ""


def _database(services: Services) -> None:
    with services.db.read() as connection:
        connection.exec_driver_sql("SELECT 1")


def _worker(services: Services) -> str:
    """Somebody tends the chores, in this process or another."""
    turns = Leases(services.db, "ready").all()
    now = clock.now()
    seen = [moment for turn in turns for moment in (turn.lease_until, turn.finished_at) if moment is not None]
    return "" if any(moment > now - NO_WORKER_AFTER for moment in seen) else "no process carries work: start a worker"
