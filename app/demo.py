"""The demo's people and credits. Logins are random per installation and kept over restarts in `demo.json`."""

import asyncio
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app.accounts.people import Person
from app.catalogue.costs import CostForm
from app.catalogue.routes import RouteForm
from app.catalogue.seed import seed_catalogue
from app.invoicing.seed import seed_invoicing
from app.kernel.errors import Broken
from app.kernel.money import Money
from app.kernel.secrets import new_vault_key
from app.payments.seed import seed_payments
from app.services import Services
from app.settings import Settings

ADMIN_EMAIL = "admin@farebox.test"
CUSTOMER_EMAIL = "customer@farebox.test"
WORKSPACE = "Demo workspace"
CREDITS = 10_000
ACTOR = "demo"
PRIVATE = 0o600
#: Alias, second route, what an image costs there in dollars.
SECOND_ROUTES = (
    (
        "flux-schnell",
        RouteForm(
            "replicate",
            "black-forest-labs/flux-schnell",
            1,
            mapping={"num_images": "num_outputs", "image_size": None, "num_inference_steps": None},
        ),
        0.003,
    ),
    (
        "flux-dev",
        RouteForm(
            "replicate",
            "black-forest-labs/flux-dev",
            1,
            mapping={"num_images": "num_outputs", "image_size": None, "acceleration": None},
        ),
        0.025,
    ),
    (
        "nano-banana",
        RouteForm(
            "kie", "google/nano-banana", 0, mapping={"num_images": None, "aspect_ratio": "image_size"}, weight=50
        ),
        0.02,
    ),
)
COST_SOURCE = "The provider's price list of November 2026"


@dataclass(frozen=True, slots=True)
class AdminLogin:
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CustomerLogin:
    email: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)
    workspace_id: str


@dataclass(frozen=True, slots=True)
class DemoLogins:
    """What `.farebox/demo.json` holds."""

    url: str
    admin: AdminLogin
    customer: CustomerLogin
    billing_api_key: str = field(default="", repr=False)

    @classmethod
    def read(cls, path: Path) -> "DemoLogins | None":
        """The logins of an earlier start, None before the first."""
        if not path.exists():
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            kept["url"], AdminLogin(**kept["admin"]), CustomerLogin(**kept["customer"]), kept.get("billing_api_key", "")
        )

    def write(self, path: Path) -> None:
        """Replace the file in one step; only its owner may read it."""
        _write_private(path, json.dumps(asdict(self), indent=2) + "\n")


def demo_emails() -> dict[str, str]:
    """The demo's two people by role, for the one-click sign-in."""
    return {"operator": ADMIN_EMAIL, "customer": CUSTOMER_EMAIL}


def ensure_secret(home: Path) -> None:
    """The installation's own encryption key, made once. Only the demo does this: production is given its key."""
    stored = home / "secret.key"
    if not stored.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(stored, new_vault_key() + "\n")


def seed_demo(services: Services, settings: Settings) -> DemoLogins:
    """The catalogue on the sandbox, an operator, a customer with 10,000 credits; running it again changes nothing.

    The ledger must be started. Logins whose file was lost get new passwords.
    """
    if not settings.demo or settings.sandbox_url is None:
        raise Broken("Demo data is for the demo only: start it with `make run`.")
    seed_catalogue(services.db, services.vault, sandbox_url=settings.sandbox_url)
    _second_routes(services)
    path = settings.home / "demo.json"
    kept = DemoLogins.read(path)
    admin = _admin(services, kept.admin.password if kept else None)
    customer = _customer(services, kept.customer if kept else None)
    billing_key = _billing_key(services, kept.billing_api_key if kept else "")
    logins = DemoLogins(settings.public_url, admin, customer, billing_key)
    logins.write(path)
    asyncio.run(_grant(services, customer.workspace_id))
    seed_invoicing(services.invoicing, customer.workspace_id, actor=ACTOR)
    seed_payments(services.cashier, actor=ACTOR)
    return logins


def _second_routes(services: Services) -> None:
    """Another provider for a few models, so that there is something to route; an operator's own routes stay alone."""
    for alias, form, dollars in SECOND_ROUTES:
        model_id = services.offers.find(alias).model_id
        if len(services.editing.read(model_id).routes) > 1:
            continue
        route_id = services.editing.add_route(model_id, form, ACTOR)
        rule = {"type": "formula", "unit": "image", "price": {"perImage": dollars}}
        now = services.desk.clock()
        services.editing.add_cost(route_id, CostForm(rule, COST_SOURCE, now, now), ACTOR)


def _admin(services: Services, password: str | None) -> AdminLogin:
    people = services.accounts.people
    known = people.by_email(ADMIN_EMAIL)
    chosen = _password(services, known, password)
    if known is None:
        people.create_operator(ADMIN_EMAIL, "Demo operator", chosen, actor=ACTOR)
    return AdminLogin(ADMIN_EMAIL, chosen)


def _customer(services: Services, kept: CustomerLogin | None) -> CustomerLogin:
    people = services.accounts.people
    known = people.by_email(CUSTOMER_EMAIL)
    password = _password(services, known, kept.password if kept else None)
    if known is None:
        known, workspace = people.create_customer(CUSTOMER_EMAIL, "Demo customer", password, WORKSPACE, actor=ACTOR)
    else:
        workspace = people.workspaces_of(known.id)[0]
    return CustomerLogin(CUSTOMER_EMAIL, password, _key(services, kept, workspace.id, known.id), workspace.id)


def _password(services: Services, known: Person | None, kept: str | None) -> str:
    """The kept one; a new one for a new person, or for a known one whose password nobody knows any more."""
    if kept is not None:
        return kept
    password = secrets.token_urlsafe(12)
    if known is not None:
        services.accounts.reset_password(known.email, password, actor=ACTOR)
    return password


def _key(services: Services, kept: CustomerLogin | None, workspace_id: str, user_id: str) -> str:
    keys = services.accounts.keys
    if kept is not None and (holder := keys.look_up(kept.api_key)) and holder.workspace_id == workspace_id:
        return kept.api_key
    return keys.create(workspace_id, "Demo key", actor=user_id).secret


def _billing_key(services: Services, kept: str) -> str:
    keys = services.billing_keys
    return kept if kept and keys.look_up(kept) else keys.issue("Demo billing key", actor=ACTOR).secret


async def _grant(services: Services, workspace_id: str) -> None:
    await services.ledger.grant(
        workspace_id,
        Money.from_exact(CREDITS),
        kind="promo",
        label="Demo credits",
        ref=f"demo:{workspace_id}",
        actor=ACTOR,
    )


def _write_private(path: Path, text: str) -> None:
    """Written beside and moved into place, so that nobody reads half of it, and never readable by others."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=PRIVATE)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
