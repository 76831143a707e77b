"""The request bodies that integrators copy from the documentation, posted as they are."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

VECTORS = Path(__file__).parents[1] / "vectors" / "billing_requests.json"
BODIES = json.loads(VECTORS.read_text(encoding="utf-8"))
CATALOG = [each for each in BODIES if each["path"].startswith("/prices")]


@pytest.fixture(scope="module")
def plan_id(http: httpx.Client) -> str:
    made = [http.post(each["path"], json=each["body"]) for each in BODIES if each["path"] in ("/customers", "/plans")]
    assert [(answer.status_code, answer.json()["status"]) for answer in made] == [(201, "published")] * 2
    assert made[0].json()["address_country"] == "DE"
    assert made[1].json()["display_order"] == 10
    return str(made[1].json()["id"])


@pytest.mark.parametrize("each", CATALOG, ids=[each["title"] for each in CATALOG])
def test_it_is_accepted_and_kept_word_for_word(http: httpx.Client, plan_id: str, each: dict[str, Any]) -> None:
    body = json.loads(json.dumps(each["body"]).replace("<plan_id>", plan_id))
    answer = http.post(each["path"], json=body)
    assert answer.status_code == 201, answer.text
    kept = answer.json()
    for wanted, found in zip(body.get("items", [body]), kept.get("items", [kept]), strict=True):
        assert {name: found[name] for name in wanted} == wanted
