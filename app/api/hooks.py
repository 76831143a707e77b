"""`/hooks/…`: where providers call back. The body is verified and then only taken as a hint to look."""

from fastapi import APIRouter, Request, Response

from app.generation import callback
from app.generation.desk import Desk
from app.kernel.errors import InvalidInput

MAX_BODY_BYTES = 1024 * 1024


def router(desk: Desk) -> APIRouter:
    """The callback route; the signed address and the provider's signature stand in for a key."""
    api = APIRouter(prefix="/hooks", include_in_schema=False)

    @api.post("/providers/{provider_id}/{attempt_id}/{signature}")
    async def provider(provider_id: str, attempt_id: str, signature: str, request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise InvalidInput("The callback is too large.")
        await callback.receive(desk, provider_id, attempt_id, signature, request.headers, bytes(body))
        return Response(status_code=200)

    return api
