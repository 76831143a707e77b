""" "Find any id": what an id, a name or an address leads to, as far as the person asking may see it."""

from collections.abc import Iterator
from itertools import islice

from sqlalchemy import func, select

from app.accounts.identity import Who
from app.accounts.tables import ApiKey
from app.billing import listing
from app.billing.listing import Wanted
from app.catalogue.tables import Model
from app.generation import views
from app.invoicing import reads
from app.kernel.db import metadata
from app.kernel.ids import is_id
from app.ledger.tables import journal
from app.payments.finding import find_orders
from app.services import Services
from app.ui import present
from app.ui.wiring import Found

MOST = 12
MOST_OF_A_KIND = 5
KEY = metadata.tables[str(ApiKey.__tablename__)]
MODEL = metadata.tables[str(Model.__tablename__)]


def find(services: Services, person: Who, text: str) -> list[Found]:
    """At most a dozen, the surest first. A customer finds what is their workspace's; an operator finds everything."""
    wanted = text.strip()
    if not wanted or not (person.is_operator or person.workspace_id):
        return []
    mine = None if person.is_operator else person.workspace_id
    found = _all(services, person, wanted, mine)
    return list(islice(found, MOST))


def _all(services: Services, person: Who, wanted: str, mine: str | None) -> Iterator[Found]:
    yield from _generation(services, wanted, mine)
    yield from _money(services, wanted, mine)
    yield from _keys(services, wanted, person, mine)
    if person.is_operator:
        yield from _subscriptions(services, wanted)
        yield from _customers(services, wanted)
    yield from _models(services, wanted, person)


def _generation(services: Services, wanted: str, mine: str | None) -> Iterator[Found]:
    """By its own id, the request's, an attempt's, upstream's, a file's, or a ledger entry's."""
    with services.db.read() as connection:
        if is_id(wanted, "jrn"):
            wanted = (
                connection.execute(select(journal.c.generation_id).where(journal.c.id == wanted)).scalar() or wanted
            )
        generation_id = views.find_any(connection, wanted, mine)
        if generation_id is None:
            return
        seen = views.find(connection, generation_id, mine)
    detail = f"{seen.alias} {present.DOT} {seen.status}"
    if mine is None:
        detail += f" {present.DOT} {seen.workspace_name}"
    yield Found("generation", present.short_id(seen.id), detail, f"/logs/{seen.id}")


def _money(services: Services, wanted: str, mine: str | None) -> Iterator[Found]:
    """Orders by any of their names, documents by number or id."""
    with services.db.read() as connection:
        orders = find_orders(connection, wanted, mine)
        documents = reads.named(connection, wanted, mine)
    for order in orders:
        detail = f"{order.title} {present.DOT} {present.fiat(order.gross)}"
        href = f"/admin/orders/{order.id}" if mine is None else f"/top-up?order={order.id}"
        yield Found("order", order.reference, detail, href)
    for document in documents:
        detail = f"{document.buyer} {present.DOT} {present.fiat(document.gross)}"
        yield Found("invoice", document.number, detail, f"/invoices/{document.id}")


def _keys(services: Services, wanted: str, person: Who, mine: str | None) -> Iterator[Found]:
    """By id, by name, or by the last four characters it is shown with. The secret itself is never searched for."""
    named = (KEY.c.id == wanted) | (func.lower(KEY.c.name) == wanted.lower()) | (KEY.c.hint == wanted)
    query = select(KEY).where(named).order_by(KEY.c.id.desc()).limit(MOST_OF_A_KIND)
    if mine is not None:
        query = query.where(KEY.c.workspace_id == mine)
    with services.db.read() as connection:
        rows = connection.execute(query).mappings().all()
    for row in rows:
        is_own = row["workspace_id"] == person.workspace_id
        href = "/keys" if is_own else f"/admin/customers/{row['workspace_id']}"
        yield Found("key", str(row["name"]), present.short_id(str(row["id"])), href)


def _subscriptions(services: Services, wanted: str) -> Iterator[Found]:
    """By id."""
    if not is_id(wanted, "subs"):
        return
    with services.db.read() as connection:
        found = listing.page(connection, Wanted(wanted, limit=1))
    for one in found:
        detail = f"{one.plan} {present.DOT} {one.row.state}"
        yield Found("subscription", one.customer, detail, f"/admin/subscriptions/{one.row.id}")


def _customers(services: Services, wanted: str) -> Iterator[Found]:
    """By id, name or a member's e-mail."""
    for workspace in services.accounts.people.workspaces(wanted, limit=MOST_OF_A_KIND):
        yield Found("customer", workspace.name, present.short_id(workspace.id), f"/admin/customers/{workspace.id}")


def _models(services: Services, wanted: str, person: Who) -> Iterator[Found]:
    """By id or by words of the name; an operator also finds those that are not on sale."""
    if not person.is_operator:
        for offer in services.offers.list(search=wanted)[:MOST_OF_A_KIND]:
            yield Found("model", offer.title, offer.alias, f"/playground?model={offer.alias}")
        return
    needle = f"%{_escaped(wanted.lower())}%"
    named = MODEL.c.alias.ilike(needle, escape="\\") | MODEL.c.title.ilike(needle, escape="\\")
    query = (
        select(MODEL.c.id, MODEL.c.title, MODEL.c.alias).where(named | (MODEL.c.id == wanted)).order_by(MODEL.c.alias)
    )
    with services.db.read() as connection:
        rows = connection.execute(query.limit(MOST_OF_A_KIND)).all()
    for model_id, title, alias in rows:
        yield Found("model", title, alias, f"/admin/models/{model_id}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
