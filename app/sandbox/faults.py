"""Scripted faults: misbehave on request, once, exactly as named.

A fault is asked for by a marker in the prompt (`[[fault:drop-after-accept]]`, `[[fault:slow=5,webhook-none]]`) or by
`POST /faults {"provider": "fal", "fault": "hang", "arg": 2, "times": 1}`, which spoils that provider's next submits.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Every fault: the argument used when none is given (None: it takes no argument), and what happens.
KNOWN: Mapping[str, tuple[str | None, str]] = {
    "401": (None, "Refuse the key."),
    "402": (None, "Refuse for lack of credit (403 on fal, as it words an exhausted balance)."),
    "409": (None, "Answer 409; nothing is accepted."),
    "500": (None, "Answer 500; nothing is accepted."),
    "refuse-429": ("1", "Refuse with 429 and Retry-After: ARG seconds."),
    "refuse-503": ("1", "Refuse with 503 and Retry-After: ARG seconds (kie: code 455)."),
    "hang-before-accept": ("30", "Stay silent for ARG seconds, then close the connection; nothing is accepted."),
    "hang": ("30", "Accept the job, then answer only after ARG seconds."),
    "drop-after-accept": (None, "Accept the job, then close the connection without an answer."),
    "500-after-accept": (None, "Accept the job, then answer 500."),
    "completed-with-error": ("content_policy_violation", "Run, then report the error ARG as the result."),
    "fail": ("internal_server_error", "Run, then fail with the provider's own server error ARG."),
    "fail-billed": ("internal_server_error", "Run, then fail with ARG, and bill it all the same without a word."),
    "aborted": (None, "Replicate: aborted before it started, not billed; elsewhere a start-up time-out."),
    "slow": ("30", "Keep the job running for at least ARG seconds, whatever the speed."),
    "poll-429": ("3", "Answer the first ARG status requests with 429."),
    "poll-500": ("3", "Answer the first ARG status requests with 500."),
    "webhook-none": (None, "Never call back."),
    "webhook-duplicate": ("11", "Deliver the final callback ARG times."),
    "webhook-out-of-order": (
        None,
        "Replicate: the final callback comes first; fal and kie: it comes while the status still says running.",
    ),
    "webhook-before-answer": (None, "Deliver the final callback before the submit is answered."),
    "webhook-forged": (
        None,
        "kie: a forged success with a valid signature comes first; fal and Replicate: every signature is wrong.",
    ),
    "callback-snake-id": (None, "kie: the callback names the task `data.task_id`."),
    "callback-top-level-id": (None, "kie: the callback names the task `taskId` at the top level only."),
    "result-404": (None, "The result is already gone when it is asked for."),
    "file-404": (None, "The output files are already gone."),
    "corrupt-file": ("garbage", "The files are damaged: ARG `garbage` (noise) or `truncated` (the first third)."),
    "other-host-url": ("both", "URLs point at another host: ARG `status`, `file` or `both`."),
    "insufficient-quota": (None, "OpenAI: refuse with 429 because the account is empty; elsewhere nothing happens."),
    "moderated": (None, "OpenAI: refuse the prompt with 400; elsewhere nothing happens."),
    "cut": ("3", "OpenAI: close the connection after ARG events of a stream, or before a whole answer."),
    "stall": ("30", "OpenAI: a stream falls silent for ARG seconds after its first event."),
    "error-event": (None, "OpenAI: an error comes as an event in the middle of a stream."),
    "length": ("8", "OpenAI: the answer ends after ARG tokens, for its length."),
    "missing-usage": (None, "The answer carries no usage."),
    "zero-usage": (None, "The answer reports an explicit zero as usage, and bills nothing."),
    "overcount": ("10", "fal: report ARG times the usage there was; the bill is right."),
    "long-output": ("", "The video or audio lasts ARG seconds; without ARG 0.008 s more than asked."),
    "fewer": ("1", "Deliver ARG outputs fewer than asked."),
    "none": (None, "Report success with no output at all."),
    "quality-resolved": ("high", "Report the quality that was really used as ARG, whatever was asked."),
}

#: These stop a submit before anything is accepted.
REFUSALS = ("401", "402", "409", "500", "refuse-429", "refuse-503")

#: Faults whose argument must be a number, and whether a fraction will do.
_NUMBERS = {
    "refuse-429": False,
    "refuse-503": False,
    "poll-429": False,
    "poll-500": False,
    "webhook-duplicate": False,
    "fewer": False,
    "overcount": False,
    "cut": False,
    "length": False,
    "hang": True,
    "hang-before-accept": True,
    "slow": True,
    "long-output": True,
}
_CHOICES = {"corrupt-file": ("garbage", "truncated"), "other-host-url": ("status", "file", "both")}

_MARKER = re.compile(r"\[\[fault:([^\]]*)\]\]")


class BadFault(ValueError):
    """A fault there is not, or an argument it cannot take."""


def checked(name: str, arg: Any = None) -> tuple[str, str]:
    """The fault and its argument, default filled in; raises `BadFault`, which lists every fault there is."""
    if name not in KNOWN:
        raise BadFault(f"There is no fault {name!r}. Known faults: {', '.join(sorted(KNOWN))}.")
    given = str(arg) if arg is not None else KNOWN[name][0] or ""
    if name in _CHOICES and given not in _CHOICES[name]:
        raise BadFault(f"The argument of {name} must be {' or '.join(_CHOICES[name])}, not {given!r}.")
    if name in _NUMBERS and given and not _is_number(given, fraction=_NUMBERS[name]):
        raise BadFault(f"The argument of {name} must be a {'' if _NUMBERS[name] else 'whole '}number, not {given!r}.")
    return name, given


def _is_number(text: str, *, fraction: bool) -> bool:
    return bool(re.fullmatch(r"\d{1,6}(\.\d{1,6})?" if fraction else r"\d{1,6}", text))


def in_text(text: str) -> dict[str, str]:
    """The faults a prompt asks for."""
    found: dict[str, str] = {}
    for marker in _MARKER.findall(text):
        for part in filter(None, (piece.strip() for piece in marker.split(","))):
            name, _, arg = part.partition("=")
            found.update([checked(name.strip(), arg.strip() or None)])
    return found


def without_markers(text: str) -> str:
    """The prompt as a person meant it."""
    return " ".join(_MARKER.sub(" ", text).split())


@dataclass(slots=True)
class Scripted:
    provider: str | None
    name: str
    arg: str
    left: int


@dataclass(slots=True)
class Script:
    """Faults ordered through `POST /faults`, each spent by the next submits of its provider."""

    pending: list[Scripted] = field(default_factory=list)

    def order(self, provider: str | None, name: str, arg: Any = None, times: int = 1) -> None:
        known, argument = checked(name, arg)
        self.pending.append(Scripted(provider, known, argument, times))

    def take(self, provider: str) -> dict[str, str]:
        """One use of each fault that waits for this provider."""
        taken: dict[str, str] = {}
        for fault in self.pending:
            if fault.provider in {None, provider} and fault.name not in taken:
                taken[fault.name] = fault.arg
                fault.left -= 1
        self.pending = [fault for fault in self.pending if fault.left > 0]
        return taken
