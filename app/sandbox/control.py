"""What the sandbox shows of itself: its book, its faults, its health."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox import faults
from app.sandbox.door import open_files
from app.sandbox.engine import Engine
from app.sandbox.jobs import Job, iso
from app.sandbox.signers import KIE_HMAC_KEY, Keys

SHOWN_CHARACTERS = 80
PROVIDERS = ("fal", "replicate", "kie", "openai", "mirror")


class Control:
    def __init__(self, engine: Engine, script: faults.Script, keys: Keys) -> None:
        self._engine = engine
        self._script = script
        self._keys = keys

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/health", self.health),
            Route("/book", self.book),
            Route("/book/reset", self.reset, methods=["POST"]),
            Route("/faults", self.listed, methods=["GET"]),
            Route("/faults", self.order, methods=["POST"]),
            Route("/faults", self.clear, methods=["DELETE"]),
            Route("/secrets", self.secrets),
        ]

    async def health(self, request: Request) -> Response:
        health = {"status": "ok", "speed": self._engine.speed, "providers": list(PROVIDERS), "open_files": open_files()}
        return JSONResponse(health)

    async def book(self, request: Request) -> Response:
        """Every accepted job, oldest first; `accepted`, `billed` and the total count the rows shown."""
        query = request.query_params
        try:
            since = _moment(query["since"]) if "since" in query else None
        except ValueError:
            return JSONResponse({"error": "since must be an ISO 8601 time or Unix seconds"}, 400)
        jobs = self._engine.book.entries(query.get("provider"), since, query.get("attempt"))
        return JSONResponse(
            {
                "jobs": [entry(job) for job in jobs],
                "accepted": len(jobs),
                "billed": sum(job.billed and not job.refunded for job in jobs),
                "total_cost_micros": sum(job.cost_micros for job in jobs),
            }
        )

    async def reset(self, request: Request) -> Response:
        self._engine.forget()
        self._script.pending.clear()
        return JSONResponse({"status": "ok"})

    async def listed(self, request: Request) -> Response:
        known = {name: {"arg": arg, "what": what} for name, (arg, what) in faults.KNOWN.items()}
        return JSONResponse({"known": known, "pending": [_pending(fault) for fault in self._script.pending]})

    async def order(self, request: Request) -> Response:
        try:
            given = await request.json()
            provider, times = given.get("provider"), int(given.get("times", 1))
            if provider is not None and provider not in PROVIDERS:
                raise ValueError(f"provider must be one of {', '.join(PROVIDERS)}")
            if times < 1:
                raise ValueError("times must be at least 1")
            self._script.order(provider, str(given.get("fault")), given.get("arg"), times)
        except (ValueError, AttributeError, TypeError) as error:
            return JSONResponse({"error": str(error), "known": sorted(faults.KNOWN)}, 400)
        return JSONResponse({"pending": [_pending(fault) for fault in self._script.pending]}, 201)

    async def clear(self, request: Request) -> Response:
        self._script.pending.clear()
        return JSONResponse({"pending": []})

    async def secrets(self, request: Request) -> Response:
        """What a client must know to verify callbacks; loopback only, and worth nothing elsewhere."""
        return JSONResponse({"replicate": self._keys.replicate_secret, "kie": KIE_HMAC_KEY, "fal": self._keys.jwks()})


def entry(job: Job) -> dict[str, Any]:
    """One line of the book."""
    return {
        "provider": job.provider,
        "id": job.id,
        "model": job.model,
        "input": _shortened(job.input),
        "callback_url": job.callback_url,
        "attempt": job.attempt,
        "status": job.state,
        "unit": job.unit,
        "quantity": job.quantity,
        "price_micros": job.price_micros,
        "billed": job.billed,
        "refunded": job.refunded,
        "cost_micros": job.cost_micros,
        "outputs": len(job.outputs),
        "faults": dict(job.faults),
        "error": job.error.message if job.error else None,
        "called_back": job.called_back,
        "accepted_at": iso(job.accepted_at),
        "finished_at": iso(job.finished_at),
    }


def _shortened(value: Any) -> Any:
    """The input without the bulk of what came as a data URL."""
    if isinstance(value, Mapping):
        return {name: _shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > SHOWN_CHARACTERS:
        return f"{value[:SHOWN_CHARACTERS]}… ({len(value)} characters)"
    return value


def _pending(fault: faults.Scripted) -> dict[str, Any]:
    return {"provider": fault.provider, "fault": fault.name, "arg": fault.arg, "times": fault.left}


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()
