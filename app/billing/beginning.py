"""A new subscription with everything that was asked for: lines of the plan and others, a first invoice, credits."""

from datetime import datetime

from sqlalchemy import Connection

from app.billing import addons, agreeing, closing, credit_grants, subscriptions
from app.kernel.given import Given


def begin(connection: Connection, given: Given, *, actor: str, now: datetime) -> str:
    """What `POST /subscriptions` asks for, in the caller's transaction; answers its id."""
    wanted = agreeing.read(connection, given, now)
    made = subscriptions.create(connection, wanted, actor=actor, now=now)
    terms = agreeing.rhythm_of(subscriptions.find(connection, made))
    more = [
        agreeing.line_of(connection, each, terms, now, actor=actor) for each in given.objects("line_items", most=100)
    ]
    subscriptions.add_lines(connection, made, wanted.plan_id, wanted.plan_name, more, wanted.start_at, now)
    at = max(wanted.start_at, now)
    wishes = [addons.read(connection, each, terms, at) for each in given.objects("addons", most=50)]
    addons.begin_with(connection, made, wishes, actor=actor, now=now)
    closing.begin(connection, made, actor=actor, now=now)
    for each in given.objects("credit_grants", most=50):
        each.choice("scope", (credit_grants.SUBSCRIPTION,))
        own = Given({**each.raw, "subscription_id": made}, each.place)
        credit_grants.create(connection, own, actor=actor, now=now)
    credit_grants.apply_due(connection, made, lambda: now)
    return made
