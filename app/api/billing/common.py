"""What every group of the billing API stands on: who calls, what they may, what they sent, and the database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Request
from fastapi.security import APIKeyHeader

from app.api.billing import unserved
from app.billing.wallets import House
from app.files.keeping import MB
from app.files.store import TooLarge
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotAllowed, NotSignedIn
from app.kernel.given import Given
from app.plans.keys import BillingKey
from app.services import Services

MOST_BYTES: Final = 4 * MB
#: A POST that only asks: by how its path ends.
ASKING: Final = ("/search", "/query", "/preview", "/usage", "/usage/meter", "/analytics")
#: Only for the documentation page; `Billing.caller` reads the header itself.
_header = APIKeyHeader(name="x-api-key", auto_error=False, scheme_name="Billing key", description="fbb_…")

Caller = Callable[[Request], Awaitable[BillingKey]]


@dataclass(frozen=True, slots=True)
class Billing:
    """Handed to every group's `router`. `clock` is where "now" comes from."""

    services: Services

    @property
    def db(self) -> Database:
        return self.services.db

    @property
    def clock(self) -> Clock:
        return self.services.desk.clock

    @property
    def house(self) -> House:
        """What the product's own credits are worth."""
        return House(Decimal(self.services.settings.credit_value_micros).scaleb(-6))

    def key(self, *areas: str) -> Any:
        """A dependency: the key a request came with, good for each of these areas. 401 or 403 otherwise."""
        keys = self.services.billing_keys

        async def caller(request: Request, _secret: Annotated[str | None, Depends(_header)] = None) -> BillingKey:
            secret = request.headers.get("x-api-key")
            if not secret:
                raise NotSignedIn("A billing key is missing: send x-api-key: fbb_…", code="missing_api_key")
            found = keys.peek(secret) or await asyncio.to_thread(keys.look_up, secret)
            if found is None:
                raise NotSignedIn("This billing key is unknown or revoked.", code="invalid_api_key")
            writing = is_writing(request)
            for area in areas:
                require(found, area, write=writing)
            return found

        return Depends(caller)


def require(key: BillingKey, area: str, *, write: bool = True) -> None:
    """`NotAllowed` "missing_scope" for a key that is not good for this area: also for what only some bodies ask for,
    beside the area of their route."""
    if not key.may(area, write=write):
        way = "write" if write else "read"
        raise NotAllowed(f"This billing key lacks the scope {area}:{way}.", code="missing_scope")


def is_writing(request: Request) -> bool:
    """Whether a request changes anything."""
    if request.method in ("GET", "HEAD"):
        return False
    return request.method != "POST" or not request.url.path.rstrip("/").endswith(ASKING)


async def read_json(request: Request, most: int = MOST_BYTES) -> object:
    """The body as JSON, None when it is empty. `InvalidInput` when it is not JSON, `TooLarge` beyond `most` bytes."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            raise TooLarge(f"The body is larger than {most // MB} MB.")
    if not received.strip():
        return None
    try:
        found: object = orjson.loads(received)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The body is not JSON: {error}", code="invalid_json") from None
    return found


def served(request: Request, given: object) -> Given:
    """What was sent, when nothing of it is beyond what is served (`unserved`)."""
    found = Given(given)
    unserved.refuse(request.method, request.scope["route"].path, given)
    return found


async def _read_body(request: Request) -> Given:
    return served(request, await read_json(request))


async def _read_optional_body(request: Request) -> Given:
    found = await read_json(request)
    return served(request, {} if found is None else found)


async def _read_query(request: Request) -> Given:
    """The query string like a body: a name that comes several times is a list, and `a,b` stays one text."""
    found: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        found[name] = values if len(values) > 1 else values[0]
    return served(request, found)


Body = Annotated[Given, Depends(_read_body)]
OptionalBody = Annotated[Given, Depends(_read_optional_body)]
Query = Annotated[Given, Depends(_read_query)]
