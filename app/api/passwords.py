"""`/session/…password`: changing, choosing and asking for a password, by plain form posts like signing in, so that no
password passes through the state of a page."""

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from app.accounts import links
from app.accounts.service import Accounts
from app.api.auth import COOKIE, Auth
from app.api.forms import read_form
from app.api.session import LONGEST_EMAIL, back_to_login, go, home_of, keep_session
from app.kernel.errors import LimitReached, NotSignedIn, Rejected

CHANGE_PAGE, FORGOT_PAGE = "/password", "/forgot-password"


def router(auth: Auth, accounts: Accounts) -> APIRouter:
    """For our own pages: each route refuses a post from elsewhere."""
    api = APIRouter(prefix="/session", include_in_schema=False)

    @api.post("/password")
    async def change(request: Request) -> Response:
        auth.require_same_origin(request)
        try:
            who = await auth.require_session(request)
        except NotSignedIn as refused:
            return back_to_login(refused, "", CHANGE_PAGE)
        form, address = await read_form(request), request.client.host if request.client else ""
        current, wanted = form.get("current", ""), form.get("password", "")
        try:
            token = await asyncio.to_thread(accounts.change_password, who, current, wanted, address=address)
        except Rejected as refused:
            return go(f"{CHANGE_PAGE}?{urlencode({'error': refused.stable_code})}")
        return keep_session(go(f"{CHANGE_PAGE}?done=1"), token, is_https=auth.is_https)

    @api.post("/choose-password")
    async def choose(request: Request) -> Response:
        auth.require_same_origin(request)
        form = await read_form(request)
        link = form.get("link", "")
        try:
            token = await asyncio.to_thread(accounts.choose_password, link, form.get("password", ""))
        except Rejected as refused:
            said = {"link": link[: links.LONGEST], "error": refused.stable_code}
            return go(f"{links.PAGE}?{urlencode(said)}")
        if previous := request.cookies.get(COOKIE):
            await asyncio.to_thread(accounts.sign_ins.sign_out, previous)
        home = home_of(await asyncio.to_thread(accounts.look_up, token))
        return keep_session(go(home), token, is_https=auth.is_https)

    @api.post("/forgot-password")
    async def forgot(request: Request) -> Response:
        auth.require_same_origin(request)
        email = (await read_form(request)).get("email", "")[:LONGEST_EMAIL]
        try:
            await asyncio.to_thread(accounts.forgot_password, email)
        except LimitReached as refused:
            return go(f"{FORGOT_PAGE}?{urlencode({'error': refused.stable_code})}")
        return go(f"{FORGOT_PAGE}?done=1")

    return api
