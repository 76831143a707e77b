"""Callbacks: signed by the provider, fresh, whole; and even then no more than a hint."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.kernel.errors import NotAllowed, ProviderBusy
from tests.providers.upstream import provider

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FAL_KEY = Ed25519PrivateKey.generate()
WHSEC = "whsec_" + base64.b64encode(b"the secret of the account").decode()
OTHER_WHSEC = "whsec_" + base64.b64encode(b"another secret").decode()
KIE_SECRET = "hmac-key"


def jwks(*keys):
    def entry(key):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(key).decode().rstrip("=")}

    return httpx.Response(200, json={"keys": [entry(key.public_key().public_bytes_raw()) for key in keys]})


def sign_fal(body, when, key=FAL_KEY):
    stamp = str(int(when.timestamp()))
    message = "\n".join(["job-1", "user-1", stamp, hashlib.sha256(body).hexdigest()]).encode()
    return {
        "X-Fal-Webhook-Request-Id": "job-1",
        "X-Fal-Webhook-User-Id": "user-1",
        "X-Fal-Webhook-Timestamp": stamp,
        "X-Fal-Webhook-Signature": key.sign(message).hex(),
    }


def sign_replicate(body, when, secret=WHSEC):
    stamp = str(int(when.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b"msg_1." + stamp.encode() + b"." + body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": stamp, "Webhook-Signature": f"v1,{signature}"}


def sign_kie(body, when, secret=KIE_SECRET, task_id="job-1"):
    stamp = str(int(when.timestamp()))
    digest = hmac.new(secret.encode(), f"{task_id}.{stamp}".encode(), hashlib.sha256).digest()
    return {"X-Webhook-Timestamp": stamp, "X-Webhook-Signature": base64.b64encode(digest).decode()}


SIGNED = {
    "fal": (sign_fal, {"request_id": "job-1", "status": "OK", "payload": {}}),
    "replicate": (sign_replicate, {"id": "job-1", "status": "succeeded"}),
    "kie": (sign_kie, {"code": 200, "data": {"taskId": "job-1", "state": "success"}}),
}
SECRETS = {"fal": None, "replicate": WHSEC, "kie": KIE_SECRET}
KINDS = sorted(SIGNED)


def adapter_of(kind, *steps):
    return provider(kind, *(steps or [jwks(FAL_KEY)]), callback_secret=SECRETS[kind])


def callback(kind, when=NOW):
    sign, payload = SIGNED[kind]
    body = json.dumps(payload).encode()
    return sign(body, when), body


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spell", [str, str.lower, str.upper], ids=["as sent", "lower case", "upper case"])
async def test_a_genuine_callback_names_its_job(kind, spell):
    adapter, _ = adapter_of(kind)
    headers, body = callback(kind)
    read = await adapter.read_callback({spell(name): value for name, value in headers.items()}, body, NOW)
    assert read.upstream_id == "job-1"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_replay_says_the_same_again(kind):
    adapter, _ = adapter_of(kind)
    headers, body = callback(kind)
    assert {(await adapter.read_callback(headers, body, NOW)).upstream_id for _ in range(11)} == {"job-1"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [-301, 301, -86400, 86400])
async def test_a_stale_callback_is_refused(kind, seconds):
    adapter, _ = adapter_of(kind)
    headers, body = callback(kind, NOW + timedelta(seconds=seconds))
    with pytest.raises(NotAllowed):
        await adapter.read_callback(headers, body, NOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [-300, 300])
async def test_five_minutes_either_way_are_allowed(kind, seconds):
    adapter, _ = adapter_of(kind)
    headers, body = callback(kind, NOW + timedelta(seconds=seconds))
    assert (await adapter.read_callback(headers, body, NOW)).upstream_id == "job-1"


@pytest.mark.parametrize(
    ("kind", "header"), [(kind, header) for kind in KINDS for header in callback(kind)[0]]
)  # fmt: skip
@pytest.mark.parametrize("value", [None, "", "garbage", "€"])
async def test_a_missing_or_mangled_header_is_refused(kind, header, value):
    adapter, _ = adapter_of(kind)
    headers, body = callback(kind)
    headers = {name: given for name, given in headers.items() if name != header}
    with pytest.raises(NotAllowed):
        await adapter.read_callback(headers if value is None else {**headers, header: value}, body, NOW)


@pytest.mark.parametrize("kind", ["fal", "replicate"])
async def test_a_tampered_body_is_refused(kind):
    adapter, _ = adapter_of(kind)
    headers, body = callback(kind)
    with pytest.raises(NotAllowed):
        await adapter.read_callback(headers, body.replace(b"job-1", b"job-2"), NOW)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_wrong_key_is_refused(kind):
    adapter, _ = adapter_of(kind)
    _, body = callback(kind)
    forged = {
        "fal": lambda: sign_fal(body, NOW, Ed25519PrivateKey.generate()),
        "replicate": lambda: sign_replicate(body, NOW, OTHER_WHSEC),
        "kie": lambda: sign_kie(body, NOW, "another"),
    }[kind]()
    with pytest.raises(NotAllowed):
        await adapter.read_callback(forged, body, NOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b'"job-1"', b"{}", b'{"id": 7, "request_id": null}'])
async def test_a_signed_body_that_names_no_job_is_refused(kind, body):
    adapter, _ = adapter_of(kind)
    with pytest.raises(NotAllowed):
        await adapter.read_callback(SIGNED[kind][0](body, NOW), body, NOW)


class TestFalKeys:
    async def test_are_fetched_once_a_day_without_our_key(self):
        adapter, upstream = adapter_of("fal")
        for hours in (0, 1, 23):
            when = NOW + timedelta(hours=hours)
            await adapter.read_callback(*callback("fal", when), when)
        assert [str(request.url) for request in upstream.requests] == ["https://up.example/root/.well-known/jwks.json"]
        assert upstream.keys_seen_by == set()
        later = NOW + timedelta(hours=25)
        await adapter.read_callback(*callback("fal", later), later)
        assert len(upstream.requests) == 2

    async def test_any_published_key_may_have_signed(self):
        adapter, _ = adapter_of("fal", jwks(Ed25519PrivateKey.generate(), FAL_KEY))
        assert (await adapter.read_callback(*callback("fal"), NOW)).upstream_id == "job-1"

    async def test_a_rotated_key_is_learned(self):
        adapter, upstream = adapter_of("fal", jwks(Ed25519PrivateKey.generate()), jwks(FAL_KEY))
        with pytest.raises(NotAllowed):  # fetched this very moment: forged callbacks must not make us fetch again
            await adapter.read_callback(*callback("fal"), NOW)
        later = NOW + timedelta(minutes=2)
        assert (await adapter.read_callback(*callback("fal", later), later)).upstream_id == "job-1"
        assert len(upstream.requests) == 2

    async def test_a_malformed_key_does_not_hide_the_good_one(self):
        published = jwks(FAL_KEY)
        keys = [
            {"crv": "Ed25519", "x": "AAAA"},
            {"crv": "P-256", "x": "AAAA"},
            7,
            *json.loads(published.content)["keys"],
        ]
        adapter, _ = adapter_of("fal", httpx.Response(200, json={"keys": keys}))
        assert (await adapter.read_callback(*callback("fal"), NOW)).upstream_id == "job-1"

    @pytest.mark.parametrize("answer", [httpx.Response(502, text="<html>"), httpx.Response(404, json={})])
    async def test_that_cannot_be_fetched_ask_for_another_call(self, answer):
        adapter, _ = adapter_of("fal", answer)
        with pytest.raises(ProviderBusy):
            await adapter.read_callback(*callback("fal"), NOW)

    async def test_of_an_outsider_are_never_fetched(self):
        adapter, upstream = adapter_of("fal")
        with pytest.raises(NotAllowed):
            await adapter.read_callback({}, b"{}", NOW)
        assert upstream.requests == []


class TestReplicateSecret:
    async def test_is_the_account_s_own_when_none_is_configured(self):
        adapter, upstream = provider("replicate", httpx.Response(200, json={"key": WHSEC}))
        for _ in range(3):
            assert (await adapter.read_callback(*callback("replicate"), NOW)).upstream_id == "job-1"
        assert [request.url.path for request in upstream.requests] == ["/root/webhooks/default/secret"]

    async def test_that_was_rotated_is_learned(self):
        steps = [httpx.Response(200, json={"key": secret}) for secret in (OTHER_WHSEC, WHSEC)]
        adapter, _ = provider("replicate", *steps)
        with pytest.raises(NotAllowed):
            await adapter.read_callback(*callback("replicate"), NOW)
        later = NOW + timedelta(minutes=2)
        assert (await adapter.read_callback(*callback("replicate", later), later)).upstream_id == "job-1"

    @pytest.mark.parametrize(
        "answer", [httpx.Response(500), httpx.Response(200, json={}), httpx.Response(401, json={})]
    )
    async def test_that_cannot_be_fetched_asks_for_another_call(self, answer):
        adapter, _ = provider("replicate", answer)
        with pytest.raises(ProviderBusy):
            await adapter.read_callback(*callback("replicate"), NOW)

    async def test_any_of_several_signatures_may_match(self):
        adapter, _ = adapter_of("replicate")
        headers, body = callback("replicate")
        other = sign_replicate(body, NOW, OTHER_WHSEC)["Webhook-Signature"]
        headers["Webhook-Signature"] = f"{other} {headers['Webhook-Signature']}"
        assert (await adapter.read_callback(headers, body, NOW)).upstream_id == "job-1"

    @pytest.mark.parametrize("secret", ["whsec", "whsec_", "whsec_!", "plain"])
    async def test_that_is_no_secret_verifies_nothing(self, secret):
        adapter, _ = provider("replicate", callback_secret=secret)
        _, body = callback("replicate")
        with pytest.raises(NotAllowed):
            await adapter.read_callback(sign_replicate(body, NOW, "whsec_"), body, NOW)


class TestKieHint:
    @pytest.mark.parametrize(
        "payload",
        [
            {"data": {"task_id": "job-1"}},
            {"data": {"taskId": "job-1"}},
            {"taskId": "job-1"},
            {"data": None, "taskId": "job-1"},
        ],
        ids=["data.task_id", "data.taskId", "taskId", "taskId beside no data"],
    )
    async def test_the_id_may_stand_in_three_places(self, payload):
        adapter, _ = adapter_of("kie")
        body = json.dumps(payload).encode()
        assert (await adapter.read_callback(sign_kie(body, NOW), body, NOW)).upstream_id == "job-1"

    async def test_a_signature_for_one_task_does_not_open_another(self):
        adapter, _ = adapter_of("kie")
        body = json.dumps({"data": {"task_id": "job-2"}, "taskId": "job-1"}).encode()
        with pytest.raises(NotAllowed):
            await adapter.read_callback(sign_kie(body, NOW, task_id="job-1"), body, NOW)

    async def test_bug_b10_a_forged_result_under_a_captured_signature_brings_only_the_id(self):
        adapter, upstream = adapter_of("kie")
        headers, _ = callback("kie")
        forged = json.dumps({"data": {"taskId": "job-1", "resultJson": '{"resultUrls":["https://evil.example"]}'}})
        read = await adapter.read_callback(headers, forged.encode(), NOW)
        assert (read.upstream_id, upstream.requests) == ("job-1", [])

    async def test_without_a_configured_key_callbacks_come_unsigned(self):
        adapter, _ = provider("kie")
        assert (await adapter.read_callback({}, callback("kie")[1], NOW)).upstream_id == "job-1"
