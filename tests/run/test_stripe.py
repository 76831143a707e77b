"""The demo's Stripe needs no steps: its secrets are made once, and a real account's never reach it."""

import json
import stat

from app.run import launch, stripe

APP, SANDBOX = "http://127.0.0.1:3000", "http://127.0.0.1:3900"


def test_secrets_are_made_once_and_kept(tmp_path):
    first = stripe.environment(tmp_path, APP, SANDBOX)

    assert first["STRIPE_SECRET_KEY"].startswith("sk_test_")
    assert first["STRIPE_WEBHOOK_SECRET"].startswith("whsec_")
    assert first == stripe.environment(tmp_path, APP, SANDBOX)
    assert stat.S_IMODE(stripe.shared(tmp_path).stat().st_mode) == 0o600


def test_two_installations_share_nothing(tmp_path):
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
    one, two = (stripe.environment(home, APP, SANDBOX) for home in homes)

    assert one["STRIPE_SECRET_KEY"] != two["STRIPE_SECRET_KEY"]
    assert one["STRIPE_WEBHOOK_SECRET"] != two["STRIPE_WEBHOOK_SECRET"]


def test_a_changed_port_moves_the_webhook_and_keeps_the_secrets(tmp_path):
    before = stripe.environment(tmp_path, APP, SANDBOX)
    after = stripe.environment(tmp_path, "http://127.0.0.1:4000", "http://127.0.0.1:4900")

    assert (
        json.loads(stripe.shared(tmp_path).read_text())["webhook_url"] == "http://127.0.0.1:4000/hooks/payments/stripe"
    )
    assert after["STRIPE_API_BASE"] == "http://127.0.0.1:4900/stripe"
    assert after["STRIPE_WEBHOOK_SECRET"] == before["STRIPE_WEBHOOK_SECRET"]


def test_a_real_account_in_the_shell_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_" + "x")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET_PREVIOUS", "whsec_" + "old")

    env = launch._environment(tmp_path, 3000)

    assert env["STRIPE_SECRET_KEY"].startswith("sk_test_")
    assert "STRIPE_WEBHOOK_SECRET_PREVIOUS" not in env
