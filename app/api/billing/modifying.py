"""What `modify` can do to a subscription that runs, by its `type`: each answers what it changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from app.api.billing import invoice_wire, wire
from app.api.billing import subscription_wire as show
from app.billing import addons, agreeing, closing, coupon_changes, invoices, quantities, subscriptions, trials
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.given import Given
from app.plans import reductions

Wire = dict[str, Any]
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Act:
    """Who does it when, to which subscription; `state` is what the wire calls invoices that it makes."""

    connection: Connection
    subscription_id: str
    actor: str
    now: datetime
    state: str

    def row(self) -> Row[Any]:
        """The subscription under its lock, with every period that is over ended."""
        return closing.catch_up(self.connection, self.subscription_id, now=self.now, actor=self.actor)

    def invoice(self, invoice_id: str) -> Row[Any]:
        return invoices.find(self.connection, invoice_id)

    def invoices(self, *made: Row[Any] | None) -> list[Wire]:
        """Those that were made, on the wire."""
        return [
            {"id": one.id, "action": "created", "status": self.state,
             "invoice": invoice_wire.shown(self.connection, one)}
            for one in made if one is not None
        ]  # fmt: skip


def quantity(act: Act, body: Given) -> Wire:
    """Other quantities."""
    wishes = body.object("quantity_change_params").objects("line_items", least=1, most=MOST)
    return _terms(act, [Given(_only(each, "id", "quantity", "effective_date"), each.place) for each in wishes])


def line_items(act: Act, body: Given) -> Wire:
    """Other quantities, amounts and coupons of lines."""
    return _terms(act, body.object("line_item_change_params").objects("line_items", least=1, most=MOST))


def _terms(act: Act, wishes: Sequence[Given]) -> Wire:
    done = quantities.change(act.connection, act.subscription_id, wishes, actor=act.actor, now=act.now)
    both = [*lines(done.ended, "ended"), *lines(done.begun, "created")]
    return {"line_items": both, "invoices": act.invoices(done.invoice)}


def addon(act: Act, body: Given) -> Wire:
    """One more addon or one less, or many of both: what goes, goes first."""
    many = body.maybe_object("addon_bulk_params") or Given({})
    adds, removes = many.objects("adds", most=MOST), many.objects("removes", most=MOST)
    if body.has("addon_params") or not (adds or removes):
        one = body.object("addon_params")
        is_add = one.choice("action", ("add", "remove")) == "add"
        adds, removes = ([*adds, one.object("add")], removes) if is_add else (adds, [*removes, one.object("remove")])
    done = [(_removed(act, each), "ended") for each in removes] + [(_added(act, each), "created") for each in adds]
    return {
        "addon_associations": [
            addon_shown(each.kept, what, addons.status_of(each.kept, act.now)) for each, what in done
        ],
        "invoices": act.invoices(*(each.invoice for each, _ in done)),
    }


def _added(act: Act, asked: Given) -> addons.Done:
    wish = addons.read(act.connection, asked, agreeing.rhythm_of(act.row()), act.now)
    return addons.add(act.connection, act.subscription_id, wish, actor=act.actor, now=act.now)


def _removed(act: Act, asked: Given) -> addons.Done:
    association_id = asked.text("addon_association_id")
    if addons.find(act.connection, association_id).subscription_id != act.subscription_id:
        raise asked.wrong("addon_association_id", "is of another subscription.")
    return addons.remove(
        act.connection,
        association_id,
        at=asked.maybe_moment("effective_date"),
        at_period_end=asked.maybe_choice("change_at", (addons.NOW, addons.LATER)) == addons.LATER,
        prorate=show.prorates(asked),
        reason=asked.maybe("reason") or "",
        actor=act.actor,
        now=act.now,
    )


def trial(act: Act, body: Given) -> Wire:
    """The trial ends now, or at another moment than was agreed."""
    asked = body.object("trial_end_params")
    is_planned = asked.choice("action", ("immediate", "scheduled_date")) == "scheduled_date"
    if not is_planned and asked.has("new_trial_end"):
        raise asked.wrong("new_trial_end", "is for the action scheduled_date.")
    at = asked.moment("new_trial_end") if is_planned else None
    _, made = trials.end(act.connection, act.subscription_id, at=at, actor=act.actor, now=act.now)
    return {"invoices": act.invoices(made)}


def coupon(act: Act, body: Given) -> Wire:
    """One coupon more or less, of the whole or of a line."""
    asked, row = body.object("coupon_params"), act.row()
    if asked.choice("action", ("add", "remove")) == "remove":
        coupon_changes.take_back(act.connection, row, asked.text("coupon_association_id"), act.now)
        return {}
    if asked.maybe("subscription_id") not in (None, "", row.id):
        raise asked.wrong("subscription_id", "is another one than that of the address.")
    line = None
    if asked.has("subscription_line_item_id"):
        if asked.has("subscription_id"):
            raise asked.wrong("subscription_line_item_id", "and subscription_id are two wishes: give one of them.")
        line = subscriptions.line_of(act.connection, asked.text("subscription_line_item_id"))
        if line.subscription_id != row.id:
            raise asked.wrong("subscription_line_item_id", "is no line of this subscription.")
    coupon_changes.give(act.connection, row, asked, act.now, line=line)
    return {}


def tax(act: Act, body: Given) -> Wire:
    """One tax rate more or less of this subscription alone."""
    asked, row = body.object("tax_params"), act.row()
    who: Wire = {"actor": act.actor, "now": act.now}
    if asked.choice("action", ("add", "remove")) == "remove":
        link = reductions.tax_associations.get(act.connection, asked.text("tax_association_id"))
        if (link["entity_type"], link["entity_id"]) != ("subscription", row.id):
            raise asked.wrong("tax_association_id", "is not of this subscription.")
        reductions.tax_associations.remove(act.connection, str(link["id"]), **who)
        return {}
    if row.agreed.get("tax_rates"):
        raise Conflict("Its tax rates were agreed with it, as tax_rate_overrides, and stay.", code="invalid_operation")
    rate = reductions.tax_rates.get(act.connection, asked.text("tax_rate_id"))
    if rate["tax_rate_status"] != "ACTIVE":
        raise asked.wrong("tax_rate_id", "is of a rate that is not in use.")
    link = {"tax_rate_code": rate["code"], "entity_type": "subscription", "entity_id": row.id}
    more = {"start_date": asked.raw["effective_date"]} if asked.maybe_moment("effective_date") else {}
    reductions.associate(act.connection, Given(link | more, asked.place), **who)
    return {}


KINDS: Final[dict[str, Callable[[Act, Given], Wire]]] = {
    "quantity_change": quantity,
    "line_item_change": line_items,
    "addon": addon,
    "trial_end": trial,
    "coupon": coupon,
    "tax": tax,
}
#: Where the SDK puts what is asked for.
PLACES: Final = {
    **{kind: (f"{kind}_params",) for kind in KINDS},
    "addon": ("addon_params", "addon_bulk_params"),
}


def kind_of(body: Given) -> str:
    """`InvalidInput` "not_served" for what there is none of here, and for what another `type` is asked with."""
    kind = body.text("type")
    if kind not in KINDS:
        said = f"type {kind[:100]} is not served: customers have no children. Known are {', '.join(KINDS)}."
        raise InvalidInput(said, param="type", code="not_served")
    for name, said in body.raw.items():
        if name.endswith("_params") and said and name not in PLACES[kind]:
            raise body.wrong(name, f"is not for the type {kind}.")
    return kind


def _only(given: Given, *names: str) -> Wire:
    return {name: given.raw[name] for name in names if name in given.raw}


def lines(rows: quantities.Rows, what: str) -> list[Wire]:
    """Lines of which that became."""
    return [
        {
            "id": line.id,
            "change_action": what,
            "price_id": line.price_id,
            "quantity": wire.decimal(line.quantity),
            "subscription_id": line.subscription_id,
            "start_date": wire.moment(line.start_at),
            "end_date": wire.moment(line.end_at),
        }
        for line in rows
    ]


def addon_shown(kept: Row[Any], what: str, status: str) -> Wire:
    """An addon of which that became."""
    return {
        "id": kept.id,
        "change_action": what,
        "addon_id": kept.addon_id,
        "addon_status": status,
        "subscription_id": kept.subscription_id,
        "start_date": wire.moment(kept.start_at),
        "end_date": wire.moment(kept.end_at),
    }
