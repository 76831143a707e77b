"""Which Stripe an installation talks to: the demo its sandbox, production Stripe itself and nothing that pretends."""

import json
from pathlib import Path

import pytest

from app.kernel.errors import Broken
from app.run import stripe
from app.settings import STRIPE_API, load

LIVE = {"STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_WEBHOOK_SECRET": "whsec_1"}


def production(home: Path, **more: str) -> dict[str, str]:
    return {
        "FAREBOX_HOME": str(home),
        "FAREBOX_SECRET_KEY": "x",
        "FAREBOX_PUBLIC_URL": "https://shop.example",
        **more,
    }


def test_production_talks_to_stripe(tmp_path: Path) -> None:
    settings = load(production(tmp_path, **LIVE, STRIPE_WEBHOOK_SECRET_PREVIOUS="whsec_0"))
    assert (settings.stripe_secret_key, settings.stripe_api_base) == ("sk_live_x", STRIPE_API)
    assert settings.stripe_webhook_secrets == ("whsec_1", "whsec_0")
    assert "sk_live_x" not in repr(settings)
    assert "whsec_1" not in repr(settings)


def test_without_a_key_there_are_no_cards(tmp_path: Path) -> None:
    assert load(production(tmp_path)).stripe_secret_key == ""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({**LIVE, "STRIPE_API_BASE": "http://127.0.0.1:3900/stripe"}, "not Stripe"),
        ({**LIVE, "STRIPE_API_BASE": "https://api.stripe.com.evil.example"}, "not Stripe"),
        ({**LIVE, "STRIPE_SECRET_KEY": "pk_live_x"}, "does not look like one"),
        ({**LIVE, "STRIPE_SECRET_KEY": "sk_test_x"}, "test key"),
        ({**LIVE, "STRIPE_SECRET_KEY": "rk_test_x"}, "test key"),
    ],
    ids=["another address", "an address that looks alike", "the public key", "a test key", "a restricted test key"],
)
def test_what_production_refuses(tmp_path: Path, given: dict[str, str], says: str) -> None:
    with pytest.raises(Broken, match=says):
        load(production(tmp_path, **given))


def test_a_test_key_is_allowed_on_purpose(tmp_path: Path) -> None:
    given = {**LIVE, "STRIPE_SECRET_KEY": "sk_test_x", "STRIPE_TEST_MODE": "1"}
    assert load(production(tmp_path, **given)).stripe_secret_key == "sk_test_x"


def test_the_demo_talks_to_its_sandbox_with_keys_of_its_own(tmp_path: Path) -> None:
    stripe.agree(tmp_path, "http://127.0.0.1:3000")
    kept = json.loads(stripe.shared(tmp_path).read_text())
    stripe.agree(tmp_path, "http://127.0.0.1:3001")  # another port: the keys stay
    moved = json.loads((tmp_path / "stripe.json").read_text())
    assert {**kept, "webhook_url": ""} == {**moved, "webhook_url": ""}
    assert moved["webhook_url"] == "http://127.0.0.1:3001/hooks/payments/stripe"
    demo = {"FAREBOX_DEMO": "1", "FAREBOX_HOME": str(tmp_path), "FAREBOX_SECRET_KEY": "x"}
    settings = load({**demo, "FAREBOX_SANDBOX_URL": "http://127.0.0.1:3900"})
    assert settings.stripe_api_base == "http://127.0.0.1:3900/stripe"
    assert settings.stripe_secret_key == kept["secret_key"]
    assert oct((tmp_path / "stripe.json").stat().st_mode)[-3:] == "600"
    assert load(demo).stripe_secret_key == ""  # no sandbox, no cards


def test_the_demo_refuses_real_money(tmp_path: Path) -> None:
    demo = {"FAREBOX_DEMO": "1", "FAREBOX_HOME": str(tmp_path), "FAREBOX_SECRET_KEY": "x"}
    with pytest.raises(Broken, match="real money"):
        load({**demo, **LIVE})
