"""Fetching outputs: known hosts, whole files, no longer than agreed, nothing left behind."""

import base64
from pathlib import Path

import httpx
import pytest

from app.kernel.errors import ProviderBusy, ProviderRefused
from app.providers.port import RemoteFile
from tests.providers.upstream import provider

pytestmark = pytest.mark.anyio

FILE = "https://files.example/a.png"
LIMIT = 1000


@pytest.fixture(autouse=True)
def temporary_directory(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def redirect(url):
    return httpx.Response(302, headers={"location": url})


def cut_off(request):
    async def half():
        yield b"half of "
        raise httpx.ReadError("cut off", request=request)

    return httpx.Response(200, content=half())


async def fetch(*steps, url=FILE, mime=None):
    adapter, upstream = provider("fal", *steps)
    return await adapter.download(RemoteFile(url, mime), LIMIT), upstream


async def test_a_file_arrives_whole_with_its_type_and_without_our_key_being_shown():
    got, upstream = await fetch(httpx.Response(200, content=b"x" * LIMIT, headers={"content-type": "image/PNG; q=1"}))
    assert (Path(got.path).read_bytes(), got.mime, got.size_bytes) == (b"x" * LIMIT, "image/png", LIMIT)
    assert upstream.keys_seen_by == set()


async def test_files_on_the_provider_s_own_host_are_asked_for_with_the_key():
    _, upstream = await fetch(httpx.Response(200, content=b"x"), url="https://up.example/root/files/a.png")
    assert upstream.keys_seen_by == {"up.example"}


async def test_the_type_the_provider_named_stands_in_for_a_missing_one():
    got, _ = await fetch(httpx.Response(200, content=b"x"), mime="video/mp4")
    assert got.mime == "video/mp4"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a",
        "http://files.example/a",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "/a",
        "",
    ],
)
async def test_a_foreign_host_is_not_asked(url, temporary_directory):
    adapter, upstream = provider("fal", httpx.Response(200, content=b"x"))
    with pytest.raises(ProviderRefused) as refusal:
        await adapter.download(RemoteFile(url), LIMIT)
    assert refusal.value.stable_code == "provider_foreign_host"
    assert upstream.requests == []


async def test_a_redirect_within_the_known_hosts_is_followed_and_sheds_the_key():
    got, upstream = await fetch(
        redirect("https://eu.cdn.example/a"), httpx.Response(200, content=b"x"), url="https://up.example/root/a"
    )
    assert got.size_bytes == 1
    assert [request.url.host for request in upstream.requests] == ["up.example", "eu.cdn.example"]
    assert upstream.keys_seen_by == {"up.example"}


async def test_a_redirect_elsewhere_is_not_followed():
    adapter, upstream = provider("fal", redirect("https://evil.example/a"))
    with pytest.raises(ProviderRefused):
        await adapter.download(RemoteFile(FILE), LIMIT)
    assert [request.url.host for request in upstream.requests] == ["files.example"]


async def test_endless_redirects_end():
    adapter, upstream = provider("fal", redirect(FILE))
    with pytest.raises(ProviderRefused):
        await adapter.download(RemoteFile(FILE), LIMIT)
    assert len(upstream.requests) == 4


@pytest.mark.parametrize(
    ("answer", "error", "code", "requests"),
    [
        pytest.param(httpx.Response(404), ProviderRefused, "output_gone", 1, id="gone"),
        pytest.param(httpx.Response(403), ProviderRefused, "output_gone", 1, id="its signature ran out"),
        pytest.param(httpx.Response(200, content=b"x" * 1001), ProviderRefused, "output_too_large", 1, id="too large"),
        pytest.param(httpx.Response(200, content=b""), ProviderBusy, "provider_busy", 3, id="empty"),
        pytest.param(httpx.Response(503), ProviderBusy, "provider_busy", 3, id="503"),
        pytest.param(httpx.Response(429), ProviderBusy, "provider_busy", 3, id="429"),
        pytest.param(httpx.ConnectError("x"), ProviderBusy, "provider_busy", 3, id="no connection"),
        pytest.param(httpx.ReadTimeout("x"), ProviderBusy, "provider_busy", 3, id="no answer"),
        pytest.param(cut_off, ProviderBusy, "provider_busy", 3, id="half a file"),
    ],
)
async def test_what_cannot_be_fetched_leaves_nothing_behind(answer, error, code, requests, temporary_directory):
    adapter, upstream = provider("fal", answer)
    with pytest.raises(error) as failure:
        await adapter.download(RemoteFile(FILE), LIMIT)
    assert failure.value.stable_code == code
    assert len(upstream.requests) == requests
    assert list(temporary_directory.iterdir()) == []


async def test_half_a_file_is_fetched_again():
    got, _ = await fetch(cut_off, httpx.Response(200, content=b"all of it"))
    assert Path(got.path).read_bytes() == b"all of it"


@pytest.mark.parametrize(
    ("url", "content", "mime"),
    [
        ("data:image/png;base64," + base64.b64encode(b"\x89PNG").decode(), b"\x89PNG", "image/png"),
        ("data:text/plain;charset=utf-8,a%20b", b"a b", "text/plain"),
        ("data:;base64,eA==", b"x", None),
    ],
)
async def test_a_file_inside_the_answer(url, content, mime):
    got, upstream = await fetch(url=url)
    assert (Path(got.path).read_bytes(), got.mime, got.size_bytes) == (content, mime, len(content))
    assert upstream.requests == []


@pytest.mark.parametrize("url", ["data:image/png;base64,!!", "data:text/plain," + "x" * 1001])
async def test_a_file_inside_the_answer_that_is_none_or_too_large(url, temporary_directory):
    with pytest.raises(ProviderRefused):
        await fetch(url=url)
    assert list(temporary_directory.iterdir()) == []
