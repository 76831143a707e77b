"""Who has signed a webhook: what Stripe's own library finds, we find."""

from datetime import UTC, datetime

import pytest
import stripe

from app.payments.verify import BadSignature, verify

OURS, BEFORE, THEIRS = "whsec_ours", "whsec_before", "whsec_theirs"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BODY = '{"id":"evt_1","object":"event","type":"refund.created","livemode":false,"data":{"object":{"id":"re_é"}}}'


def signed(secret: str, body: str = BODY) -> str:
    at = int(NOW.timestamp())
    return stripe.WebhookSignature.generate_signature_header(body, secret, timestamp=at)


def of(secret: str) -> str:
    return signed(secret).partition(",v1=")[2]


STAMP = f"t={int(NOW.timestamp())}"
HEADERS = {
    "ours": signed(OURS),
    "the one before": signed(BEFORE),
    "somebody else's": signed(THEIRS),
    "of another body": signed(OURS, BODY + " "),
    "of both secrets": f"{signed(THEIRS)},v1={of(OURS)}",
    "of another scheme": f"{STAMP},v0={of(OURS)}",
    "of two schemes": f"{STAMP},v0={of(THEIRS)},v1={of(OURS)}",
    "the stamp at the end": f"v1={of(OURS)},{STAMP}",
    "in capitals": f"{STAMP},v1={of(OURS).upper()}",
    "the beginning of it": f"{STAMP},v1={of(OURS)[:-1]}",
    "more than it": f"{STAMP},v1={of(OURS)}0",
    "no signature": STAMP,
    "an empty signature": f"{STAMP},v1=",
    "not ASCII": f"{STAMP},v1=é{of(OURS)}",
    "no stamp": f"v1={of(OURS)}",
    "a stamp of words": f"t=now,v1={of(OURS)}",
    "of an empty secret": signed(""),
    "nothing": "",
}


def theirs(header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(BODY, header, secret))
    except (stripe.SignatureVerificationError, TypeError):  # it does not expect what is not ASCII
        return False


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("secrets", [(OURS, BEFORE), (OURS,), (OURS, ""), (" ",), ()], ids=repr)
def test_it_is_signed_when_stripes_library_says_so(header: str, secrets: tuple[str, ...]) -> None:
    try:
        found = verify(BODY.encode(), header, secrets, NOW).event_id == "evt_1"
    except BadSignature:
        found = False
    assert found is any(theirs(header, secret) for secret in secrets)
