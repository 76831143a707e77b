"""Identifiers: a prefix that says what the thing is, then 26 characters that sort by creation time.

The body is a ULID (48 bits of Unix milliseconds, 80 random bits, Crockford base 32). Within one process ids of the
same millisecond still sort in the order they were made, because the random part is incremented instead of redrawn.
"""

import re
import secrets
import threading
import time
from datetime import datetime

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_BITS = 80

#: Every prefix in use, and what it stands for. A new kind of id is one line here.
PREFIXES = {
    "gen": "generation",
    "att": "attempt",
    "ws": "workspace",
    "usr": "user",
    "key": "API key",
    "mdl": "model",
    "rte": "route",
    "ver": "model version",
    "cst": "cost profile",
    "jrn": "journal",
    "lot": "credit lot",
    "hld": "hold",
    "frz": "freeze of a balance",
    "file": "stored file",
    "req": "request",
    "evt": "event",
    "ses": "session",
    "pkg": "credit package",
    "pkv": "version of a credit package",
    "trm": "version of the terms",
    "ent": "legal entity, or entitlement",
    "inv": "invoice or credit note",
    "ord": "order",
    "cks": "checkout session",
    "pay": "payment",
    "crd": "saved card",
    "con": "consent to being charged",
    "rfd": "refund",
    "dsp": "dispute",
    "rcp": "money received by transfer",
    "prf": "proof of payment",
    "unm": "money without an order",
    "enq": "enquiry",
    "cod": "redemption code",
    "out": "outbox message",
    "mail": "mail",
    "rec": "reconcile run",
    "meter": "meter",
    "event": "usage event",
    "whe": "webhook endpoint",
    "whd": "webhook delivery",
    "msg": "webhook message",
    "cust": "billing customer",
    "bkey": "billing key",
    "feat": "feature",
    "plan": "plan",
    "addon": "addon",
    "price": "price",
    "price_unit": "price unit",
    "group": "group",
    "coupon": "coupon",
    "taxrate": "tax rate",
    "tcl": "tax calculation",
    "trp": "tax report",
    "ta": "tax association",
    "cost": "cost sheet",
    "subs": "subscription",
    "subs_line": "line of a subscription",
    "inv_line": "line of an invoice",
    "wallet": "wallet",
    "cga": "application of a credit grant",
    "alert": "alert setting",
    "alog": "what an alert said",
    "wtxn": "wallet transaction",
    "cg": "credit grant",
    "cn": "credit note",
    "brf": "refund of an invoice",
    "addon_assoc": "addon of a subscription",
    "cn_line": "line of a credit note",
    "coupon_assoc": "coupon on a subscription",
    "pause": "pause of a subscription",
    "src": "what an invoice was made for",
}
_SHAPE = re.compile(rf"^({'|'.join(PREFIXES)})_[{ALPHABET}]{{26}}$")

#: Ten bits at a time: every request gets an id.
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_lock = threading.Lock()
_last = (0, 0)


def new_id(prefix: str) -> str:
    """A fresh id such as `gen_01KAJ8M4ZD…`; `prefix` must be one of `PREFIXES`."""
    if prefix not in PREFIXES:
        raise ValueError(f"unknown id prefix {prefix!r}")
    global _last
    with _lock:
        millis = max(time.time_ns() // 1_000_000, _last[0])
        body = _last[1] + 1 if millis == _last[0] else secrets.randbits(RANDOM_BITS - 1)
        _last = (millis, body)
    return f"{prefix}_{_encode((millis << RANDOM_BITS) | body)}"


def earliest_id(prefix: str, moment: datetime) -> str:
    """The smallest id made at `moment` or later: ids sort by time, so a table is searched from here by its key."""
    millis = max(0, int(moment.timestamp() * 1000))
    return f"{prefix}_{_encode(millis << RANDOM_BITS)}"


def is_id(text: str, prefix: str | None = None) -> bool:
    """Whether `text` has the shape of one of our ids (of that kind, when `prefix` is given)."""
    return bool(_SHAPE.match(text)) and (prefix is None or text[:-27] == prefix)


def _encode(number: int) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])
