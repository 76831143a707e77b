"""A request as a row of the log: pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

from sqlalchemy import RowMapping

from app.generation.requests import REJECTED, Line
from app.generation.views import TEXTS, Seen
from app.kernel.money import Money
from app.kernel.text import t
from app.ui import present

STATUSES = ("queued", "running", "completed", "failed", "canceled", "unknown", REJECTED)
PERIODS: Mapping[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
ALL = "all"
PLAYGROUND = "playground"
LONGEST_EXCERPT = 160


class LogRow(TypedDict):
    id: str
    href: str
    time: str
    whole_time: str
    state: str
    status: str
    model: str
    modality: str
    thumb: str
    prompt: str
    key: str
    took: str
    credits: str
    moved: str  # "true" where credits were charged


class Option(TypedDict):
    value: str
    label: str


def log_row(seen: Seen, now: datetime, key_names: Mapping[str, str]) -> LogRow:
    """One request; `key_names` are the workspace's keys by id."""
    row = seen.row
    picture = next((file["id"] for file in seen.kept_files if file["kind"] in ("image", "video")), "")
    return LogRow(
        id=seen.id,
        href=f"/logs/{seen.id}",
        time=present.moment(row["created_at"], now),
        whole_time=present.full_moment(row["created_at"]),
        state=present.dot_of(row["state"], row["error_code"]),
        status=t(f"logs.status.{seen.status}"),
        model=seen.alias,
        modality=row["modality"],
        thumb=f"/files/{picture}?thumb=true" if picture else "",
        prompt=excerpt(row["params"]),
        key=key_of(row, key_names),
        took=present.between(row["created_at"], row["finished_at"]) if row["finished_at"] else present.NOTHING,
        credits=credits_of(seen),
        moved="true" if row["charged_micros"] else "false",
    )


def line_row(line: Line, now: datetime, key_names: Mapping[str, str]) -> LogRow:
    """One request, whether it became a generation or was refused before."""
    if line.seen is not None:
        return log_row(line.seen, now, key_names)
    row = line.row
    said = row["message"] if row["repeats"] == 1 else t("logs.repeats", count=row["repeats"], message=row["message"])
    return LogRow(
        id=line.id,
        href=f"/logs/{line.id}",
        time=present.moment(row["created_at"], now),
        whole_time=present.full_moment(row["created_at"]),
        state="failed",
        status=t("logs.status.rejected"),
        model=row["model"] or present.NOTHING,
        modality="",
        thumb="",
        prompt=said,
        key=key_of(row, key_names),
        took=present.NOTHING,
        credits="0",
        moved="false",
    )


def credits_of(seen: Seen) -> str:
    """`48`, or `64 held` while it is not decided."""
    charged = seen.row["charged_micros"]
    if charged is not None:
        return present.credits(Money(int(charged)))
    return t("logs.held", amount=present.credits(Money(int(seen.row["hold_micros"]))))


def key_of(row: RowMapping, key_names: Mapping[str, str]) -> str:
    """The key's name, or "Playground" where a person pressed Run."""
    key_id = row["api_key_id"]
    return key_names.get(key_id, present.short_id(key_id)) if key_id else t("logs.playground")


def excerpt(params: Mapping[str, Any]) -> str:
    """The beginning of what was asked, on one line."""
    text = next((params[name] for name in TEXTS if isinstance(params.get(name), str)), "")
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_EXCERPT else line[: LONGEST_EXCERPT - 1].rstrip() + "…"


def status_options() -> list[tuple[str, str]]:
    return [(word, t(f"logs.status.{word}")) for word in (ALL, *STATUSES)]


def period_options() -> list[tuple[str, str]]:
    return [(word, t(f"logs.period.{word}")) for word in (ALL, *PERIODS)]


def model_options(aliases: Sequence[str]) -> list[Option]:
    return [Option(value=ALL, label=t("logs.model.all")), *(Option(value=alias, label=alias) for alias in aliases)]


def key_options(keys: Sequence[tuple[str, str]]) -> list[Option]:
    """`(id, name)` of each key, between "every key" and the playground."""
    return [
        Option(value=ALL, label=t("logs.key.all")),
        Option(value=PLAYGROUND, label=t("logs.playground")),
        *(Option(value=key_id, label=name) for key_id, name in keys),
    ]
