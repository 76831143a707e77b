"""The log: one line for people, one object for machines, and no secret in either."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from app.kernel import logs
from app.kernel.logs import redacted

SECRETS = {
    "an API key": "lookup of fbx_KvEa6YUs3LvhsCpMCQ9OZR_Qv failed",
    "a billing key": "lookup of fbb_KvEa6YUs3LvhsCpMCQ9OZR_Qv failed",
    "a webhook secret": "signed with whsec_QUJDQUJDQUJDQUJDQUJDQUJD",
    "a Stripe key": "sk_live_51Habcdefghijk refused",
    "an OpenAI key": "sk-proj-abcdefghijklmnop is wrong",
    "a Replicate key": "r8_abcdefghijklmnopqrst",
    "a bearer header": "headers: {'authorization': 'Bearer KvEa6YUs3LvhsCpM'}",
    "a raw header": "Authorization: Key KvEa6YUs3LvhsCpM",
    "a header as a pair": "(b'authorization', b'Bearer KvEa6YUs3LvhsCpM')",
    "an x-api-key": "x-api-key: KvEa6YUs3LvhsCpM",
    "a session": "Cookie: farebox_session=KvEa6YUs3LvhsCpM",
    "a JSON password": '{"email": "a@example.com", "password": "KvEa6YUs3LvhsCpM"}',
    "a signed file link": "GET /files/file_01/link/1795261777/0123456789abcdef0123456789abcdef",
    "a callback address": "POST https://x.example.com/hooks/providers/fal/att_01/0123456789abcdef0123456789abcdef",
    "an invoice to pay": "GET /payments/invoices/inv_01/0123456789abcdef0123456789abcdef",
    "a presigned address": "https://s3.example.com/b/k?X-Amz-Signature=KvEa6YUs3LvhsCpM&x=1",
    "a password in an address": "postgresql://farebox:KvEa6YUs3LvhsCpM@db.example.com/farebox",
}
INNOCENT = [
    "gen_01KAJ8M4ZD0000000000000000 was settled for 16 credits",
    "max_tokens: 500, temperature 0.7",
    "GET /files/file_01KAJ8M4ZD/link",
    "the key was revoked by its owner",
    "https://example.com/a?page=2",
]
TELLTALE = ("KvEa6YUs3LvhsCpM", "QUJDQUJD", "51Habc", "abcdefghijk", "0123456789abcdef")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_hidden_whoever_writes_it(text: str) -> None:
    said = redacted(text)
    assert logs.HIDDEN in said
    assert not any(part in said for part in TELLTALE), said


@pytest.mark.parametrize("text", INNOCENT)
def test_everything_else_stays_readable(text: str) -> None:
    assert redacted(text) == text


def test_a_line_for_machines_carries_the_request_and_the_hidden_exception(stream: io.StringIO) -> None:
    logs.configure("json", "INFO", stream)
    token = logs.REQUEST_ID.set("req_1")
    try:
        raise RuntimeError("no: Authorization: Bearer KvEa6YUs3LvhsCpM")
    except RuntimeError:
        logging.getLogger("farebox.test").exception("failed for %s", "fbx_KvEa6YUs3LvhsCpM")
    finally:
        logs.REQUEST_ID.reset(token)
    said = json.loads(stream.getvalue())
    assert (said["level"], said["logger"], said["request_id"]) == ("error", "farebox.test", "req_1")
    assert said["message"] == "failed for fbx_[hidden]"
    assert "RuntimeError" in said["exception"]
    assert "KvEa6YUs3LvhsCpM" not in stream.getvalue()


def test_a_line_for_people_hides_the_same(stream: io.StringIO) -> None:
    logs.configure("text", "WARNING", stream)
    logging.getLogger("x").info("not this")
    logging.getLogger("x").warning("whsec_QUJDQUJDQUJD was refused")
    assert stream.getvalue().endswith("WARNING x: whsec_[hidden] was refused\n")
