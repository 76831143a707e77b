"""`/hooks/…`: where providers and a mirror call back. The body is verified and then only taken as a hint to look."""

from fastapi import APIRouter, HTTPException, Request, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from app.generation import callback
from app.kernel.errors import InvalidInput, LimitReached
from app.mirror.hooks import MOST_BYTES
from app.services import Services

MAX_BODY_BYTES = 1024 * 1024
#: Failed signatures one address may send a minute; the mirror's own fail only when a secret is wrong.
FAILURES = RateLimitItemPerMinute(60)


def router(services: Services) -> APIRouter:
    """The callback routes; signatures stand in for a key."""
    api = APIRouter(prefix="/hooks", include_in_schema=False)
    failures = MovingWindowRateLimiter(MemoryStorage())

    @api.post("/providers/{provider_id}/{attempt_id}/{signature}")
    async def provider(provider_id: str, attempt_id: str, signature: str, request: Request) -> Response:
        body = await _body(request, MAX_BODY_BYTES)
        await callback.receive(services.desk, provider_id, attempt_id, signature, request.headers, body)
        return Response(status_code=200)

    @api.post("/flexprice")
    async def mirror(request: Request) -> Response:
        """A signed message of the mirror's, written down before it is answered."""
        if not services.mirror.takes_hooks:
            raise HTTPException(503, "No mirror reports here: FLEXPRICE_WEBHOOK_SECRET is unset.")
        address = request.client.host if request.client else ""
        if not failures.test(FAILURES, address):
            raise LimitReached("Too many requests that are not the mirror's.", retry_after_seconds=60)
        try:
            told = services.mirror.verify(await _body(request, MOST_BYTES), request.headers)
        except InvalidInput:
            failures.hit(FAILURES, address)
            raise
        await services.mirror.accept(told)
        services.wake("mirror.send")
        return Response(status_code=200)

    return api


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise InvalidInput("The callback is too large.")
    return bytes(body)
