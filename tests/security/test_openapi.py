"""Requests made up from the API's own description, sensible and not: none of them is our fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.security.conftest import World, powerful_key
from tests.security.routes import ELSEWHERE
from tests.support.late import Late

schemathesis = Late("schemathesis")

if TYPE_CHECKING:
    from schemathesis import Case

#: A model each door sells; what is made up knows none.
MODELS = {
    "/v1/chat/completions": "gpt-4o-mini",
    "/v1/messages": "gpt-4o-mini",
    "/v1/messages/count_tokens": "gpt-4o-mini",
    "/v1/embeddings": "text-embedding-3-small",
    "/v1/generations": "flux-schnell",
    "/v1/images/generations": "flux-schnell",
    "/v1/videos": "veo3-fast",
}


def _aim(case: Case, endpoint_id: str) -> None:
    """Past the first check: a model there is, an endpoint of one's own."""
    if isinstance(case.body, dict) and case.path in MODELS:
        case.body["model"] = MODELS[case.path]
    if "endpoint_id" in (case.path_parameters or {}):
        case.path_parameters["endpoint_id"] = endpoint_id


@pytest.mark.parametrize("examples", [2, pytest.param(60, marks=pytest.mark.long)])
def test_nothing_the_description_allows_or_forbids_makes_us_fail(world: World, examples: int) -> None:
    """With a key that may do everything and has no credits: what is made up buys nothing and waits for nothing."""
    poor = world.home.newcomer()
    key = powerful_key(poor)
    endpoint, _ = world.home.services.webhooks.endpoints.create(poor.workspace_id, "https://hooks.example.com/poor")
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", world.api)
    schema.config.generation.update(modes=list(schemathesis.GenerationMode))
    faults: list[Exception] = []
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.startswith(ELSEWHERE):
            continue

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def attack(case: Case) -> None:
            nonlocal tried
            tried += 1
            if tried % 2:
                _aim(case, endpoint.id)
            answer = case.call(headers={"Authorization": f"Bearer {key}"}, timeout=60)  # a busy machine is slow
            assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.status_code} {answer.text[:300]}"

        try:
            attack()
        except Exception as fault:
            faults.append(fault)
    if faults:
        raise ExceptionGroup("the API failed", faults)
    assert tried > 20
