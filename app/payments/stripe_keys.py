"""What this installation needs to know to take cards through Stripe. Values only; the settings fill them."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

STRIPE_HOST = "https://api.stripe.com"
LIVE_PREFIXES = ("sk_live_", "rk_live_")


@dataclass(frozen=True, slots=True)
class StripeKeys:
    """`webhook_secrets`: the present one and, during a change, the one before. `base` is where the API is."""

    secret_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    base: str = STRIPE_HOST

    @property
    def livemode(self) -> bool:
        """Whether these keys move real money."""
        return self.secret_key.startswith(LIVE_PREFIXES)

    @property
    def is_loopback(self) -> bool:
        return (urlsplit(self.base).hostname or "") in {"127.0.0.1", "localhost", "::1"}
