"""The version list, and one version against the one before it. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any, TypedDict

from app.catalogue.drafts import Draft
from app.catalogue.judging import text_of
from app.catalogue.overview import VersionSeen
from app.kernel.text import t
from app.pricing.matrix import THIN
from app.ui import present

#: Unchanged lines shown around a change.
AROUND = 2
MOST_ROWS = 200


class VersionRow(TypedDict):
    number: int
    label: str
    author: str
    when: str
    full_when: str
    note: str
    changes: str
    is_live: bool
    restored: str
    signed: str


class DiffLine(TypedDict):
    mark: str  # "+", "−", " " or "…"
    text: str
    kind: str  # added, removed, same, gap, title


class PastRow(TypedDict):
    name: str
    old: str
    new: str
    change: str
    margin: str
    tone: str


def version_rows(versions: Sequence[VersionSeen], names: Mapping[str, str], now: datetime) -> list[VersionRow]:
    """The newest first; `names` are people's by their id."""
    return [_version(one, names, now) for one in versions]


def _version(one: VersionSeen, names: Mapping[str, str], now: datetime) -> VersionRow:
    count = len(one.diff)
    signed = len((one.sign_off or {}).get("combinations", ()))
    return VersionRow(
        number=one.number,
        label=f"v{one.number}",
        author=names.get(one.author, one.author),
        when=present.moment(one.published_at, now),
        full_when=present.full_moment(one.published_at),
        note=one.note,
        changes=present.plural(count, t("model_editor.matrix.combination"))
        if count
        else t("model_editor.versions.none"),
        is_live=one.is_live,
        restored=t("model_editor.versions.restored", number=one.restores_number) if one.restores_number else "",
        signed=t("model_editor.versions.signed", count=signed) if signed else "",
    )


def diff_lines(before: Draft | None, after: Draft) -> list[DiffLine]:
    """What changed in the text of price and parameters."""
    found: list[DiffLine] = []
    for title, old, new in (
        (t("model_editor.json.title"), _rule(before), _rule(after)),
        (t("model_editor.parameter.json"), text_of(before.param_schema) if before else "", text_of(after.param_schema)),
    ):
        lines = _compared(old.splitlines(), new.splitlines())
        if any(line["kind"] in ("added", "removed") for line in lines):
            found += [DiffLine(mark=" ", text=title, kind="title"), *lines]
    return found


def past_rows(diff: Sequence[Mapping[str, Any]]) -> list[PastRow]:
    """The combinations whose price changed, as they were written down when the version was published."""
    return [_past(one) for one in diff[:MOST_ROWS]]


def _past(one: Mapping[str, Any]) -> PastRow:
    old, new = _amount(one.get("old_price")), _amount(one.get("new_price"))
    margin = _amount(one.get("new_margin"))
    name = combination_words(dict(one.get("combination") or {}))
    status = "neutral" if margin is None else present.margin_status(Fraction(margin), THIN)
    return PastRow(
        name=name,
        old=present.NOTHING if old is None else present.credits(old),
        new=present.NOTHING if new is None else present.credits(new),
        change=present.change(old, new) if old and new is not None else t("model_editor.publish.kind.new"),
        margin=present.NOTHING if margin is None else present.percent(Fraction(margin)),
        tone=status,
    )


def combination_words(combination: Mapping[str, str]) -> str:
    """`ultra, square_hd, num_images 4`: figures and switches with their names."""
    bare = ("true", "false", "absent", "present")
    parts = [
        f"{name} {value}" if str(value) in bare or str(value)[:1].isdigit() else str(value)
        for name, value in combination.items()
    ]
    return ", ".join(parts) or t("model_editor.matrix.every")


def _amount(text: object) -> Decimal | None:
    return None if text is None else Decimal(str(text))


def _rule(draft: Draft | None) -> str:
    if draft is None:
        return ""
    if draft.pricing_rule is None:
        return json.dumps({"creditCost": draft.credit_cost})
    return text_of(draft.pricing_rule)


def _compared(old: list[str], new: list[str]) -> list[DiffLine]:
    found: list[DiffLine] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(AROUND):
        if found:
            found.append(DiffLine(mark="…", text="", kind="gap"))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                found += [DiffLine(mark=" ", text=line, kind="same") for line in old[i1:i2]]
                continue
            found += [DiffLine(mark=present.MINUS, text=line, kind="removed") for line in old[i1:i2]]
            found += [DiffLine(mark="+", text=line, kind="added") for line in new[j1:j2]]
    return found
