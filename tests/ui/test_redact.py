"""Session cookies stay out of the logs."""

import logging

import pytest

from app.ui.redact import LOGGERS, RedactCookies, redact_logs

SECRET = "s3cr3t-token"


@pytest.mark.parametrize(
    "message",
    [
        f"event Event(router_data={{'headers': {{'cookie': 'a=1; farebox_session={SECRET}', 'host': 'x'}}}})",
        f'{{"headers": {{"Cookie": "farebox_session={SECRET}"}}}}',
        f"{{'authorization': 'Bearer {SECRET}'}}",
        f"farebox_session={SECRET}; path=/",
    ],
)
def test_no_token_survives(message):
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "Error in %s:", (message,), None)
    assert RedactCookies("farebox_session").filter(record)
    assert SECRET not in record.getMessage()
    assert "[removed]" in record.getMessage()


def test_other_messages_are_left_alone():
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "took %d ms", (3,), None)
    RedactCookies("farebox_session").filter(record)
    assert record.getMessage() == "took 3 ms"


@pytest.mark.parametrize("name", LOGGERS)
def test_every_logger_that_prints_events_is_covered_once(name):
    redact_logs("farebox_session")
    redact_logs("farebox_session")
    assert len([f for f in logging.getLogger(name).filters if isinstance(f, RedactCookies)]) == 1


def test_an_unknown_event_is_logged_by_a_covered_logger():
    """Reflex prints the whole event, handshake included, when nobody handles it."""
    from reflex_base.event.processor import event_processor

    assert event_processor.logger.name in LOGGERS
