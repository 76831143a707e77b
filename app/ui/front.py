"""What stands before Reflex's static files: pages without a trailing slash, cache and safety headers, and a sign-in
redirect for a page nobody without a session could use.

Left alone, `/login` answers 307 to an absolute address with a slash, which breaks behind a TLS proxy.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.ui.guard import SESSION_COOKIE, cookie_value

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFETY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", b"frame-ancestors 'none'; base-uri 'self'; object-src 'none'; form-action 'self'"),
]
#: Vite names these files by their content.
FOREVER = (b"cache-control", b"public, max-age=31536000, immutable")
FRESH = (b"cache-control", b"no-cache")


class Front:
    """An ASGI wrapper around the whole app.

    `built` is where the bundle lies (`.web/build/client`); `is_private(path)` says whether a page needs a session.
    """

    def __init__(
        self, app: Asgi, *, built: Path, is_private: Callable[[str], bool], cookie_name: str = SESSION_COOKIE
    ) -> None:
        self.app = app
        self.built = built
        self.is_private = is_private
        self.cookie_name = cookie_name
        self._pages: frozenset[str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = _varying_once(send)
        if scope["method"] not in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        if self.is_private(path) and not self._has_session(scope):
            await _to_sign_in(scope, send)
            return
        if path in self.pages:
            scope = {**scope, "path": path + "/", "raw_path": quote(path).encode() + b"/"}
        await self.app(scope, receive, _with_headers(send, path))

    @property
    def pages(self) -> frozenset[str]:
        """Paths that have an `index.html` of their own in the bundle; none in development."""
        if self._pages is None:
            files = self.built.rglob("index.html") if self.built.is_dir() else ()
            found = ("/" + file.parent.relative_to(self.built).as_posix() for file in files)
            self._pages = frozenset(path for path in found if path != "/.")
        return self._pages

    def _has_session(self, scope: Scope) -> bool:
        cookies = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
        return bool(cookie_value(cookies, self.cookie_name))


def _varying_once(send: Send) -> Send:
    """Reflex puts its cross-origin rules around the API, its own routes and the whole: each says `Vary: Origin`, and
    the outermost, which is still to come, says enough."""

    async def send_once(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                (name, value) if name.lower() != b"vary" else (name, kept)
                for name, value in message.get("headers", [])
                if (kept := _without_origin(value)) or name.lower() != b"vary"
            ]
        await send(message)

    return send_once


def _without_origin(vary: bytes) -> bytes:
    parts = [part.strip() for part in vary.split(b",")]
    return b", ".join(part for part in parts if part and part.lower() != b"origin")


def _with_headers(send: Send, path: str) -> Send:
    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            present = {name.lower() for name, _ in headers}
            if b"cache-control" not in present and _is_page_file(path):
                headers.append(FOREVER if path.startswith("/assets/") and message["status"] == 200 else FRESH)
            message["headers"] = headers + [item for item in SAFETY if item[0] not in present]
        await send(message)

    return send_with_headers


def _is_page_file(path: str) -> bool:
    return not path.startswith(("/v1", "/hooks", "/session", "/files"))


async def _to_sign_in(scope: Scope, send: Send) -> None:
    query = scope.get("query_string", b"").decode("latin-1")
    here = scope["path"] + (f"?{query}" if query else "")
    location = f"/login?next={quote(here, safe='')}".encode()
    headers = [(b"location", location), (b"content-length", b"0"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
