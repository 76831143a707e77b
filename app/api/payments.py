"""`/hooks/payments/…`: where payment providers report, and the native forms and downloads around an order.

A webhook is verified on its raw bytes before anything else, written down, and answered; applying it is a chore's work.
"""

import asyncio
import html
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from app.accounts.identity import KeyHolder, Who, suspended
from app.api.auth import Auth
from app.api.forms import read_form, uploaded_file
from app.api.gateway import common
from app.files.store import TooLarge
from app.invoicing.seller import SellerNeeded, Sellers
from app.kernel.errors import Conflict, FareboxError, InvalidInput, LimitReached, NotAllowed, NotFound
from app.kernel.ids import is_id
from app.kernel.money import plain
from app.kernel.text import t
from app.payments.cashier import STRIPE, Cashier, PriceTag
from app.payments.orders import Choice
from app.payments.packages import Package
from app.payments.proofs import MOST_BYTES
from app.payments.rows import no_order
from app.payments.verify import MOST_BYTES as MOST_WEBHOOK_BYTES
from app.payments.views import OrderView
from app.services import Services

#: Failed signatures one address may send a minute; a provider's own fail only when a secret is wrong.
FAILURES = RateLimitItemPerMinute(60)
APPLY = "payments.apply"
TOP_UP = "/top-up"
INVOICES = "/invoices"
METHODS = ("card", "transfer")
FIELDS = frozenset({"package_version", "currency", "accept_terms", "method"})
SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}


def router(auth: Auth, services: Services) -> APIRouter:
    """Buying: our own forms, and orders for programs."""
    api = APIRouter()
    for routes in (
        _forms(auth, services.cashier),
        _links(services),
        _native(auth, services.cashier, services.invoicing.sellers),
    ):
        api.include_router(routes)
    return api


# --- the provider


def hook(services: Services) -> Route:
    """The webhook's route, for `Express`: a provider sends many at a time."""
    failures = MovingWindowRateLimiter(MemoryStorage())
    cashier = services.cashier

    async def receive(request: Request) -> Response:
        provider = request.path_params["provider"]
        if provider != STRIPE:
            raise NotFound("No payment provider reports here.", code="provider_not_found")
        if not cashier.takes_cards:
            raise HTTPException(503, "Payments are not set up here.")
        address = request.client.host if request.client else ""
        try:
            hint = cashier.verify(await _body(request), request.headers.get("stripe-signature"))
        except InvalidInput:
            # Only those who guess are shut out: behind a proxy the provider has the same address as they.
            if not failures.hit(FAILURES, address):
                raise LimitReached("Too many requests that are not the provider's.", retry_after_seconds=60) from None
            raise
        if await cashier.accept(hint):
            services.wake(APPLY)
        return Response(status_code=200)

    return Route("/hooks/payments/{provider}", receive, methods=["POST"])


async def _body(request: Request) -> bytes:
    body, more = b"", True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_WEBHOOK_BYTES:
            raise TooLarge("The webhook is too large.")
    return body


# --- our own pages


def _forms(auth: Auth, cashier: Cashier) -> APIRouter:
    api = APIRouter(prefix="/payments", include_in_schema=False)
    Person = Annotated[Who, Depends(auth.require_session)]

    @api.post("/checkout")
    async def checkout(request: Request, who: Person) -> Response:
        """Buy a package: on to the provider's page, or back with the code of what stands in the way."""
        form = await read_form(request)
        try:
            choice = _choice(form, _workspace(who), who.user_id, request.client.host if request.client else "")
            order = await cashier.buy(choice)
        except FareboxError as refused:
            return RedirectResponse(f"{TOP_UP}?problem={refused.stable_code}", status_code=303)
        if order.url is None:
            return RedirectResponse(f"{TOP_UP}?order={order.id}", status_code=303)
        return _onward(order.url)

    @api.post("/orders/{order_id}/proof")
    async def upload(order_id: str, request: Request, who: Person) -> Response:
        """Keep it, or back to the order with the code of what is wrong with it."""
        workspace_id = _workspace(who)
        if not is_id(order_id, "ord"):
            raise no_order(order_id)
        try:
            async with uploaded_file(request, "file", MOST_BYTES) as given:
                name, content = given.filename or "", await given.read()
            await asyncio.to_thread(
                cashier.proofs.keep, order_id, name, content, workspace_id=workspace_id, actor=who.user_id
            )
        except (InvalidInput, Conflict) as refused:
            return RedirectResponse(f"{TOP_UP}?order={order_id}&problem={refused.stable_code}", status_code=303)
        return RedirectResponse(f"{TOP_UP}?order={order_id}", status_code=303)

    @api.get("/proofs/{proof_id}")
    async def download(proof_id: str, who: Person) -> Response:
        """Always a download of unknown type, whatever it is."""
        if not who.is_operator and who.workspace_id is None:
            raise NotFound("There is no such file.", code="proof_not_found")
        workspace_id = None if who.is_operator else who.workspace_id
        proof, path = await asyncio.to_thread(cashier.proofs.open, proof_id, workspace_id=workspace_id)
        return FileResponse(
            path,
            media_type="application/octet-stream",
            filename=proof.name,
            content_disposition_type="attachment",
            headers=SAFETY,
        )

    return api


def _links(services: Services) -> APIRouter:
    """What a mail leads to. The signature stands in for a session; what it opens takes money and shows nothing."""
    api = APIRouter(prefix="/payments", include_in_schema=False)

    @api.get("/invoices/{invoice_id}/{signature}")
    async def pay(invoice_id: str, signature: str) -> Response:
        """On to the provider's page for this invoice, or to our own list of them when there is nothing to pay."""
        try:
            return _onward(await services.collecting.page(invoice_id, signature))
        except Conflict as refused:
            return RedirectResponse(f"{INVOICES}?problem={refused.stable_code}", status_code=303)

    return api


def _onward(url: str) -> HTMLResponse:
    """A page that goes on by itself. As a redirect it would belong to our form, which the pages' policy lets lead to
    nobody else's site, and where the provider's pages live is the provider's to say."""
    words = (t("payments.onward.title"), t("payments.onward.link"))
    title, link = (html.escape(text) for text in words)
    address = html.escape(url, quote=True)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={address}">'
        f'<title>{title}</title><p>{title} <a href="{address}" rel="noreferrer">{link}</a></p></html>',
        headers={**SAFETY, "Referrer-Policy": "same-origin", "Content-Security-Policy": "default-src 'none'"},
    )


def _workspace(who: Who) -> str:
    if who.workspace_id is None:
        raise NotAllowed("Choose a workspace first.", code="no_workspace")
    if who.is_suspended:
        raise suspended()
    return who.workspace_id


def _choice(form: dict[str, str], workspace_id: str, actor: str, ip: str) -> Choice:
    """What was chosen; whatever else a form says, amounts for instance, is not looked at."""
    return Choice(
        workspace_id=workspace_id,
        package_version_id=form.get("package_version", ""),
        currency=form.get("currency", ""),
        terms_version_id=form.get("terms") or None,
        actor=actor,
        key=form.get("key", ""),
        save_card=form.get("save_card") == "on",
        ip=ip,
    )


# --- programs


def _native(auth: Auth, cashier: Cashier, sellers: Sellers) -> APIRouter:
    api = APIRouter(prefix="/v1", tags=["Buying credits"])
    Key = Annotated[KeyHolder, Depends(auth.require_key)]

    @api.get("/packages", summary="Credit packages, and the terms to accept")
    async def packages(_key: Key) -> dict[str, Any]:
        """`net_prices` are before tax, unless `prices_include_tax`; a dry run of an order says the final amount."""
        found = await asyncio.to_thread(cashier.packages.on_sale)
        terms = await asyncio.to_thread(cashier.terms.current)
        return {
            "object": "list",
            "data": [_package(package) for package in found],
            "prices_include_tax": await asyncio.to_thread(_include_tax, sellers),
            "terms": None if terms is None else {"version": terms.id, "terms": terms.terms,
                                                 "refund_policy": terms.refund_policy},
        }  # fmt: skip

    @api.post("/orders", status_code=201, summary="Order a package (needs an Idempotency-Key)")
    async def create(request: Request, key: Key) -> dict[str, Any]:
        """`method` is `card` (the answer has the `url` of the payment page) or `transfer`."""
        body = await common.json_body(request)
        common.only(body, FIELDS)
        choice = Choice(
            workspace_id=key.workspace_id,
            package_version_id=common.text_field(body, "package_version"),
            currency=common.text_field(body, "currency"),
            terms_version_id=common.text_field(body, "accept_terms"),
            actor=key.created_by,
            key=request.headers.get("idempotency-key", ""),
        )
        method = body.get("method", "card")
        if method not in METHODS:
            raise InvalidInput(f"method is {' or '.join(METHODS)}.", param="method")
        if common.is_dry_run(request):
            return _tag(await cashier.quote(choice, by_card=method == "card"))
        if method == "card":
            return _order(await cashier.buy(choice))
        return _order(await cashier.order_by_transfer(choice))

    @api.get("/orders", summary="Your orders, the newest first")
    async def orders(key: Key, limit: int = 20) -> dict[str, Any]:
        found = await asyncio.to_thread(cashier.orders_of, key.workspace_id, limit=max(1, min(limit, 100)))
        return {"object": "list", "data": [_order(order) for order in found]}

    @api.get("/orders/{order_id}", summary="One order")
    async def order(order_id: str, key: Key) -> dict[str, Any]:
        if not is_id(order_id, "ord"):
            raise no_order(order_id)
        return _order(await asyncio.to_thread(cashier.order, order_id, key.workspace_id))

    return api


def _include_tax(sellers: Sellers) -> bool:
    try:
        return sellers.current().prices_include_tax
    except SellerNeeded:
        return False


def _package(package: Package) -> dict[str, Any]:
    content = package.content
    return {
        "object": "package",
        "version": package.version_id,
        "kind": str(package.kind),
        "title": content.title,
        "credits": plain(content.credits.amount),
        "bonus_credits": plain(content.bonus.amount),
        "net_prices": {currency: f"{price.amount:f}" for currency, price in content.prices.items()},
        "expires_days": content.expires_days,
    }


def _tag(tag: PriceTag) -> dict[str, Any]:
    """What an order would say, on the wire."""
    tax = tag.tax
    return {
        "object": "order.estimate",
        **{name: value for name, value in _package(tag.package).items() if name in _OF_PACKAGE},
        "currency": tax.currency if tax else None,
        "net": f"{tax.total_net.amount:f}" if tax else None,
        "tax": f"{tax.total_tax.amount:f}" if tax else None,
        "total": f"{tax.total_gross.amount:f}" if tax else None,
    }


_OF_PACKAGE = frozenset({"title", "credits", "bonus_credits", "expires_days"})


def _order(order: OrderView) -> dict[str, Any]:
    """An order on the wire; amounts of money are decimal strings."""
    return {
        "id": order.id,
        "object": "order",
        "status": str(order.state),
        "title": order.title,
        "credits": plain(order.credits.amount),
        "bonus_credits": plain(order.bonus.amount),
        "currency": order.gross.currency,
        "net": f"{order.net.amount:f}",
        "tax": f"{order.tax.amount:f}",
        "total": f"{order.gross.amount:f}",
        "reference": order.reference,
        "url": order.url,
        "invoice": order.invoice_number,
        "created_at": order.created_at.isoformat(),
        "paid_at": order.paid_at.isoformat() if order.paid_at else None,
    }
