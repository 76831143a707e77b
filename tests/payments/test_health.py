"""What an operator is told about the Stripe account before the first sale."""

import asyncio
from pathlib import Path

from app.payments.health import NEEDED, look
from app.payments.stripe_client import API_VERSION
from app.payments.stripe_keys import StripeKeys
from app.payments.stripe_listing import TYPES
from app.run.paths import ROOT
from tests.support.stripe_sandbox import SECRET_KEY, WEBHOOK_SECRET, SandboxStripe, running_stripe

HOOK = "https://shop.example/hooks/payments/stripe"


def said(stripe_: SandboxStripe, key: str = SECRET_KEY, secrets: tuple[str, ...] = (WEBHOOK_SECRET,)) -> list[str]:
    found = asyncio.run(look(StripeKeys(key, secrets, stripe_.url), "https://shop.example"))
    return [f"{'✓' if verdict.well else '✗'} {verdict.what}" for verdict in found]


def test_what_is_told_about_the_account(tmp_path: Path) -> None:
    with running_stripe(tmp_path) as stripe_, stripe_.talking() as client:
        assert said(stripe_)[1:] == [f"✗ Stripe has no enabled webhook endpoint for {HOOK}."]
        endpoint = client.v1.webhook_endpoints.create(
            {"url": HOOK, "enabled_events": list(NEEDED[1:]), "api_version": API_VERSION}
        )
        assert said(stripe_)[1:] == [f"✗ The webhook endpoint does not send {NEEDED[0]}."]
        client.v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["*"]})
        assert said(stripe_) == ["✓ Stripe answers, in test mode.", f"✓ Stripe sends its events to {HOOK}."]
        assert "✗ STRIPE_WEBHOOK_SECRET is unset: cards are not offered." in said(stripe_, secrets=())
        stripe_.ctl(f"objects/{endpoint.id}", api_version=None)
        assert said(stripe_)[1:] == [f"✗ The webhook endpoint speaks API version of the account, not {API_VERSION}."]
        [refused] = said(stripe_, key="sk_test_wrong")
        assert refused.startswith("✗ Stripe cannot be asked")
        assert "sk_test_wrong" not in refused


def test_the_manual_names_every_event_that_is_needed() -> None:
    manual = set((ROOT / "docs" / "going-live.md").read_text(encoding="utf-8").split())
    assert set(NEEDED) <= manual
    assert set(TYPES) - set(NEEDED) == {"payment_intent.processing"}  # told by the page already
    assert len(TYPES) <= 20
