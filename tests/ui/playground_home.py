"""Pages over real services: a customer with credits, the seed catalogue, the sandbox, and a tab without a browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from reflex.istate.data import RouterData
from reflex.state import State

from app import services as building
from app.accounts.identity import Role, Who
from app.ui.guard import acting_as
from tests.support.house import House, house, settings_for


@dataclass
class Visit:
    """One tab on one page of a signed-in member of the house's workspace."""

    house: House
    who: Who
    path: str = "/playground"
    tree: Any = field(default_factory=lambda: State(_reflex_internal_init=True))

    def state(self, kind: type) -> Any:
        return self.tree.get_substate(kind.get_full_name().split("."))

    def open(self, *, socket: str = "s1", **query: str) -> None:
        """The tab is at the page with this query; another `socket` is a page loaded anew."""
        data = {
            "headers": {"origin": "http://localhost:3000"},
            "pathname": self.path,
            "asPath": self.path + (f"?{urlencode(query)}" if query else ""),
            "token": "tab",
            "sid": socket,
        }
        self.tree.router_data = data
        self.tree.router = RouterData.from_router_data(data)


@contextmanager
def visiting(template: Path, sandbox_url: str, folder: Path, *, path: str = "/playground") -> Iterator[Visit]:
    """A house over a copy of the seeded database, its services installed, and its customer at the page."""
    database = folder / "house.sqlite"
    shutil.copyfile(template, database)
    settings = settings_for(folder / "home", f"sqlite:///{database}", sandbox_url)
    with house(settings) as built:
        building.install(built.services)
        who = Who("usr_1", "Mara Ito", "mara@halfmoon.test", False, built.workspace_id, "Halfmoon Studio", Role.OWNER)
        with acting_as(who):
            visit = Visit(built, who, path)
            visit.open()
            yield visit


async def finish(handler: Any) -> list[Any]:
    """Let a handler that yields run to its end; what it yielded besides."""
    return [event async for event in handler if event is not None]


def publish_price(visit: Visit, alias: str, credits: int, png_adds: int = 0) -> None:
    """Put another price per image on sale, as an operator would in another window."""
    services = visit.house.services
    offer = services.offers.find(alias)
    rule = {
        "type": "formula",
        "unit": "image",
        "price": {"perImage": credits},
        "attributes": [{"param": "output_format", "is": "png", "add": png_adds}] if png_adds else [],
    }
    draft = replace(services.editing.read_draft(offer.model_id), pricing_rule=rule)
    services.editing.publish(offer.model_id, draft, "For a test", "usr_operator")
