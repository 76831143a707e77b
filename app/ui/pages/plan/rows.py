"""A customer's plans as text: what they allow, what is used of it, and how they are paid. PURE but for the words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypedDict

from app.billing.drafts import Built
from app.billing.listing import Listed
from app.kernel.fiat import Fiat
from app.kernel.text import t
from app.ledger.reads import Balance
from app.plans import allowed
from app.plans.allowed import Quota, Terms
from app.ui import present
from app.ui.pages.admin_plans.rows import grant_row, promise_in_words
from app.ui.pages.admin_subscriptions.rows import SubscriptionRow, subscription_row
from app.ui.pages.billed.rows import LineRow, SumRow, draft_lines, draft_sums

NEARLY: Final = Decimal("0.8")
MOST_MODELS: Final = 12
OURS: Final = (allowed.MODEL, allowed.LIMIT, allowed.QUOTA)


class PlanRow(TypedDict):
    head: SubscriptionRow
    lines: list[LineRow]
    sums: list[SumRow]
    total: str  # "" where there is no next invoice
    when: str


class AllowRow(TypedDict):
    key: str
    icon: str
    what: str
    detail: str


class QuotaRow(TypedDict):
    key: str
    name: str
    plan: str
    said: str
    percent: str
    tone: str
    resets: str


class Account(TypedDict):
    """How somebody pays who pays afterwards; all empty for who pays in advance."""

    owed: str
    limit: str
    percent: str
    price: str
    days: str


NO_ACCOUNT: Final = Account(owed="", limit="", percent="", price="", days="")


def plan_row(listed: Listed, built: Built | None, at: datetime) -> PlanRow:
    """One subscription with its invoice as it would be now."""
    row = listed.row
    return PlanRow(
        head=subscription_row(listed, at),
        lines=draft_lines(built.draft) if built else [],
        sums=draft_sums(built) if built else [],
        total=present.fiat(built.draft.total) if built else "",
        when=t("plan.next_on", day=present.date(row.cancel_at or row.period_end)) if built else "",
    )


def allow_rows(terms: Terms | None, titles: Mapping[str, str]) -> list[AllowRow]:
    """What may be used; without terms nothing is restricted."""
    if terms is None:
        return [AllowRow(key="all", icon="box", what=t("plan.every_model"), detail=t("plan.unrestricted"))]
    found = []
    if terms.models is None:
        found.append(AllowRow(key="all", icon="box", what=t("plan.every_model"), detail=""))
    else:
        names = sorted(titles.get(alias, alias) for alias in terms.models)
        more = len(names) - MOST_MODELS
        shown = ", ".join(names[:MOST_MODELS]) + (t("plan.more_models", count=more) if more > 0 else "")
        many = present.plural(len(names), t("plan.model"), t("plan.models"))
        found.append(AllowRow(key="models", icon="box", what=many, detail=shown))
    for place, limit in enumerate(terms.limits):
        role = t(f"admin_plans.role.{limit.role}")
        what = t("plan.limit", role=role, most=limit.most)
        if limit.model is not None:
            what = t("plan.limit_of", what=what, model=titles.get(limit.model, limit.model))
        found.append(
            AllowRow(key=f"limit{place}", icon="gauge", what=what, detail=t(f"plan.otherwise.{limit.otherwise}"))
        )
    return found


def quota_row(quota: Quota) -> QuotaRow:
    """So much of so much, until it begins anew."""
    share = min(quota.used / quota.limit, Decimal(1)) if quota.limit else Decimal(1)
    tone = "loss" if share >= 1 else "thin" if share >= NEARLY else "good"
    return QuotaRow(
        key=f"{quota.plan}:{quota.name}",
        name=quota.name,
        plan=quota.plan,
        said=t("plan.of", used=present.number(quota.used), limit=present.count(quota.limit)),
        percent=f"{share * 100:.0f}",
        tone=tone,
        resets=quota.resets,
    )


def included_rows(promises: Sequence[Mapping[str, Any]], features: Mapping[str, Mapping[str, Any]]) -> list[AllowRow]:
    """What a plan promises beside models, limits and quotas: the operator's own features."""
    found = []
    for promise in promises:
        feature = features.get(promise["feature_id"])
        if feature is None or not promise["is_enabled"] or (feature["lookup_key"] or "").startswith(OURS):
            continue
        found.append(AllowRow(key=promise["id"], icon="check", what=feature["name"], detail=promise_in_words(promise)))
    return found


def given_rows(grants: Sequence[Mapping[str, Any]], at: datetime) -> list[AllowRow]:
    """The credits that come with the plans."""
    rows = [grant_row(grant) for grant in grants if grant["end_date"] is None or grant["end_date"] > at]
    return [AllowRow(key=row["id"], icon="coins", what=row["credits"], detail=row["when"]) for row in rows]


def account_of(row: Any, balance: Balance) -> Account:
    """How a workspace pays afterwards."""
    if row is None or not row.active:
        return NO_ACCOUNT
    limit, owed = balance.credit_limit, balance.owed
    share = min(Decimal(owed.micros) / limit.micros * 100, Decimal(100)) if limit.micros else Decimal(0)
    return Account(
        owed=present.credits(owed),
        limit=present.credits(limit),
        percent=f"{share:.0f}",
        price=present.cost(Decimal(row.credit_price), row.currency),
        days=t("plan.account.days", days=row.net_days),
    )


def left_words(left: Sequence[Fiat]) -> str:
    """What is still to be paid, a figure for each currency."""
    sums: dict[str, Fiat] = {}
    for amount in left:
        sums[amount.currency] = sums.get(amount.currency, Fiat.zero(amount.currency)) + amount
    return ", ".join(present.fiat(amount) for _, amount in sorted(sums.items()))
