"""What may be kept of a request or an answer: no secrets, no files, not too much. Pure."""

import json
import re
from typing import Any, Final

MOST_KEPT: Final = 64 * 1024  # bytes of a body that are looked at, characters of it that are kept
LONGEST_TEXT: Final = 4_000
DEEPEST: Final = 12
MOST_ITEMS: Final = 200
HIDDEN: Final = "•••"

#: Fields whose value is a secret, whatever it looks like.
_SECRET_FIELDS: Final = re.compile(
    r"(?i)(^|[_-])(authorization|api[_-]?key|token|secret|password|passwd|credential|cookie|signature)s?($|[_-])"
)
#: Secrets by their look, wherever they stand: ours, those of providers and of Stripe, signing secrets, bearers.
_SECRETS: Final = re.compile(
    r"\b(fbx_|sk-|sk_live_|sk_test_|rk_live_|r8_|whsec_|pk_live_|ghp_|AKIA|lmnfl_)[A-Za-z0-9._\-]{6,}"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._\-+/=]{8,}"
)
_DATA_URL: Final = re.compile(r"data:([a-z]+/[a-z0-9.+-]+)?(;[a-z0-9=-]+)*;base64,[A-Za-z0-9+/=\s]{64,}", re.I)
_BASE64: Final = re.compile(r"^[A-Za-z0-9+/=\s]{512,}$")


def kept(body: bytes, content_type: str, *, cut: bool = False) -> str:
    """A body as it is kept. `cut` says that it was longer than what is given."""
    if not body:
        return ""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data" or (kind and not _is_text(kind)):
        return f"({kind}, {len(body):,} bytes{' or more' if cut else ''})"
    text = body.decode("utf-8", "replace")
    if not cut and text.lstrip()[:1] in ("{", "["):
        try:
            return json.dumps(cleaned(json.loads(text)), ensure_ascii=False)[:MOST_KEPT]
        except (ValueError, RecursionError):
            pass  # what is no JSON is kept as the text it is
    return plain(text)[:MOST_KEPT] + ("…" if cut or len(text) > MOST_KEPT else "")


def cleaned(value: Any, depth: int = 0) -> Any:
    """JSON without secrets and files, and with long texts cut."""
    if depth > DEEPEST:
        return "…"
    if isinstance(value, dict):
        items = list(value.items())[:MOST_ITEMS]
        return {name: HIDDEN if _is_secret(name, item) else cleaned(item, depth + 1) for name, item in items}
    if isinstance(value, list):
        return [cleaned(item, depth + 1) for item in value[:MOST_ITEMS]]
    return plain(value, LONGEST_TEXT) if isinstance(value, str) else value


def plain(text: str, longest: int | None = None) -> str:
    """Text without secrets and files."""
    if _BASE64.match(text):
        return f"({len(text):,} characters of base64)"
    shown = _DATA_URL.sub(lambda found: f"({found[1] or 'file'}, {len(found[0]):,} characters)", text)
    shown = _SECRETS.sub(lambda found: (found[1] or "Bearer ") + HIDDEN, shown)
    if longest is not None and len(shown) > longest:
        return f"{shown[:longest]}… ({len(text):,} characters)"
    return shown


def _is_secret(name: str, value: Any) -> bool:
    return isinstance(value, str) and bool(_SECRET_FIELDS.search(name))


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or "json" in kind or kind == "application/x-www-form-urlencoded"
