"""Which addresses of customers we call: public ones by name, over https, and nothing that leads inside."""

import pytest

from app.kernel.errors import InvalidInput
from app.kernel.outside import check_url, is_public

GOOD = {
    "https://example.com/hook": "https://example.com/hook",
    "https://EXAMPLE.com:8443/a?b=c#d": "https://example.com:8443/a?b=c",
    "https://example.com:443": "https://example.com:443/",
    "https://bücher.example.org/x": "https://xn--bcher-kva.example.org/x",
    "https://a-b.example.co.uk./": "https://a-b.example.co.uk/",
}
BAD = [
    "", "example.com", "ftp://example.com", "http://example.com/", "https://example.com:22/", "https://example.com:80/",
    "https://user:pw@example.com/", "https://localhost/", "https://foo.localhost/", "https://127.0.0.1/",
    "https://10.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://2130706433/", "https://0x7f.1/",
    "https://0177.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://metadata.google.internal/",
    "https://printer.local/", "https://nas.home.arpa/", "https://intranet/", "https://exa mple.com/",
    "https://example.com/\r\nX: y", "https://example.com:99999/", "https://-x.example/",
    "https://" + "a" * 2000 + ".com/",
    "https://93.184.216.34/", "https://example.com\\@10.0.0.1/", "javascript:alert(1)", "https:///x",
    "https://[fe80::1%25eth0]/",
]  # fmt: skip
INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "168.63.129.16", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2002:7f00:1::", "2001:db8::1", "2001:0:7f00:1::", "fd00:ec2::254", "not an address",
]  # fmt: skip


@pytest.mark.parametrize(("given", "plain"), GOOD.items(), ids=GOOD)
def test_a_public_name_over_https_may_be_named(given: str, plain: str) -> None:
    assert check_url(given) == plain


@pytest.mark.parametrize("url", BAD)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_url(url)
    assert (refusal.value.stable_code, refusal.value.param) == ("invalid_url", "url")


def test_the_demo_may_call_its_own_machine_and_nothing_else_inside() -> None:
    assert check_url("http://127.0.0.1:4010/hook", loopback=True) == "http://127.0.0.1:4010/hook"
    for url in ("http://10.0.0.1/", "http://example.com/", "https://169.254.169.254/"):
        with pytest.raises(InvalidInput):
            check_url(url, loopback=True)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_an_address_of_the_internet_is(address: str) -> None:
    assert is_public(address)
