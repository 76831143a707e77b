"""Who may call this: FastAPI dependencies for a key, a session, an operator, and the check that a browser's POST comes
from our own pages. A route without one of them is public on purpose."""

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.accounts.identity import KeyHolder, Who, suspended
from app.accounts.service import Accounts
from app.kernel.errors import NotAllowed, NotSignedIn

COOKIE = "farebox_session"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
DEFAULT_PORTS = {"http": 80, "https": 443}
READING = frozenset({"GET", "HEAD", "OPTIONS"})

#: Only there for the OpenAPI page's Authorize button; the dependencies read the headers themselves.
Bearer = Annotated[
    HTTPAuthorizationCredentials | None,
    Security(HTTPBearer(auto_error=False, scheme_name="API key", description="A key from /keys: fbx_…")),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """A person or a program; exactly one of `user_id` and `key_id` is set."""

    workspace_id: str | None  # None: an operator who looks at no workspace
    user_id: str | None = None
    key_id: str | None = None
    is_operator: bool = False
    is_suspended: bool = False

    def workspace(self) -> str:
        """The workspace to act for; `NotAllowed` when there is none or it may not act."""
        if self.workspace_id is None:
            raise NotAllowed("Choose a workspace first.", code="no_workspace")
        if self.is_suspended:
            raise suspended()
        return self.workspace_id


class Auth:
    """`public_url` is the address our pages are opened by; its origin is the only one that may post with a cookie."""

    def __init__(self, accounts: Accounts, public_url: str) -> None:
        self._accounts = accounts
        self._origins = own_origins(public_url)
        self.is_https = public_url.startswith("https://")

    async def require_key(self, request: Request, _bearer: Bearer = None) -> KeyHolder:
        """The holder of the request's API key (`Authorization: Bearer fbx_…` or `x-api-key`), or 401."""
        secret = given_key(request)
        if secret is None:
            raise NotSignedIn("An API key is missing: send Authorization: Bearer fbx_…", code="missing_api_key")
        holder = self._accounts.keys.peek(secret) or await asyncio.to_thread(self._accounts.keys.look_up, secret)
        if holder is None:
            raise NotSignedIn("This API key is unknown or revoked.", code="invalid_api_key")
        request.state.holder = holder
        return holder

    async def require_session(self, request: Request) -> Who:
        """The signed-in person, or 401. Anything but reading must come from our own pages."""
        token = request.cookies.get(COOKIE)
        if not token:
            raise NotSignedIn("Please sign in.", code="not_signed_in")
        who = self._accounts.sign_ins.peek(token) or await asyncio.to_thread(self._accounts.sign_ins.look_up, token)
        if who is None:
            raise NotSignedIn("Please sign in again.", code="session_ended")
        if request.method not in READING:
            self.require_same_origin(request)
        return who

    async def require_operator(self, request: Request) -> Who:
        """The signed-in operator, or 401 or 403."""
        who = await self.require_session(request)
        if not who.is_operator:
            raise NotAllowed("This is for operators.")
        return who

    async def either(self, request: Request, bearer: Bearer = None) -> Caller:
        """A program by its key when it sends one, else a person by the session."""
        if given_key(request) is not None:
            holder = await self.require_key(request, bearer)
            return Caller(holder.workspace_id, key_id=holder.key_id)
        who = await self.require_session(request)
        return Caller(who.workspace_id, user_id=who.user_id, is_operator=who.is_operator, is_suspended=who.is_suspended)

    def require_same_origin(self, request: Request) -> None:
        """Refuse what another site made the browser send. `NotAllowed` "cross_origin"."""
        if not self._is_same_origin(request):
            raise NotAllowed("This request did not come from our own pages.", code="cross_origin")

    def _is_same_origin(self, request: Request) -> bool:
        headers = request.headers
        origin, referer = headers.get("origin"), headers.get("referer")
        if origin is not None and origin != "null":
            return _origin(origin) in self._origins
        if (site := headers.get("sec-fetch-site")) is not None:
            # A page under a foreign name that resolves to us is its own "same-origin": the name must be ours as well.
            return site == "same-origin" and any(_host(own) == _host(str(request.url)) for own in self._origins)
        return referer is not None and _origin(referer) in self._origins


def given_key(request: Request) -> str | None:
    """The API key a request carries, if any; an Authorization header of another scheme is an unusable key."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, secret = authorization.partition(" ")
        return secret.strip() if scheme.lower() == "bearer" else ""
    return request.headers.get("x-api-key")


def own_origins(public_url: str) -> frozenset[str]:
    """The origins our pages have; on loopback every name of it, because people type either."""
    parts = urlsplit(public_url)
    if not _is_loopback(parts.hostname or ""):
        return frozenset({_origin(public_url)})
    port = "" if parts.port is None else f":{parts.port}"
    return frozenset(_origin(f"{parts.scheme}://{name}{port}") for name in LOOPBACK_NAMES)


def _origin(url: str) -> str:
    """Scheme, host and port, the port always spelled out; empty for what is no http address."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _host(url: str) -> str:
    return _origin(url).partition("://")[2]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
