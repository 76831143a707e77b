"""Secrets at rest: provider keys are stored encrypted, customers' keys and sessions only as hashes."""

import hashlib
import hmac
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.kernel.errors import Broken


class Vault:
    """Encrypts short secrets with the installation's key; older keys may follow it so that a rotation keeps reading."""

    def __init__(self, keys: list[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise Broken(
                "FAREBOX_SECRET_KEY must be 32 url-safe base64 bytes; `python -m app secret` makes one."
            ) from None

    def seal(self, plaintext: str) -> str:
        return self._fernet.encrypt(plaintext.encode()).decode()

    def open(self, sealed: str) -> str:
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Broken("A stored secret cannot be read with the present FAREBOX_SECRET_KEY.") from None


def new_vault_key() -> str:
    return Fernet.generate_key().decode()


def new_token(bytes_count: int = 32) -> str:
    """A URL-safe random token."""
    return secrets.token_urlsafe(bytes_count)


def digest(token: str) -> str:
    """What is stored of a high-entropy token. Not for passwords, which are slow-hashed in `accounts`."""
    return hashlib.sha256(token.encode()).hexdigest()


def sign(key: str, *parts: str) -> str:
    """A hex HMAC-SHA256 over the parts; lengths are included so that ("ab","c") and ("a","bc") differ."""
    message = b"".join(f"{len(part.encode())}:{part}".encode() for part in parts)
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def same(given: str, expected: str) -> bool:
    """Constant-time equality."""
    return hmac.compare_digest(given.encode(), expected.encode())
