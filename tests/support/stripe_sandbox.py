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


def http_client() -> stripe.HTTPXClient:
    """The library's own, except that no proxy of the environment comes between us and the loopback."""
    http = stripe.HTTPXClient(timeout=20)
    http._client = httpx.Client(trust_env=False, verify=False)
    http._client_async = httpx.AsyncClient(trust_env=False, verify=False)
    return http


@dataclass(frozen=True)
class SandboxStripe:
    """`url` is what `base_addresses={"api": …}` wants, `http` a plain client for the rest."""

    url: str
    http: httpx.Client
    secret_key: str = SECRET_KEY
    webhook_secret: str = WEBHOOK_SECRET

    def client(self, http: stripe.HTTPXClient | None = None, **more: Any) -> stripe.StripeClient:
        """The real library, pointed here, for blocking calls and awaited ones."""
        http = http or http_client()
        return stripe.StripeClient(self.secret_key, base_addresses={"api": self.url}, http_client=http, **more)

    @contextmanager
    def talking(self, **more: Any) -> Iterator[stripe.StripeClient]:
        """A client for blocking calls whose connections end with the block."""
        http = http_client()
        try:
            yield self.client(http, **more)
        finally:
            http.close()

    def ctl(self, page: str, /, **given: Any) -> Any:
        """`POST /_ctl/PAGE`, such as `ctl("fail", fault="500", match="/v1/refunds")`."""
        answer = self.http.post(f"{self.url}/_ctl/{page}", json=given)
        assert answer.is_success, answer.text
        return answer.json()

    def look(self, page: str = "", /, **query: str) -> Any:
        """`GET /_ctl/PAGE`: `deliveries`, `requests`, `book`."""
        answer = self.http.get(f"{self.url}/_ctl/{page}".rstrip("/"), params=query)
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
    plain = httpx.Client(timeout=20, trust_env=False, verify=False)
    with running_sandbox(data / "sandbox", speed=speed, stripe=shared) as base, plain as http:
        yield SandboxStripe(f"{base}/stripe", http)
