"""Where the key may go and where files may come from."""

import pytest

from app.providers.hosts import Hosts, host_name, origin_of


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Up.Example/path?q", ("https", "up.example", 443)),
        ("https://up.example:443", ("https", "up.example", 443)),
        ("https://up.example.:8443/", ("https", "up.example", 8443)),
        ("http://127.0.0.1:4010/fal", ("http", "127.0.0.1", 4010)),
        ("http://[::1]:4010/fal", ("http", "::1", 4010)),
        ("https://bücher.example/", ("https", "xn--bcher-kva.example", 443)),
        ("https://up.example\\@evil.example/", None),
        ("https://user@up.example/", None),
        ("https://user:pass@up.example/", None),
        ("https:///path", None),
        ("http://[bad", None),
        ("http://up.example:port/", None),
        ("ftp://up.example/", None),
        ("javascript:alert(1)", None),
        ("up.example", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_origin(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://up.example/file", True),
        ("http://up.example/file", False),
        ("https://up.example:444/file", False),
        ("https://files.example/a", True),
        ("https://FILES.example/a", True),
        ("http://files.example/a", False),
        ("https://files.example:8443/a", False),
        ("https://sub.files.example/a", False),
        ("https://a.cdn.example/x", True),
        ("https://b.a.cdn.example/x", True),
        ("https://cdn.example/x", True),
        ("https://evilcdn.example/x", False),
        ("https://a.cdn.example.evil.example/x", False),
        ("http://127.0.0.1:4010/x", True),
        ("http://127.0.0.1:4011/x", False),
        ("http://169.254.169.254/latest", False),
        ("file:///etc/passwd", False),
    ],
)
def test_files_come_from_known_hosts(url, allowed):
    hosts = Hosts(["https://up.example/root"], ["files.example", "*.Cdn.example", "http://127.0.0.1:4010"])
    assert hosts.may_serve_files(url) is allowed


def test_output_hosts_are_not_shown_the_key():
    hosts = Hosts(["https://up.example/root", "https://api.example"], ["files.example"])
    assert [hosts.is_own(f"https://{host}/x") for host in ("up.example", "api.example", "files.example")] == [
        True,
        True,
        False,
    ]


def test_an_error_names_the_host_and_nothing_else():
    assert host_name("https://evil.example/path?token=secret") == "evil.example"
    assert host_name("nonsense") == "something that is not a web address"
