"""Generations as the playground and the gallery show them: a job, a result, a line of history, a picture. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypedDict

from app.generation.follow import CANCELABLE
from app.generation.views import Seen
from app.kernel.clock import as_utc
from app.kernel.money import Money
from app.kernel.text import t
from app.pricing.parameters import Meter, ParamSchema
from app.ui import present
from app.ui.pages.playground.labels import value_label

LONGEST_TITLE = 160
#: Parameters that hold the words of a request, in order of preference.
WORDS = ("prompt", "text", "lyrics")


class OutputRow(TypedDict):
    """One file of a result, from its row."""

    id: str
    kind: str
    url: str
    thumb: str
    download: str
    size: str
    mime: str


class ChipRow(TypedDict):
    label: str
    tone: str


class JobRow(TypedDict):
    """A generation under way, or one that has just ended without a result."""

    id: str
    state: str
    word: str
    title: str
    detail: str
    modality: str
    percent: str
    elapsed: str
    about: str
    place: str
    money: str
    note: str
    can_cancel: bool
    has_ended: bool
    spoken: str


class ResultRow(TypedDict):
    """A finished generation in full. `media`: image, video, audio, text, other, gone, or none when it failed; `words`
    are what a text says."""

    id: str
    state: str
    word: str
    title: str
    media: str
    words: str
    outputs: list[OutputRow]
    took: str
    at: str
    full_at: str
    model: str
    detail: str
    estimate: str
    charged: str
    verdicts: list[ChipRow]
    cause: str
    money: str
    download_label: str
    brief: str
    brief_charged: str


class HistoryRow(TypedDict):
    """A line of the rail; `day` is set on the first line of each day but today."""

    id: str
    day: str
    thumb: str
    modality: str
    title: str
    detail: str
    state: str
    word: str
    figure: str
    time: str


NO_RESULT = ResultRow(
    id="",
    state="",
    word="",
    title="",
    media="",
    words="",
    outputs=[],
    took="",
    at="",
    full_at="",
    model="",
    detail="",
    estimate="",
    charged="",
    verdicts=[],
    cause="",
    money="",
    download_label="",
    brief="",
    brief_charged="",
)


def job_row(seen: Seen, schema: ParamSchema, now: datetime, usual: Fraction | None) -> JobRow:
    """A job's card. `usual` is how many seconds such a job takes."""
    row = seen.row
    held = Money(int(row["hold_micros"]))
    ended = seen.finished
    elapsed = max(Fraction(0), Fraction((as_utc(now) - as_utc(row["created_at"])).total_seconds()))
    state = "failed" if ended and seen.status != "canceled" else _job_state(seen)
    word = _job_word(seen)
    return JobRow(
        id=seen.id,
        state=state,
        word=word,
        title=seen.title,
        detail=detail_of(seen, schema),
        modality=row["modality"],
        percent="" if row["percent"] is None else str(row["percent"]),
        elapsed=f"{float(elapsed):.2f}",
        about="" if usual is None else f"{float(usual):.2f}",
        place=_place(seen),
        money=_money(held, Money(int(row["charged_micros"] or 0)))
        if ended
        else t("playground.job.held", amount=present.credit_words(held)),
        note=cause_of(seen) if ended else _note(seen, held),
        can_cancel=not ended and row["cancel_requested_at"] is None and row["state"] in CANCELABLE,
        has_ended=ended,
        spoken=t("playground.job.spoken", model=seen.title, state=word),
    )


def result_row(seen: Seen, schema: ParamSchema, now: datetime, words: str = "") -> ResultRow:
    """A finished generation for the viewer; `words` are what a text says."""
    row, outputs = seen.row, [output_row(file) for file in seen.kept_files]
    done = seen.status == "completed"
    charged = Money(int(row["charged_micros"] or 0))
    estimate = Money(int(row["estimate"]["total_micros"]))
    held = Money(int(row["hold_micros"]))
    detail = detail_of(seen, schema)
    took = present.between(row["created_at"], row["finished_at"]) if row["finished_at"] else ""
    return ResultRow(
        id=seen.id,
        state=dot(seen),
        word=t(f"common.state.{dot(seen)}"),
        title=title_of(seen),
        media=_media(seen, outputs),
        words=words,
        outputs=outputs,
        took=took,
        at=present.moment(row["created_at"], now),
        full_at=present.full_moment(row["created_at"]),
        model=seen.alias,
        detail=detail,
        estimate=present.credits(estimate),
        charged=present.credits(charged),
        verdicts=verdicts(estimate, held, charged, len(seen.files), asked(schema, row["params"])) if done else [],
        cause="" if done else cause_of(seen),
        money="" if done else _money(held, charged),
        download_label=t("playground.result.download_one")
        if len(outputs) == 1
        else t("playground.result.download_many", count=len(outputs)),
        brief=", ".join(part for part in (detail, took) if part),
        brief_charged=_brief_charge(estimate, charged) if done else _money(held, charged),
    )


def _media(seen: Seen, outputs: Sequence[OutputRow]) -> str:
    if seen.status != "completed":
        return "text" if outputs and outputs[0]["kind"] == "text" else "none"
    if not seen.files:
        return "gone" if seen.row["modality"] == "text" else "none"
    return outputs[0]["kind"] if outputs else "gone"


def history_rows(page: Sequence[tuple[Seen, ParamSchema]], now: datetime) -> list[HistoryRow]:
    """The rail, newest first."""
    found: list[HistoryRow] = []
    shown = day_label(now, now)
    for seen, schema in page:
        row = _history_row(seen, schema)
        day = day_label(seen.row["created_at"], now)
        if day != shown:
            row["day"] = shown = day
        found.append(row)
    return found


def day_label(when: datetime, now: datetime) -> str:
    """Today, Yesterday, `19 Nov`, `19 Nov 2025`."""
    days = (as_utc(now).date() - as_utc(when).date()).days
    if days <= 1:
        return t("playground.history.today" if days <= 0 else "playground.history.yesterday")
    return present.short_date(when) if as_utc(when).year == as_utc(now).year else present.date(when)


def output_row(file: Any) -> OutputRow:
    address = f"/files/{file['id']}"
    seen = file["kind"] in ("image", "video")
    return OutputRow(
        id=file["id"],
        kind=file["kind"],
        url=address,
        thumb=f"{address}?thumb=1" if seen else "",
        download=f"{address}?download=1",
        size=size_of(file),
        mime=file["mime"],
    )


def size_of(file: Any) -> str:
    """`1536 × 1152`, `1280 × 720 · 8 s`, `1:20`."""
    parts = []
    if file["width"] and file["height"]:
        parts.append(present.pixels(file["width"], file["height"]))
    if file["duration_micros"] is not None:
        parts.append(length_of(file["duration_micros"]))
    return f" {present.DOT} ".join(parts)


def title_of(seen: Seen) -> str:
    """The words it was made from, else the model's name."""
    texts = (seen.row["params"].get(name) for name in WORDS)
    words = next((text for text in texts if isinstance(text, str) and text.strip()), seen.title)
    return " ".join(words.split())[:LONGEST_TITLE]


def detail_of(seen: Seen, schema: ParamSchema) -> str:
    """`2 images`, `3 of 4`, `8 s, 1080p`."""
    params, delivered = seen.row["params"], len(seen.files)
    wanted = asked(schema, params)
    parts = []
    if seen.row["modality"] == "image":
        count = delivered if seen.status == "completed" else wanted
        partial = seen.status == "completed" and delivered < wanted
        parts.append(
            t("playground.count.partial", delivered=delivered, asked=wanted)
            if partial
            else present.plural(count, t("playground.count.image"), t("playground.count.images"))
        )
    elif delivered and seen.files[0]["duration_micros"] is not None:
        parts.append(length_of(seen.files[0]["duration_micros"]))
    elif isinstance(length := params.get("duration"), str | int):
        parts.append(value_label(f"{str(length).removesuffix('s')}s"))
    if isinstance(resolution := params.get("resolution"), str):
        parts.append(value_label(resolution))
    return ", ".join(parts)


def length_of(micros: int) -> str:
    """`8 s`, `2.5 s`, `1:20`."""
    seconds = Decimal(micros).scaleb(-6)
    return f"{present.number(seconds, 0, 1)} s" if seconds < 60 else present.clip(seconds)


def asked(schema: ParamSchema, params: Mapping[str, Any]) -> int:
    """How many outputs were asked for."""
    name = next((one.name for one in schema.metered(Meter.IMAGE)), None)
    return int(params.get(name, 1)) if name else 1


def verdicts(estimate: Money, held: Money, charged: Money, delivered: int, wanted: int) -> list[ChipRow]:
    """How the charge compares with what was said before: Exact, `16 returned`, `3 of 4 delivered`."""
    found = []
    if delivered < wanted:
        words = t("playground.verdict.partial", delivered=delivered, asked=wanted)
        found.append(ChipRow(label=words, tone="thin"))
    if charged == estimate:
        return [*found, ChipRow(label=t("playground.verdict.exact"), tone="good")]
    if charged < held:
        words = t("playground.verdict.returned", amount=present.credits(held - charged))
        return [*found, ChipRow(label=words, tone="neutral")]
    return [*found, ChipRow(label=t("playground.verdict.maximum"), tone="neutral")]


def cause_of(seen: Seen) -> str:
    """Why there is no result, without the money, which is said beside it; nothing for one that was canceled."""
    if seen.status == "canceled":
        return ""
    message = seen.row["error_message"] or t("playground.job.no_reason")
    sentence, mark, rest = message.partition(". ")
    return sentence + (mark.rstrip() if rest else "")


def dot(seen: Seen) -> str:
    return present.dot_of(seen.row["state"], seen.row["error_code"])


def charge_line(seen: Seen) -> str:
    """`32`, `48 of 64`, `0 · 160 back`, and what is held while it runs."""
    held = Money(int(seen.row["hold_micros"]))
    if not seen.finished:
        return t("playground.history.held", amount=present.credits(held))
    charged = Money(int(seen.row["charged_micros"] or 0))
    if seen.status != "completed" and not charged:
        return t("playground.history.back", amount=present.credits(held))
    estimate = Money(int(seen.row["estimate"]["total_micros"]))
    if charged < estimate:
        return t("playground.history.less", charged=present.credits(charged), estimate=present.credits(estimate))
    return present.credits(charged)


def _history_row(seen: Seen, schema: ParamSchema) -> HistoryRow:
    failed = seen.finished and seen.status == "failed"
    detail = (
        cause_of(seen) if failed else f"{seen.alias} {present.DOT} {detail_of(seen, schema)}".rstrip(f" {present.DOT}")
    )
    first = next(iter(seen.kept_files), None)
    return HistoryRow(
        id=seen.id,
        day="",
        thumb=f"/files/{first['id']}?thumb=1" if first and first["kind"] in ("image", "video") else "",
        modality=seen.row["modality"],
        title=title_of(seen),
        detail=detail,
        state=dot(seen),
        word=t(f"common.state.{dot(seen)}"),
        figure=charge_line(seen),
        time=f"{as_utc(seen.row['created_at']):%H:%M}",
    )


def _job_state(seen: Seen) -> str:
    if seen.finished:
        return "released"
    return dot(seen)


def _job_word(seen: Seen) -> str:
    if seen.finished:
        return t("playground.job.canceled" if seen.status == "canceled" else "common.state.failed")
    if seen.row["cancel_requested_at"] is not None:
        return t("playground.job.canceling")
    if seen.row["state"] == "storing":
        return t("playground.job.storing")
    return t(f"common.state.{dot(seen)}")


def _place(seen: Seen) -> str:
    position = seen.row["queue_position"]
    if dot(seen) != "queued" or seen.finished:
        return ""
    if position is None:
        return t("playground.job.sending" if seen.row["state"] != "queued" else "playground.job.waiting")
    return t("playground.job.next") if position <= 0 else t("playground.job.position", position=position)


def _note(seen: Seen, held: Money) -> str:
    if dot(seen) == "unknown":
        return t("playground.job.unknown", amount=present.credit_words(held))
    return t("playground.job.goes_on")


def _money(held: Money, charged: Money) -> str:
    """What became of the credits of something that did not succeed: it may be charged all the same."""
    if not charged:
        return t("playground.job.back", amount=present.credits(held))
    back = present.credits(max(held - charged, Money.zero()))
    return t("playground.job.charged", charged=present.credits(charged), amount=back)


def _brief_charge(estimate: Money, charged: Money) -> str:
    if estimate == charged:
        return t("playground.result.as_estimated", amount=present.credits(charged))
    return t("playground.result.instead", amount=present.credits(charged), estimate=present.credits(estimate))
