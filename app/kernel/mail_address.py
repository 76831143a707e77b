"""What is one plain mail address: for an account, in a billing profile, and when a mail goes out."""

from email.errors import HeaderParseError
from email.headerregistry import Address


def read(spec: str) -> Address:
    """The address, its domain as mail servers write it; `ValueError` for anything that is not one plain address that
    every server takes: line breaks, lists, comments, spaces, letters beyond ASCII before the `@`."""
    refusal = f"{spec!r} is not a mail address"
    if not spec.isprintable() or spec.count("@") != 1 or any(letter.isspace() for letter in spec):
        raise ValueError(refusal)
    name, _, domain = spec.partition("@")
    try:
        found = Address(addr_spec=f"{name}@{domain.encode('idna').decode('ascii')}")
    except (HeaderParseError, IndexError, ValueError) as error:
        raise ValueError(f"{refusal}: {error}") from None
    if not (found.username and found.domain) or found.addr_spec.partition("@")[0] != name:
        raise ValueError(refusal)
    return found


def is_one(spec: str) -> bool:
    """Whether a mail can be sent there."""
    try:
        read(spec)
    except ValueError:
        return False
    return True
