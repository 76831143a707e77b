"""The demo's Stripe: the sandbox's, with secrets that are made once for each installation.

The application is given them by its environment and the sandbox by a file, so that buying credits works at once and a
webhook that anybody else signs does not.
"""

import json
import secrets
from pathlib import Path

#: Settings of a real account that may be lying about in the shell: the demo must never reach for it.
NAMES = ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_WEBHOOK_SECRET_PREVIOUS", "STRIPE_API_BASE")
HOOK = "/hooks/payments/stripe"


def shared(home: Path) -> Path:
    """The file with what the application and the sandbox agree on."""
    return home / "stripe.json"


def agree(home: Path, app: str) -> dict[str, str]:
    """What is in that file, made at first; the secrets stay, the webhooks follow the application to its address."""
    file = shared(home)
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    agreed = {
        "secret_key": known.get("secret_key") or f"sk_test_{secrets.token_hex(24)}",
        "webhook_secret": known.get("webhook_secret") or f"whsec_{secrets.token_hex(24)}",
        "webhook_url": f"{app}{HOOK}",
    }
    if agreed != known:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps(agreed, indent=2) + "\n", encoding="utf-8")
    return agreed


def environment(home: Path, app: str, sandbox: str) -> dict[str, str]:
    """What the application is told, after the sandbox's file was made or brought to the application's address.

    `app` and `sandbox` are addresses without a trailing slash.
    """
    agreed = agree(home, app)
    return {
        "STRIPE_SECRET_KEY": agreed["secret_key"],
        "STRIPE_WEBHOOK_SECRET": agreed["webhook_secret"],
        "STRIPE_API_BASE": f"{sandbox}/stripe",
    }
