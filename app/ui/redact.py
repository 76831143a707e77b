"""Keep session cookies out of the logs: Reflex prints whole events, handshake headers included, when one fails."""

import logging
import re

#: The loggers of the pinned Reflex that print events or what a client sent.
LOGGERS = (
    "reflex.app",
    "reflex.state",
    "reflex_base.event.processor.event_processor",
    "reflex_base.event.processor.base_state_processor",
)
REMOVED = "[removed]"
_COOKIE_HEADER = re.compile(r"""(['"](?:cookie|authorization)['"]:\s*)(?:'[^']*'|"[^"]*")""", re.IGNORECASE)


class RedactCookies(logging.Filter):
    """Rewrites a record's message so that no cookie header and no session token survives in it."""

    def __init__(self, cookie_name: str) -> None:
        super().__init__()
        self._token = re.compile(rf"({re.escape(cookie_name)}=)[^;,'\"\s]+")

    def clean(self, text: str) -> str:
        return self._token.sub(rf"\1{REMOVED}", _COOKIE_HEADER.sub(rf"\1'{REMOVED}'", text))

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        cleaned = self.clean(message)
        if cleaned != message:
            record.msg, record.args = cleaned, None
        return True


def redact_logs(cookie_name: str) -> None:
    """Install the filter on every logger that could print a handshake; safe to call twice."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(present, RedactCookies) for present in logger.filters):
            logger.addFilter(RedactCookies(cookie_name))
