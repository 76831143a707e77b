"""What an address may hold, asked of every route before it looks anything up."""

from fastapi import Request

from app.kernel.errors import InvalidInput, NotFound


async def require_storable(request: Request) -> None:
    """A dependency: PostgreSQL fails at a NUL, and nothing that is kept has one. `NotFound` for a path, `InvalidInput`
    for a query."""
    if "\0" in request.scope["path"]:
        raise NotFound("There is nothing at this address.", code="route_not_found")
    if b"%00" in request.scope["query_string"]:
        raise InvalidInput("The query holds a character that cannot be stored.", code="bad_query")
