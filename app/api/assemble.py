"""The whole HTTP API as one FastAPI application; its documentation page at `/v1/docs` loads nothing from elsewhere."""

from fastapi import Depends, FastAPI, Request, Response
from fastapi_offline import FastAPIOffline

from app.api import documents, downloads, errors, files, hooks, links, observe, passwords, payments, session, uploads
from app.api.addresses import require_storable
from app.api.auth import Auth
from app.api.billing import assemble as billing
from app.api.express import Express
from app.api.gateway import media_routes, native, present, requests, statement, text_routes, videos, webhooks
from app.api.gateway.common import Gateway
from app.api.gateway.dialects import ANTHROPIC, anthropic, as_asked, openai
from app.api.gateway.prefix import OpenAiPrefix
from app.api.gateway.present import Wire
from app.api.later import Later
from app.api.patience import Patience
from app.api.request_log import RequestTaker
from app.api.session import DemoLogins
from app.kernel.errors import NotFound
from app.services import Services

DESCRIPTION = """
Generate images, video and audio at a price you can ask beforehand.

Send your key as `Authorization: Bearer fbx_…`. Add `?dryRun=true` to any POST to get the estimate and change nothing.
A repeated request with the same `Idempotency-Key` gets the first answer. Errors have OpenAI's envelope and a stable
`code`.
"""


def build_api(services: Services, demo_logins: DemoLogins = None) -> FastAPI:
    """Every route that is not a page. `demo_logins` answers the demo's two e-mails by role, None outside a demo.

    Unknown paths under `/v1` are answered as JSON, never with a page.
    """
    api = FastAPIOffline(
        title="Farebox", version="1", description=DESCRIPTION, docs_url="/v1/docs", redoc_url=None,
        openapi_url="/v1/openapi.json", static_url="/v1/docs-assets", telemetry=observe.NOT_THE_FRAMEWORKS,
        dependencies=[Depends(require_storable)],
    )  # fmt: skip
    settings, desk = services.settings, services.desk
    auth = Auth(services.accounts, settings.public_url)
    gateway = Gateway(desk, services.ledger, wire_of(services), auth.require_key)

    services.webhooks.describe_with(lambda seen: present.generation(seen, gateway.wire))
    top_up_url = f"{settings.public_url}/top-up"
    api.router.routes[:0] = [
        *text_routes.plain(gateway, top_up_url),
        *media_routes.plain(gateway, top_up_url),
    ]

    for routes in (
        observe.router(services),
        text_routes.documented(gateway, top_up_url),
        media_routes.documented(gateway, top_up_url),
        videos.router(gateway),
        native.router(gateway),
        requests.router(gateway, services.request_log),
        webhooks.router(gateway, services.webhooks, services.wake),
        hooks.router(services),
        payments.router(auth, services),
        links.router(desk),
        uploads.router(auth, services.files),
        files.router(auth, services.files),
        statement.router(gateway, services.statements, desk.clock),
        downloads.router(auth, services.db, services.statements, desk.clock),
        documents.router(auth, services.invoicing),
        session.router(auth, services.accounts, demo_logins),
        passwords.router(auth, services.accounts),
    ):
        api.include_router(routes)

    @api.api_route("/v1/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    async def unknown(request: Request, rest: str) -> Response:
        dialect = anthropic if rest.partition("/")[0] == "messages" or ANTHROPIC in request.headers else openai
        refused = NotFound(f"There is no /v1/{rest}. /v1/docs lists what there is.", code="route_not_found")
        return dialect(top_up_url).refuse(refused, request)

    api.mount(billing.PREFIX, Later(lambda: billing.build_billing(services)))

    api.add_middleware(Patience)
    api.add_middleware(observe.Observed)
    api.add_middleware(RequestTaker, log=services.request_log, now=desk.clock)
    api.add_middleware(OpenAiPrefix)
    api.add_middleware(Express, route=payments.hook(services), top_up_url=top_up_url)
    errors.install(api, top_up_url=top_up_url, worded=as_asked)
    return api


def wire_of(services: Services) -> Wire:
    """How this installation's API writes amounts, files and providers; pages that quote the API use it too."""
    return Wire(
        services.settings.credit_value_micros,
        services.desk.file_link,
        lambda provider_id: _provider_name(services, provider_id),
    )


def _provider_name(services: Services, provider_id: str) -> str:
    routes = (route for offer in services.offers.list() for route in offer.routes)
    return next((route.provider_name for route in routes if route.provider_id == provider_id), provider_id)
