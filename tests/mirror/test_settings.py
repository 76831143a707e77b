"""Whether there is a mirror, and what stops the start of one that could not work."""

import sys
from pathlib import Path

import pytest

from app.kernel.errors import Broken
from app.settings import load

MIRROR = {"FLEXPRICE_URL": "https://us.api.flexprice.io/v1/", "FLEXPRICE_API_KEY": "sk_1"}


def production(home: Path, **more: str) -> dict[str, str]:
    needed = {"FAREBOX_SECRET_KEY": "x", "FAREBOX_PUBLIC_URL": "https://shop.example"}
    return {"FAREBOX_HOME": str(home), **needed, **more}


def test_without_an_address_nothing_is_mirrored(tmp_path):
    assert load(production(tmp_path)).mirror_url is None


def test_a_mirror_keeps_its_secrets_to_itself(tmp_path):
    secrets = {"FLEXPRICE_WEBHOOK_SECRET": "whsec_b25l", "FLEXPRICE_WEBHOOK_SECRET_PREVIOUS": "whsec_emVybw=="}
    settings = load(production(tmp_path, **MIRROR, **secrets))
    assert (settings.mirror_url, settings.mirror_key) == ("https://us.api.flexprice.io/v1", "sk_1")
    assert settings.mirror_secrets == ("whsec_b25l", "whsec_emVybw==")
    assert "sk_1" not in repr(settings)
    assert "whsec_" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"FLEXPRICE_URL": MIRROR["FLEXPRICE_URL"]}, "FLEXPRICE_API_KEY is missing", id="no key"),
        pytest.param({"FLEXPRICE_API_KEY": "sk_1"}, "FLEXPRICE_URL is missing", id="a key without an address"),
        pytest.param(
            {**MIRROR, "FLEXPRICE_URL": "http://flexprice.example/v1"}, "begins with https", id="in the clear"
        ),
        pytest.param(
            {**MIRROR, "FLEXPRICE_WEBHOOK_SECRET": "secret"}, "does not look like one", id="not such a secret"
        ),
    ],
)
def test_what_stops_the_start(tmp_path, given, says):
    with pytest.raises(Broken, match=says):
        load(production(tmp_path, **given))


def test_a_mirror_without_its_package_stops_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr("app.settings.find_spec", lambda name: None)
    with pytest.raises(Broken, match="requirements-flexprice"):
        load(production(tmp_path, **MIRROR))


def test_a_mirror_on_this_machine_may_be_without_tls(tmp_path):
    given = {**MIRROR, "FLEXPRICE_URL": "http://127.0.0.1:3000/billing/v1"}
    assert load(production(tmp_path, **given)).mirror_url == "http://127.0.0.1:3000/billing/v1"


def test_nobody_without_a_mirror_loads_the_sdk():
    import subprocess

    code = "import sys, app.services; sys.exit('flexprice' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
