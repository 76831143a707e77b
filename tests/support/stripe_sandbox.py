"""A Stripe of one's own for any test: the sandbox's, spoken to by Stripe's own library and by its control page."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import stripe

from tests.support.sandbox import running_sandbox

SECRET_KEY = "sk_test_" + "51SandboxFarebox"
WEBHOOK_SECRET = "whsec_" + "sandbox0123456789"

stripe.enable_telemetry = False  # else the library writes into the home folder


@dataclass(frozen=True)
class SandboxStripe:
    """`url` is what `base_addresses={"api": …}` wants."""

    url: str
    secret_key: str = SECRET_KEY
    webhook_secret: str = WEBHOOK_SECRET

    def client(self, **more: Any) -> stripe.StripeClient:
        """The real library, pointed here; made for one test and one event loop."""
        http = stripe.HTTPXClient(timeout=20, allow_sync_methods=True)
        return stripe.StripeClient(self.secret_key, base_addresses={"api": self.url}, http_client=http, **more)

    def ctl(self, path: str, **given: Any) -> Any:
        """`POST /_ctl/PATH`, such as `ctl("fail", fault="500", match="/v1/refunds")`."""
        answer = httpx.post(f"{self.url}/_ctl/{path}", json=given, timeout=20, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    def look(self, path: str = "", **query: str) -> Any:
        """`GET /_ctl/PATH`: `deliveries`, `requests`, `book`."""
        answer = httpx.get(f"{self.url}/_ctl/{path}".rstrip("/"), params=query, timeout=20, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    def pay(self, session_id: str, **how: Any) -> Any:
        """Pay a session as its buyer: `card=` number or token, `iban=`, `saved=`, `authenticate=` true or false."""
        return self.ctl(f"checkout/{session_id}/pay", **how)


@contextmanager
def running_stripe(data: Path, webhook_url: str | None = None, speed: float = 50) -> Iterator[SandboxStripe]:
    """A running sandbox whose Stripe knows our key and sends its events to `webhook_url`, signed with our secret."""
    data.mkdir(parents=True, exist_ok=True)
    shared = data / "stripe.json"
    given = {"secret_key": SECRET_KEY, "webhook_url": webhook_url, "webhook_secret": WEBHOOK_SECRET}
    shared.write_text(json.dumps(given))
    with running_sandbox(data / "sandbox", speed=speed, stripe=shared) as base:
        yield SandboxStripe(f"{base}/stripe")
