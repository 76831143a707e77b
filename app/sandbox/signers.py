"""The three ways callbacks are signed, with keys that live beside the book."""

import base64
import hashlib
import hmac
import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

#: kie keys are typed in by hand on both sides, so the sandbox keeps to one that can be documented.
KIE_HMAC_KEY = "sandbox-kie-hmac-key"


class Keys:
    """Made on the first start and kept in `keys.json`, so that a restart does not invalidate what clients cached."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            fresh = {
                "ed25519": secrets.token_bytes(32).hex(),
                "whsec": base64.b64encode(secrets.token_bytes(24)).decode(),
                "fal_user_id": f"github|{secrets.randbelow(10**8)}",
            }
            path.write_text(json.dumps(fresh))
            path.chmod(0o600)
        kept = json.loads(path.read_text())
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(kept["ed25519"]))
        self._whsec = str(kept["whsec"])
        self.fal_user_id = str(kept["fal_user_id"])

    @property
    def replicate_secret(self) -> str:
        return f"whsec_{self._whsec}"

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        raw = self._ed25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "kid": "sandbox",
                    "x": base64.urlsafe_b64encode(raw).decode().rstrip("="),
                }
            ]
        }

    def fal(self, request_id: str, timestamp: str, body: bytes) -> str:
        text = "\n".join([request_id, self.fal_user_id, timestamp, hashlib.sha256(body).hexdigest()])
        return self._ed25519.sign(text.encode()).hex()

    def replicate(self, message_id: str, timestamp: str, body: bytes) -> str:
        content = f"{message_id}.{timestamp}.".encode() + body
        return "v1," + _hmac(base64.b64decode(self._whsec), content)

    def kie(self, task_id: str, timestamp: str) -> str:
        """Covers the task and the time, not the body: that weakness is the real provider's."""
        return _hmac(KIE_HMAC_KEY.encode(), f"{task_id}.{timestamp}".encode())


def _hmac(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
