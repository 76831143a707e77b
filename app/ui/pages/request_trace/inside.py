"""The two lists whose content depends most on who looks: attempts at providers, and postings in the books. Pure."""

from collections.abc import Mapping

from sqlalchemy import RowMapping

from app.generation.story import AttemptStory, Story
from app.kernel.money import CREDIT, USD, Money
from app.kernel.text import t
from app.ledger import accounts
from app.ledger.reads import EntryView, JournalView
from app.ui import present
from app.ui.pages.request_trace.facts import AttemptRow, Posting
from app.ui.route_words import words_of

TONES = {
    "accepted": "accent",
    "delivered": "good",
    "sending": "accent",
    "failed": "loss",
    "unknown": "thin",
}


def attempts(story: Story, is_operator: bool) -> list[AttemptRow]:
    """Every attempt with what the provider said and billed; a customer sees the last one, and only that it happened."""
    shown = story.attempts if is_operator else story.attempts[-1:]
    names = {one.row["provider_id"]: one.provider_name for one in story.attempts}
    moved = len({one.row["provider_id"] for one in story.attempts}) > 1
    return [_attempt(one, is_operator, names, moved) for one in shown]


def _attempt(one: AttemptStory, is_operator: bool, names: Mapping[str, str], moved: bool) -> AttemptRow:
    row = one.row
    upstream_id = row["upstream_id"] or ""
    waiting = row["sent_at"] is None
    return AttemptRow(
        number=str(row["number"]) if is_operator else "",
        kind=one.provider_kind,
        provider=one.provider_name,
        state=t(f"trace.attempt.{row['state']}"),
        tone=TONES.get(row["state"], "neutral"),
        words=_words(one) if is_operator else t("trace.attempt.another") if moved else "",
        upstream_id=upstream_id,
        upstream_short=present.short_id(upstream_id, 14, 4) if upstream_id else "",
        took="" if waiting else present.between(row["sent_at"], row["updated_at"]),
        why=_why(row, names) if is_operator else "",
        decision=_decision(row, names) if is_operator else "",
    )


def _why(row: RowMapping, names: Mapping[str, str]) -> str:
    """Why this route, in a sentence; empty for attempts from before routes were chosen."""
    choice = row["choice"] or {}
    chosen = next((one for one in choice.get("reasons", ()) if one["route_id"] == row["route_id"]), None)
    if chosen is None:
        return ""
    said = t("trace.attempt.why", why=words_of(chosen["code"], chosen["values"]))
    before = choice.get("instead_of")
    return said if before is None else f"{t('trace.attempt.instead', provider=names.get(before, before))} {said}"


def _decision(row: RowMapping, names: Mapping[str, str]) -> str:
    """Every route with its place and its reason, a line each."""
    return "\n".join(
        f"{one['place'] or '–'} {names.get(one['provider_id'], one['provider_id'])}: "
        f"{words_of(one['code'], one['values'])}"
        for one in (row["choice"] or {}).get("reasons", ())
    )


def _words(one: AttemptStory) -> str:
    """What the provider said, and what it costs us."""
    row = one.row
    parts = [row["error_message"] or ""]
    for key, micros in (("cost", row["cost_micros"]), ("expected", row["expected_cost_micros"])):
        if micros is not None:
            parts.append(t(f"trace.attempt.{key}", cost=present.cost(Money(int(micros), USD))))
            break
    return " · ".join(part for part in parts if part)


def postings(story: Story, is_operator: bool) -> list[Posting]:
    """The legs of every journal; a customer sees those of their own accounts."""
    journals = [(journal, _legs(journal, is_operator)) for journal in story.journals]
    shown = [(journal, legs) for journal, legs in journals if legs]
    return [
        Posting(
            head=t(f"trace.journal.{journal.kind}") if position == 0 and len(shown) > 1 else "",
            journal_id=journal.id if position == 0 else "",
            journal_short=present.short_id(journal.id) if position == 0 else "",
            name=_name(leg.account, story),
            amount=present.posting(-leg.amount if leg.amount.unit == CREDIT else leg.amount),
            account=_account(leg.account),
        )
        for journal, legs in shown
        for position, leg in enumerate(legs)
    ]


def _legs(journal: JournalView, is_operator: bool) -> list[EntryView]:
    return [leg for leg in journal.entries if is_operator or leg.account.startswith("ws:")]


def _name(account: str, story: Story) -> str:
    """An account as people call it."""
    workspace = story.seen.row["workspace_name"]
    if account.endswith(f":{accounts.PREPAID}"):
        return t("trace.account.prepaid", workspace=workspace)
    if account.endswith(f":{accounts.RECEIVABLE}"):
        return t("trace.account.receivable", workspace=workspace)
    providers = {one.row["provider_id"]: one.provider_name for one in story.attempts}
    for prefix, key in ((accounts.PROVIDER_EXPENSE, "expense"), (accounts.PROVIDER_PAYABLE, "payable")):
        if account.startswith(prefix):
            provider_id = account.removeprefix(prefix)
            return t(f"trace.account.{key}", provider=providers.get(provider_id, provider_id))
    known = {
        accounts.REVENUE_USAGE: "revenue",
        accounts.EXPENSE_ABSORBED_OVERAGE: "absorbed",
        accounts.EXPENSE_UNKNOWN_UPSTREAM: "unknown",
    }
    return t(f"trace.account.{known[account]}") if account in known else account


def _account(account: str) -> str:
    """`ws:01K8F2…:prepaid`: the workspace's id cut in the middle."""
    head, *rest = account.split(":")
    if head == "ws" and rest:
        return ":".join([present.short_id(rest[0], 4, 4), *rest[1:]])
    return account
