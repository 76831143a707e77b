"""How this process writes its log: lines for people or JSON for machines, and never a secret in either.

Every line passes through `redacted` as it is written, whoever wrote it and whatever library it came from.
"""

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

Form = Literal["text", "json"]

#: The request that is being answered, so that its lines can be found by its id.
REQUEST_ID: ContextVar[str] = ContextVar("farebox_request_id", default="")

HIDDEN: Final = "[hidden]"
#: How a value follows its name, in a header, a JSON body, a Python repr or a query.
_IS = r"['\"]?\s*[:=,]\s*(?:b?['\"])?"
_VALUE = r"[^\s'\",;&}\])]+"
_NAMES = "x-api-key|x-goog-api-key|api[_-]?key|secret|password|passwd|token"
_IN_QUERY = "x-amz-signature|x-amz-credential|x-amz-security-token|signature|sig|token|key|code"
_MARKS = "fbx_|fbb_|whsec_|sk_live_|sk_test_|rk_live_|rk_test_|sk-|r8_|lmnfl_|AKIA"
_SECRETS: Final = tuple(
    (re.compile(pattern), kept)
    for pattern, kept in (
        # headers and cookies, however they were printed
        (rf"(?i)((?:proxy-)?authorization{_IS})((?:bearer|basic|key|token)\s+)?{_VALUE}", r"\1\2"),
        (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", r"\1 "),
        (rf"(?i)((?:{_NAMES}){_IS}){_VALUE}", r"\1"),
        (rf"(?i)((?:farebox_session|set-cookie|cookie){_IS})[^\s'\",}}\])]+", r"\1"),
        # keys by their own marks
        (rf"\b({_MARKS})[A-Za-z0-9._~+/=-]{{6,}}", r"\1"),
        # signed addresses: a stored file, a provider's callback, an invoice to pay, an object store
        (r"(/files/[^/\s]+/link/\d+/)[0-9a-f]{16,}", r"\1"),
        (r"(/hooks/providers/[^/\s]+/[^/\s]+/)[0-9a-f]{16,}", r"\1"),
        (r"(/payments/invoices/[^/\s]+/)[0-9a-f]{16,}", r"\1"),
        (rf"(?i)([?&](?:{_IN_QUERY})=)[^&\s'\"]+", r"\1"),
        # a password inside an address
        (r"(\w+://[^\s/:@'\"]*:)[^\s/@'\"]+(?=@)", r"\1"),
    )
)


def redacted(text: str) -> str:
    """The same text with everything in it that looks like a secret hidden."""
    for pattern, kept in _SECRETS:
        text = pattern.sub(kept + HIDDEN, text)
    return text


class Lines(logging.Formatter):
    """For people: the time, who speaks, and what happened."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class Objects(logging.Formatter):
    """For machines: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        if request_id := REQUEST_ID.get():
            said["request_id"] = request_id
        if record.exc_info:
            said["exception"] = redacted(self.formatException(record.exc_info))
        return json.dumps(said, ensure_ascii=False)


def configure(form: Form = "text", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Write everything from `level` up to standard error (or `stream`), in place of what was set up before."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Objects() if form == "json" else Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpcore", "urllib3", "botocore", "boto3", "s3transfer", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
