"""From a generation's story to what its page shows, for a customer or for an operator. Pure.

The customer's telling is made of fewer facts, not of hidden ones: upstream cost, margin, our own postings and other
attempts never get into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

from sqlalchemy import RowMapping

from app.catalogue.offers import Offer
from app.generation.statement import asked_for, priced_as
from app.generation.story import Story
from app.kernel.money import MICRO, USD, Money
from app.kernel.text import t
from app.pricing import wording
from app.pricing.quote import Quote
from app.ui import present
from app.ui.pages.logs.rows import excerpt
from app.ui.pages.request_trace.facts import NO_FACTS, Facts, FileTile, IdRow, PaidFrom, Param, Told
from app.ui.pages.request_trace.inside import attempts, postings
from app.ui.pages.request_trace.why import why

LONGEST_VALUE = 60
SETTLED, RELEASED = "settled", "released"


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks: an operator sees what it cost us. `credit_value_micros` is micro-USD per credit."""

    is_operator: bool
    credit_value_micros: int
    now: datetime


def tell(story: Story, offer: Offer | None, looker: Looker) -> Told:
    """Everything the page shows."""
    row = story.seen.row
    missing = _missing(story)
    explained = why(story, offer, missing)
    legs = postings(story, looker.is_operator)
    nothing_posted = "no_postings" if row["finished_at"] else "awaiting"
    facts = {
        **NO_FACTS,
        **_head(story, looker),
        **_money(story),
        **(_upstream(story, looker) if looker.is_operator else {}),
        **_steps(story, looker, missing),
        **_end(story),
        "why_title": explained.title,
        "why": explained.sentence,
        "why_total": explained.total,
        "why_total_label": explained.total_label,
        "error": row["error_message"] or "",
        "files_gone": _gone_words(story),
        "postings_note": "" if legs else t(f"trace.detail.{nothing_posted}"),
        "paid_note": _paid_note(story),
    }
    return Told(
        facts=cast(Facts, facts),
        params=_params(story),
        attempts=attempts(story, looker.is_operator),
        files=_files(story, missing),
        postings=legs,
        slip=explained.lines,
        paid=_paid(story),
        ids=_ids(story, looker),
    )


# ---- the head ----


def _head(story: Story, looker: Looker) -> dict[str, str]:
    seen, row = story.seen, story.seen.row
    end = row["finished_at"]
    picture = next((file["id"] for file in seen.kept_files if file["kind"] in ("image", "video")), "")
    names = [row["workspace_name"], story.person] if looker.is_operator else []
    return {
        "id": seen.id,
        "short_id": present.short_id(seen.id),
        "headline": headline(story),
        "state": present.dot_of(row["state"], row["error_code"]),
        "status": _status(story),
        "percent": str(row["percent"] or 0) if seen.status == "running" else "",
        "model": seen.alias,
        "model_id": row["model_id"],
        "prompt": excerpt(row["params"]),
        "customer": ", ".join(name for name in names if name),
        "when": f"{present.date(row['created_at'])}, {row['created_at']:%H:%M}",
        "whole_when": present.full_moment(row["created_at"]),
        "took": present.between(row["created_at"], end) if end else "",
        "thumb": f"/files/{picture}?thumb=true" if picture else "",
        "modality": row["modality"],
    }


def headline(story: Story) -> str:
    """`48 credits for 3 images`: the answer."""
    seen, row = story.seen, story.seen.row
    held = present.credit_words(Money(int(row["hold_micros"])))
    match seen.status:
        case "completed":
            credits = present.credit_words(Money(int(row["charged_micros"])))
            return t("trace.headline.settled", credits=credits, what=what_came(seen.files))
        case "failed" | "canceled":
            return t(f"trace.headline.{seen.status}", credits=held)
        case "unknown":
            return t("trace.headline.unknown", credits=held)
        case _:
            what = asked_for(Quote.from_json(row["estimate"])) or t("trace.headline.request")
            return t("trace.headline.held", credits=held, what=what)


def what_came(files: Sequence[RowMapping]) -> str:
    """`3 images`, `8.0 s of video`: what was delivered, by the files themselves."""
    kinds = {file["kind"] for file in files}
    kind = kinds.pop() if len(kinds) == 1 else "file"
    key = f"trace.what.{kind if kind in ('image', 'video', 'audio') else 'file'}{'' if len(files) == 1 else 's'}"
    seconds = sum((Decimal(file["duration_micros"] or 0).scaleb(-6) for file in files), Decimal(0))
    return t(key, count=present.count(len(files)), length=present.duration(seconds))


def _status(story: Story) -> str:
    row, status = story.seen.row, story.seen.status
    if status == "running" and row["percent"]:
        return t("trace.status.running_at", percent=row["percent"])
    if status == "queued" and row["queue_position"]:
        return t("trace.status.queued_at", position=row["queue_position"])
    return t(f"trace.status.{status}")


# ---- the money line ----


def _money(story: Story) -> dict[str, str]:
    row = story.seen.row
    held, charged = int(row["hold_micros"]), row["charged_micros"]
    return {
        "estimate": present.credits(Money(int(row["estimate"]["total_micros"]))),
        "held": present.credits(Money(held)),
        "charged": t("trace.money.open") if charged is None else present.credits(Money(int(charged))),
        "returned": "" if charged is None else present.credits(Money(max(0, held - int(charged)))),
    }


def _upstream(story: Story, looker: Looker) -> dict[str, str]:
    """What it cost us and what is left. Nothing of this is for customers."""
    row = story.seen.row
    if row["cost_micros"] is None:
        return {"cost": present.NOTHING, "margin": present.NOTHING, "margin_tone": "neutral"}
    cost = Money(int(row["cost_micros"]), USD)
    value = Decimal(int(row["charged_micros"] or 0)) * looker.credit_value_micros / MICRO / MICRO
    margin = present.margin_of(value, cost)
    tone = present.margin_status(margin)
    return {
        "cost": present.cost(cost),
        "margin": present.percent(margin),
        "margin_tone": "neutral" if tone == "unpriced" else tone,
    }


# ---- the steps ----


def _steps(story: Story, looker: Looker, missing: int) -> dict[str, str]:
    row, measured = story.seen.row, story.first("measured")
    sent = next((one.row["sent_at"] for one in story.attempts if one.row["sent_at"]), None)
    detail = measured["detail"] if measured else {}
    billed = detail.get("billed") if looker.is_operator else None
    provider = story.attempts[-1].provider_name if story.attempts else ""
    asked = Quote.from_json(row["estimate"])
    published = present.date(story.published_at)
    return {
        "requested_at": present.stamp(row["created_at"]),
        "estimate_sum": t("trace.detail.sum", text=priced_as(asked), total=present.credits(asked.total)),
        "estimate_words": " ".join(step for step in asked.steps if priced_as(asked) not in step),
        "version": t("trace.detail.version", number=story.version_number),
        "published": t("trace.detail.published_by", date=published, author=story.author)
        if looker.is_operator and story.author
        else t("trace.detail.published", date=published),
        "held_at": present.stamp(story.hold.created_at) if story.hold else "",
        "held_words": _held_words(story),
        "sent_at": present.stamp(sent) if sent else "",
        "measured_at": present.stamp(measured["created_at"]) if measured else "",
        "asked": str(detail["asked"]) if detail else "",
        "delivered": str(detail["delivered"]) if detail else "",
        "missing": str(missing) if missing else "",
        "billed": t("trace.detail.billed", provider=provider, units=_units(billed)) if billed else "",
    }


def _units(billed: str) -> str:
    """`3 megapixel`, as it was written down, as people say it."""
    figure, _, unit = billed.partition(" ")
    metric = {"second": "seconds", "image": "image_count", "megapixel": "megapixels"}.get(unit)
    return wording.counted(Fraction(figure), metric) if metric else billed


def _held_words(story: Story) -> str:
    if story.available_before is None or story.hold is None:
        return t("trace.detail.spent_nothing")
    change = present.transition(story.available_before, story.available_before - story.hold.amount)
    return t("trace.detail.available", change=change)


def _end(story: Story) -> dict[str, str]:
    row = story.seen.row
    if row["finished_at"] is None:
        early = story.first("charged_on_submit")
        return {"early": _chip("early", int(early["detail"]["micros"])) if early else ""}
    held, charged = int(row["hold_micros"]), int(row["charged_micros"] or 0)
    back = held - charged
    early = story.first("charged_on_submit")
    facts = {
        "closed": SETTLED if row["state"] == SETTLED else RELEASED,
        "closed_at": present.stamp(row["finished_at"]),
        "early": _chip("early", int(early["detail"]["micros"])) if early else "",
        "returned_chip": _chip("returned", back) if back > 0 else "",
    }
    if row["state"] != SETTLED:
        return facts | {"closed_words": _released_words(story)}
    final, asked = Quote.from_json(row["final"]), Quote.from_json(row["estimate"])
    same = final.branch == asked.branch
    words = [t(f"trace.detail.{'settled' if same else 'settled_other'}", text=priced_as(final))]
    if back > 0:
        words.append(t("trace.detail.went_back", credits=present.credit_words(Money(back))))
    else:
        words.append(t("trace.detail.nothing_back"))
    over = final.total.micros - charged
    return facts | {
        "charged_chip": _chip("charged", charged),
        "absorbed_chip": _chip("absorbed", over) if over > 0 else "",
        "closed_words": " ".join(words),
    }


def _released_words(story: Story) -> str:
    why_not = story.seen.row["error_message"] or ""
    return f"{why_not} {t('trace.detail.released')}".strip()


def _chip(key: str, micros: int) -> str:
    return t(f"trace.detail.{key}", amount=present.credits(Money(micros)))


def _params(story: Story) -> list[Param]:
    asked = story.first("requested")
    given = set(asked["detail"].get("given", ())) if asked else set()
    return [
        Param(
            name=name,
            value=_cut(_written(value)),
            whole=_written(value),
            note="" if not given or name in given else t("trace.default"),
        )
        for name, value in story.seen.row["params"].items()
    ]


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1].rstrip() + "…"


def _missing(story: Story) -> int:
    """Outputs that were asked for, finished, and did not come."""
    measured = story.first("measured")
    if measured is None:
        return 0
    return max(0, int(measured["detail"]["asked"]) - int(measured["detail"]["delivered"]))


def _files(story: Story, missing: int) -> list[FileTile]:
    tiles = [
        _gone(file, number)
        if file["expired_at"] is not None
        else FileTile(
            href=f"/files/{file['id']}",
            thumb="" if file["kind"] == "audio" else f"/files/{file['id']}?thumb=true",
            kind=file["kind"],
            name=t("trace.file.open", number=number),
        )
        for number, file in enumerate(story.seen.files, 1)
    ]
    empty = FileTile(href="", thumb="", kind="", name=t("trace.file.missing"))
    return tiles + [empty] * min(missing, 12)


def _gone(file: RowMapping, number: int) -> FileTile:
    name = t(f"trace.file.{file['expired_why'] or 'age'}", number=number, date=present.date(file["expired_at"]))
    return FileTile(href="", thumb="", kind=file["kind"], name=name)


def _gone_words(story: Story) -> str:
    """That files are no longer here, since when and why; empty where all are."""
    gone = [file for file in story.seen.files if file["expired_at"] is not None]
    if not gone:
        return ""
    last = max(gone, key=lambda file: file["expired_at"])
    key = f"trace.file.gone_{last['expired_why'] or 'age'}{'' if len(gone) == 1 else '_many'}"
    return t(key, count=present.count(len(gone)), date=present.date(last["expired_at"]))


# ---- the right column ----


def _paid(story: Story) -> list[PaidFrom]:
    found = [
        PaidFrom(
            label=use.label,
            amount=present.credits(use.amount),
            change=t("trace.paid.left", change=present.transition(use.left + use.amount, use.left)),
            note=t("trace.paid.expires", date=present.date(use.expires_at))
            if use.expires_at
            else t("trace.paid.never"),
        )
        for use in story.lot_uses
    ]
    charged = Money(int(story.seen.row["charged_micros"] or 0))
    owed = charged.micros - sum(use.amount.micros for use in story.lot_uses)
    if story.seen.finished and owed > 0:
        found.append(
            PaidFrom(
                label=t("trace.paid.owed"),
                amount=present.credits(Money(owed)),
                change="",
                note=t("trace.paid.owed_note"),
            )
        )
    return found


def _paid_note(story: Story) -> str:
    if story.lot_uses:
        return ""
    return t(f"trace.paid.{'nothing' if story.seen.finished else 'pending'}")


def _ids(story: Story, looker: Looker) -> list[IdRow]:
    row = story.seen.row
    found = [(t("trace.ids.generation"), story.seen.id), (t("trace.ids.request"), row["request_id"])]
    shown = story.attempts if looker.is_operator else story.attempts[-1:]
    for one in shown:
        if one.row["upstream_id"]:
            found.append((t("trace.ids.upstream", provider=one.provider_name), one.row["upstream_id"]))
        if looker.is_operator:
            found.append((t("trace.ids.attempt", number=one.row["number"]), one.row["id"]))
    if looker.is_operator:
        found += [(t("trace.ids.journal"), view.id) for view in story.journals]
        found.append((t("trace.ids.workspace"), row["workspace_id"]))
    rows = [IdRow(label=label, value=value, short=present.short_id(value)) for label, value in found]
    if row["api_key_id"]:
        short = f"{present.short_id(row['api_key_id'], 4, 2)}, {story.key_name}"
        rows.append(IdRow(label=t("trace.ids.key"), value=row["api_key_id"], short=short))
    return rows
