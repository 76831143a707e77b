"""What the trace page shows, as text: the shape of the state, with its empty form."""

from dataclasses import dataclass, field
from typing import TypedDict


class Facts(TypedDict):
    id: str
    short_id: str
    headline: str
    state: str
    status: str
    percent: str
    model: str
    model_id: str
    prompt: str
    customer: str
    when: str
    whole_when: str
    took: str
    thumb: str
    modality: str
    estimate: str
    held: str
    charged: str
    returned: str
    cost: str
    margin: str
    margin_tone: str
    requested_at: str
    estimate_sum: str
    estimate_words: str
    version: str
    published: str
    held_at: str
    held_words: str
    sent_at: str
    measured_at: str
    asked: str
    delivered: str
    missing: str
    billed: str
    closed: str  # "settled", "released" or ""
    closed_at: str
    closed_words: str
    early: str
    charged_chip: str
    returned_chip: str
    absorbed_chip: str
    files_gone: str  # a sentence when outputs have been deleted
    postings_note: str
    why_title: str
    why: str
    why_total: str
    why_total_label: str
    paid_note: str
    error: str


class Param(TypedDict):
    name: str
    value: str
    whole: str
    note: str


class AttemptRow(TypedDict):
    number: str
    kind: str
    provider: str
    state: str
    tone: str
    words: str
    upstream_id: str
    upstream_short: str
    took: str
    why: str
    decision: str


class FileTile(TypedDict):
    href: str
    thumb: str
    kind: str
    name: str


class Posting(TypedDict):
    head: str  # the journal's kind on its first leg, where there are several journals
    journal_id: str
    journal_short: str
    name: str
    amount: str
    account: str


class SlipLine(TypedDict):
    label: str
    figure: str
    quiet: str


class PaidFrom(TypedDict):
    label: str
    amount: str
    change: str
    note: str


class IdRow(TypedDict):
    label: str
    value: str
    short: str


NO_FACTS = Facts(**dict.fromkeys(Facts.__annotations__, ""))  # type: ignore[typeddict-item]


@dataclass(frozen=True, slots=True)
class Told:
    """Everything on the page, for one who looks at it."""

    facts: Facts
    params: list[Param] = field(default_factory=list)
    attempts: list[AttemptRow] = field(default_factory=list)
    files: list[FileTile] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    slip: list[SlipLine] = field(default_factory=list)
    paid: list[PaidFrom] = field(default_factory=list)
    ids: list[IdRow] = field(default_factory=list)


class Refusal(TypedDict):
    """A request that was refused before it became a generation; an empty id is none."""

    id: str
    short_id: str
    message: str
    code: str
    path: str
    model: str
    key: str
    when: str
    whole_when: str
    repeats: str


NO_REFUSAL: Refusal = {
    "id": "",
    "short_id": "",
    "message": "",
    "code": "",
    "path": "",
    "model": "",
    "key": "",
    "when": "",
    "whole_when": "",
    "repeats": "",
}
