"""The shell's questions answered by the services."""

from urllib.parse import urlsplit

from app.kernel.errors import NotFound
from app.kernel.money import Money
from app.services import Services
from app.ui.banners import banners
from app.ui.find import find
from app.ui.live import Live
from app.ui.showcase import showcase
from app.ui.wiring import Standing, Wiring


def wire(services: Services, live: Live | None = None, demo_customer: str | None = None) -> Wiring:
    """The wiring of a running house; `demo_customer` is the e-mail of the demo's customer."""
    settings = services.settings

    def standing(workspace_id: str) -> Standing | None:
        try:
            stands = services.ledger.balance(workspace_id)
        except NotFound:
            return None
        pays_afterwards, told = banners(services, workspace_id, stands.available)
        return Standing(stands.available, stands.held, pays_afterwards, told)

    def demo_credits() -> Money | None:
        person = services.accounts.people.by_email(demo_customer) if demo_customer else None
        workspaces = services.accounts.people.workspaces_of(person.id) if person else []
        return services.ledger.balance(workspaces[0].id).available if workspaces else None

    return Wiring(
        look_up=services.accounts.look_up,
        epoch=services.accounts.sign_ins.epoch,
        standing=standing,
        find=lambda person, text: find(services, person, text),
        showcase=lambda: showcase(services),
        priced_models=lambda: len(services.offers.list()),
        demo_credits=demo_credits,
        demo=settings.demo,
        sandbox=settings.sandbox_url is not None,
        host=urlsplit(settings.public_url).netloc,
        live=live,
    )
