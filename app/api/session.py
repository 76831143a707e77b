"""`/session…`: signing in and out by plain form posts. The answer sets an httpOnly cookie and sends the browser on."""

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts.identity import Who
from app.accounts.service import Accounts
from app.accounts.sign_in import LIVES_AT_MOST
from app.api.auth import COOKIE, Auth
from app.api.forms import MOST_FIELDS, read_form
from app.kernel.errors import FareboxError, InvalidInput, LimitReached, NotAllowed, NotSignedIn

LONGEST_NEXT = 2_000
LONGEST_EMAIL = 254
OPERATOR_HOME, CUSTOMER_HOME, SIGNED_OUT_HOME = "/admin", "/playground", "/"

#: Role ("operator", "customer") → e-mail of the demo's account; None where there is no demo.
DemoLogins = Callable[[], Mapping[str, str]] | None


def router(auth: Auth, accounts: Accounts, demo_logins: DemoLogins = None) -> APIRouter:
    """The session routes. They are for our own pages, so each refuses a post from elsewhere."""
    api = APIRouter(prefix="/session", include_in_schema=False)

    @api.post("")
    async def sign_in(request: Request) -> Response:
        auth.require_same_origin(request)
        form = await read_form(request)
        email, wanted = form.get("email", ""), form.get("next", "") or _next_of_page(request)
        address = request.client.host if request.client else ""
        try:
            token = await asyncio.to_thread(accounts.sign_ins.sign_in, email, form.get("password", ""), address=address)
        except (NotSignedIn, NotAllowed, LimitReached) as refused:
            return back_to_login(refused, email, wanted)
        return await _welcome(request, token, wanted)

    @api.post("/end")
    async def sign_out(request: Request) -> Response:
        auth.require_same_origin(request)
        await _end_previous(request)
        answer = go(SIGNED_OUT_HOME)
        answer.delete_cookie(COOKIE, path="/", secure=auth.is_https, httponly=True, samesite="lax")
        return answer

    @api.post("/demo")
    async def demo(request: Request) -> Response:
        auth.require_same_origin(request)
        if demo_logins is None:
            raise NotAllowed("This installation is not a demo: sign in with your password.", code="not_demo")
        form = await read_form(request)
        person = await asyncio.to_thread(_demo_person, demo_logins, form.get("role", ""))
        return await _welcome(request, await asyncio.to_thread(accounts.sign_ins.begin, person), form.get("next", ""))

    def _demo_person(logins: Callable[[], Mapping[str, str]], role: str) -> str:
        email = logins().get(role)
        person = None if email is None else accounts.people.by_email(email)
        if person is None:
            raise InvalidInput("The demo has no such role.", param="role")
        return person.id

    async def _welcome(request: Request, token: str, wanted: str) -> Response:
        await _end_previous(request)
        home = home_of(await asyncio.to_thread(accounts.look_up, token))
        return keep_session(go(safe_next(wanted) or home), token, is_https=auth.is_https)

    async def _end_previous(request: Request) -> None:
        if previous := request.cookies.get(COOKIE):
            await asyncio.to_thread(accounts.sign_ins.sign_out, previous)

    return api


def home_of(who: Who | None) -> str:
    """Where somebody's work is."""
    return OPERATOR_HOME if who is not None and who.is_operator else CUSTOMER_HOME


def keep_session(answer: Response, token: str, *, is_https: bool) -> Response:
    """The answer, with the session's cookie."""
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(LIVES_AT_MOST.total_seconds()),
        path="/",
        httponly=True,
        secure=is_https,
        samesite="lax",
    )
    return answer


def safe_next(wanted: str) -> str | None:
    """`wanted` when it is a path on this site, else None. Browsers read `\\` as `/` and skip control characters."""
    if not wanted.startswith("/") or len(wanted) > LONGEST_NEXT:
        return None
    if wanted.startswith("//") or any(letter == "\\" or not letter.isprintable() or letter == " " for letter in wanted):
        return None
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc or parts.path.startswith("/session") else wanted


def _next_of_page(request: Request) -> str:
    """`next` of the sign-in page's own address: a form sent before its scripts ran has not learned it yet."""
    try:
        page = urlsplit(request.headers.get("referer", ""))
        return (
            dict(parse_qsl(page.query, max_num_fields=MOST_FIELDS)).get("next", "")
            if page.path.rstrip("/") == "/login"
            else ""
        )
    except ValueError:
        return ""


def back_to_login(refused: FareboxError, email: str, wanted: str) -> Response:
    """Why somebody is not signed in, said by the page to sign in with."""
    said = {"error": refused.stable_code, "email": email[:LONGEST_EMAIL]}
    if kept := safe_next(wanted):
        said["next"] = kept
    return go(f"/login?{urlencode(said)}")


def go(where: str) -> Response:
    """On to another page."""
    return RedirectResponse(where, status_code=303, headers={"Cache-Control": "no-store"})
