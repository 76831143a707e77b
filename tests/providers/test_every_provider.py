"""Every provider speaks our errors, buys at most once, and shows its key to nobody else.

A new adapter is tested here the day its line is in the registry.
"""

import asyncio
from datetime import timedelta

import httpx
import pytest

from app.catalogue.provider_kinds import KINDS as KINDS_OF_THE_CATALOGUE
from app.kernel import clock
from app.kernel.errors import InvalidInput, ProviderBusy, ProviderError, ProviderRefused, ProviderUnclear
from app.providers import http
from app.providers.port import Connection, RemoteFile, UpstreamState
from app.providers.registry import ADAPTERS, build
from tests.providers.upstream import ACCEPTED, FINISHED, KEY, answers, job, provider, ref

pytestmark = pytest.mark.anyio

KINDS = sorted(ADAPTERS)
PAGE = "<html><body>502 Bad Gateway</body></html>"


def on_the_wire(error, *args):
    def fail(request):
        raise error(*args or ("it went wrong",), request=request)

    return fail


def unreadable(request):
    return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip at all"))


def trickling(request):
    async def forever():
        while True:
            yield b" " * 1024
            await asyncio.sleep(0)

    return httpx.Response(200, content=forever())


SUBMISSIONS = [
    # nothing can have been accepted
    pytest.param(on_the_wire(httpx.ConnectError), ProviderBusy, id="no connection, or no such host"),
    pytest.param(on_the_wire(httpx.ConnectTimeout), ProviderBusy, id="no connection in time"),
    pytest.param(on_the_wire(httpx.PoolTimeout), ProviderBusy, id="no connection free"),
    pytest.param(on_the_wire(httpx.ProxyError), ProviderBusy, id="our proxy refuses"),
    pytest.param(httpx.Response(429, headers={"retry-after": "7"}, json={}), ProviderBusy, id="429 with Retry-After"),
    pytest.param(httpx.Response(429, json={"detail": "slow down"}), ProviderBusy, id="429 without"),
    pytest.param(httpx.Response(503, headers={"retry-after": "7"}), ProviderBusy, id="503 with Retry-After"),
    # a plain no
    *[
        pytest.param(httpx.Response(status, json={"detail": "no"}), ProviderRefused, id=str(status))
        for status in (400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 451)
    ],
    # nobody knows
    pytest.param(on_the_wire(httpx.RemoteProtocolError), ProviderUnclear, id="hung up without an answer"),
    pytest.param(on_the_wire(httpx.ReadError), ProviderUnclear, id="cut off while we read"),
    pytest.param(on_the_wire(httpx.ReadTimeout), ProviderUnclear, id="no answer in time"),
    pytest.param(on_the_wire(httpx.WriteError), ProviderUnclear, id="cut off while we wrote"),
    pytest.param(on_the_wire(httpx.WriteTimeout), ProviderUnclear, id="could not write in time"),
    pytest.param(on_the_wire(httpx.CloseError), ProviderUnclear, id="could not close"),
    pytest.param(trickling, ProviderUnclear, id="an answer that never ends"),
    *[
        pytest.param(httpx.Response(status, json={"detail": "?"}), ProviderUnclear, id=f"{status}")
        for status in (408, 409, 425, 499, 500, 501, 502, 503, 504)
    ],
    pytest.param(httpx.Response(502, text=PAGE), ProviderUnclear, id="a gateway's page"),
    pytest.param(httpx.Response(200, text=PAGE), ProviderUnclear, id="200 and a page"),
    pytest.param(httpx.Response(200, content=b""), ProviderUnclear, id="200 and nothing"),
    pytest.param(httpx.Response(200, content=b'{"request_id": "r'), ProviderUnclear, id="200 and half a body"),
    pytest.param(httpx.Response(200, json=["r-1"]), ProviderUnclear, id="200 and a list"),
    pytest.param(httpx.Response(200, json={}), ProviderUnclear, id="200 and no id"),
    pytest.param(unreadable, ProviderUnclear, id="200 that cannot be unpacked"),
    *[
        pytest.param(
            httpx.Response(status, headers={"location": "https://elsewhere.example/"}), ProviderUnclear, id=f"{status}"
        )
        for status in (301, 302, 303, 307, 308)
    ],
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("answer", "verdict"), SUBMISSIONS)
async def test_one_post_and_one_of_three_errors(kind, answer, verdict):
    adapter, upstream = provider(kind, answer)
    with pytest.raises(ProviderError) as failure:
        await adapter.submit(job(kind))
    assert type(failure.value) is verdict
    assert len(upstream.requests) == 1
    assert upstream.keys_seen_by == {"up.example"}
    assert KEY not in f"{failure.value}{failure.value.details}"


@pytest.mark.parametrize("kind", KINDS)
async def test_an_accepted_job_is_known_by_its_id_after_one_post(kind):
    adapter, upstream = provider(kind, httpx.Response(200, json=ACCEPTED[kind]))
    assert (await adapter.submit(job(kind))).upstream_id == "req-1"
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_that_takes_too_long_may_have_been_bought(kind, monkeypatch):
    async def never(request):
        await asyncio.Event().wait()

    monkeypatch.setattr(http, "CALL_SECONDS", 0.01)
    adapter, upstream = provider(kind, never)
    with pytest.raises(ProviderUnclear):
        await adapter.submit(job(kind))
    assert len(upstream.posts) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("999999", 3600),
        ("1.5", 2),
        ("soon", None),
        pytest.param("9" * 5_000, None, id="beyond all reason"),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        # The id is fixed: two test processes must collect the same tests, whatever second it is.
        pytest.param((clock.now() + timedelta(days=2)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 3600, id="in two days"),
    ],
)
async def test_how_long_to_wait_is_passed_on(kind, header, seconds):
    adapter, _ = provider(kind, httpx.Response(429, headers={"retry-after": header}))
    with pytest.raises(ProviderBusy) as busy:
        await adapter.submit(job(kind))
    assert busy.value.details["retry_after_seconds"] == seconds


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "overrides",
    [{"base_url": "up.example"}, {"base_url": "ftp://up.example"}, {"base_url": "http://[bad"}, {"base_url": ""},
     {"api_key": "key\r\nX-Other: 1"}, {"api_key": "ключ"}],
    ids=["no scheme", "not http", "no address", "empty", "a key with a line break", "a key in Cyrillic"],
)  # fmt: skip
async def test_a_mistyped_setting_is_a_plain_no_before_anything_is_sent(kind, overrides):
    adapter, upstream = provider(kind, **overrides)
    for call in (adapter.submit(job(kind)), adapter.status(ref(kind)), adapter.check()):
        with pytest.raises(ProviderRefused):
            await call
    assert upstream.requests == []


@pytest.mark.parametrize("kind", KINDS)
async def test_parameters_that_are_no_json_are_not_sent(kind):
    adapter, upstream = provider(kind)
    with pytest.raises(ProviderRefused):
        await adapter.submit(job(kind, params={"strength": float("nan")}))
    assert upstream.requests == []


READS = [
    pytest.param(on_the_wire(httpx.ConnectError), ProviderBusy, 3, id="no connection"),
    pytest.param(on_the_wire(httpx.ReadTimeout), ProviderBusy, 3, id="no answer"),
    pytest.param(httpx.Response(502, text=PAGE), ProviderBusy, 3, id="a gateway's page"),
    pytest.param(httpx.Response(500, json={"detail": "oops"}), ProviderBusy, 1, id="500"),
    pytest.param(httpx.Response(429, headers={"retry-after": "7"}), ProviderBusy, 1, id="429"),
    pytest.param(httpx.Response(503, headers={"retry-after": "7"}), ProviderBusy, 1, id="503 with Retry-After"),
    pytest.param(httpx.Response(302, headers={"location": "https://evil.example/"}), ProviderBusy, 1, id="a redirect"),
    pytest.param(httpx.Response(200, text=PAGE), ProviderBusy, 1, id="200 and a page"),
    pytest.param(httpx.Response(200, json={"status": "?"}), ProviderBusy, 1, id="200 and nothing we know"),
    pytest.param(httpx.Response(401, json={"detail": "no"}), ProviderBusy, 1, id="a key that can be mended"),
    pytest.param(httpx.Response(402, json={"detail": "no"}), ProviderBusy, 1, id="an account that can be filled"),
    pytest.param(httpx.Response(404, json={"detail": "no"}), ProviderRefused, 1, id="no such job"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("answer", "verdict", "requests"), READS)
async def test_asking_again_is_bounded_and_safe(kind, answer, verdict, requests):
    adapter, upstream = provider(kind, answer)
    with pytest.raises(ProviderError) as failure:
        await adapter.status(ref(kind))
    assert type(failure.value) is verdict
    assert [r.method for r in upstream.requests] == ["GET"] * requests
    assert upstream.keys_seen_by == {"up.example"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_read_survives_two_failures(kind):
    adapter, _ = provider(kind, on_the_wire(httpx.ReadError), httpx.Response(502, text=PAGE), *answers(FINISHED[kind]))
    progress = await adapter.status(ref(kind))
    assert progress.state is UpstreamState.DONE
    assert [file.url for file in progress.files] == ["https://files.example/a.png"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/s",
        "http://up.example/s",
        "https://up.example:8443/s",
        "https://up.example@evil.example/s",
        "https://up.example.evil.example/s",
        "https://key@up.example/s",
        "file:///etc/passwd",
        "//evil.example/s",
    ],
)
async def test_the_key_is_never_taken_to_another_host(kind, url):
    urls = {"status_url": url, "response_url": url, "cancel_url": url, "urls": {"get": url, "cancel": url}}
    accepted = ACCEPTED[kind] | urls
    adapter, upstream = provider(kind, httpx.Response(200, json=accepted), *answers(FINISHED[kind]))
    taken = await adapter.submit(job(kind))
    assert (taken.upstream_id, taken.status_url, taken.response_url, taken.cancel_url) == ("req-1", None, None, None)
    await adapter.status(taken)
    assert {request.url.host for request in upstream.requests} == {"up.example"}


@pytest.mark.parametrize("kind", ["fal", "replicate"])
async def test_a_stored_address_on_a_host_no_longer_configured_is_refused(kind):
    adapter, upstream = provider(kind)
    with pytest.raises(ProviderRefused) as refusal:
        await adapter.status(ref(kind, status_url="https://old.example/s"))
    assert refusal.value.stable_code == "provider_foreign_host"
    assert upstream.requests == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refused_key_is_said_to_be_one_when_the_settings_are_checked(kind):
    adapter, _ = provider(kind, httpx.Response(401, json={"detail": "You did not pass a token", "msg": "bad"}))
    with pytest.raises(ProviderRefused) as refusal:
        await adapter.check()
    assert refusal.value.stable_code == "provider_key_refused"


@pytest.mark.parametrize("kind", KINDS)
async def test_no_callback_address_no_callback(kind):
    adapter, upstream = provider(kind, httpx.Response(200, json=ACCEPTED[kind]))
    await adapter.submit(job(kind, callback_url=""))
    request = upstream.requests[0]
    assert "webhook" not in f"{request.url}{request.content!r}"
    assert b"callBack" not in request.content


@pytest.mark.parametrize("kind", KINDS)
async def test_output_hosts_are_those_of_the_settings(kind):
    adapter, upstream = provider(kind, httpx.Response(200, content=b"x"))
    with pytest.raises(ProviderRefused):
        await adapter.download(RemoteFile("https://evil.example/a.png"), 10)
    assert upstream.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_make_an_adapter(kind):
    adapter = ADAPTERS[kind]
    made = build(Connection(kind, kind, adapter.base_url, "k", settings=adapter.settings))
    assert made.kind == kind
    assert adapter.base_url.startswith("https://")
    assert adapter.settings["output_hosts"] or kind == "openai_compatible"  # its files come from its own host


def test_the_provider_page_starts_from_the_same_defaults():
    """The catalogue may not import an adapter, so it keeps its own copy."""
    ours = {kind: (adapter.base_url, dict(adapter.settings)) for kind, adapter in ADAPTERS.items()}
    assert {kind: (known.base_url, dict(known.settings)) for kind, known in KINDS_OF_THE_CATALOGUE.items()} == ours


def test_an_unknown_kind_names_those_there_are():
    with pytest.raises(InvalidInput, match="fal, kie, openai_compatible, replicate"):
        build(Connection("x", "acme", "https://acme.example", "k"))
