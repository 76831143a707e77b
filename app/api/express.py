"""A way past the framework's routing for the one route that providers send to many at a time.

Routing, exit stacks and layers that only customers' requests need cost more than taking a webhook does. What must hold
for every request holds here too: an id, a count, patience with slow bodies, and errors in our shape.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import errors
from app.api.observe import Observed
from app.api.patience import Patience

Endpoint = Callable[[Request], Awaitable[Response]]


class Express:
    """Middleware inside `errors.RequestIds`: what `route` matches is answered by its endpoint at once."""

    def __init__(self, app: ASGIApp, route: Route, top_up_url: str) -> None:
        self.app, self._route = app, route
        self._starts = route.path.partition("{")[0]
        self._lane = Observed(Patience(_answered(route.endpoint, top_up_url)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._starts):
            match, found = self._route.matches(scope)
            if match is Match.FULL:
                scope.update(found, route=self._route)
                await self._lane(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _answered(endpoint: Endpoint, top_up_url: str) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await errors.caught(endpoint, Request(scope, receive), top_up_url)
        await response(scope, receive, send)

    return answer
