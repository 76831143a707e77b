"""What the remote tells us is believed when it is signed, now, and once."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from app.kernel.errors import InvalidInput
from app.mirror import hooks
from app.mirror.hooks import BadSignature, verify
from app.mirror.tables import mirror_hook

SECRET, OLD, OTHER = "whsec_bmV3", "whsec_b2xk", "whsec_b3RoZXI="
NOW = datetime(2026, 4, 14, 15, tzinfo=UTC)
BODY = json.dumps({"event_type": "invoice.update.finalized", "invoice": {"id": "inv_1"}}).encode()


def signed(body=BODY, secret=SECRET, at=NOW, prefix="webhook", message_id="msg_1"):
    signature = Webhook(secret).sign(msg_id=message_id, timestamp=at, data=body.decode())
    said = {"id": message_id, "timestamp": str(int(at.timestamp())), "signature": signature}
    return {f"{prefix}-{name}": value for name, value in said.items()}


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
@pytest.mark.parametrize("secret", [SECRET, OLD], ids=["this secret", "the one before"])
def test_a_signed_message_is_taken_in(prefix, secret):
    told = verify(BODY, signed(secret=secret, prefix=prefix), (SECRET, OLD), NOW)
    assert (told.message_id, told.type) == ("msg_1", "invoice.update.finalized")


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        pytest.param(BODY, {}, "bad_signature", id="no headers"),
        pytest.param(BODY, signed(secret=OTHER), "bad_signature", id="another's secret"),
        pytest.param(BODY + b" ", signed(), "bad_signature", id="a byte more"),
        pytest.param(BODY, {**signed(), "webhook-id": "msg_2"}, "bad_signature", id="another message's id"),
        pytest.param(BODY, signed(at=NOW - timedelta(minutes=6)), "stale_signature", id="old"),
        pytest.param(BODY, signed(at=NOW + timedelta(minutes=6)), "stale_signature", id="from the future"),
        pytest.param(BODY, {**signed(), "webhook-timestamp": "soon"}, "bad_signature", id="no time"),
        pytest.param(BODY, {**signed(), "webhook-signature": "v1,é"}, "bad_signature", id="no signature"),
        pytest.param(b"[]", signed(body=b"[]"), "bad_body", id="no event"),
        pytest.param(b"{", signed(body=b"{"), "bad_body", id="no JSON"),
        pytest.param(b"\xff", signed(), "bad_body", id="no text"),
    ],
)
def test_what_is_not_believed(body, headers, code):
    with pytest.raises(InvalidInput) as refused:
        verify(body, headers, (SECRET, OLD), NOW)
    assert refused.value.stable_code == code


def test_a_house_without_a_secret_believes_nobody():
    with pytest.raises(BadSignature):
        verify(BODY, signed(), (), NOW)


def test_a_message_that_comes_again_is_kept_once(database):
    told = verify(BODY, signed(), (SECRET,), NOW)
    with database.write() as connection:
        assert [hooks.accept(connection, told, NOW) for _ in range(3)] == [True, False, False]
    with database.read() as connection:
        kept = connection.execute(select(mirror_hook)).one()
    assert (kept.state, kept.body) == ("waiting", BODY.decode())


@pytest.mark.parametrize(
    "body",
    [
        {"invoice": {"id": "inv_1"}},
        {"invoice_id": "inv_1"},
        {"data": {"invoice": {"id": "inv_1"}}},
        {"data": {"id": "inv_1"}},
        {"data": {"invoice_id": "inv_1"}},
    ],
)
def test_what_a_message_is_about(body):
    assert hooks._about(body, "invoice") == "inv_1"
