"""Every error of ours has a code that the clients know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from app.api.billing.errors import code_of
from app.kernel import errors
from app.kernel.errors import FareboxError
from tests.support.late import Late

sdk_models = Late("flexprice.models")


def every(kind: type[FareboxError] = FareboxError) -> Iterator[type[FareboxError]]:
    yield kind
    for heir in kind.__subclasses__():
        yield from every(heir)


def test_every_error_has_a_code_the_sdk_knows() -> None:
    known = {code for part in get_args(sdk_models.ErrorCode) for code in get_args(part)}
    answers = {kind.__name__: code_of(kind("no")) for kind in every()}
    assert {code for code, _ in answers.values()} <= known
    assert all(400 <= status < 600 for _, status in answers.values())


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (errors.InvalidInput, ("validation_error", 400)),
        (errors.RuleRefused, ("validation_error", 400)),
        (errors.NotSignedIn, ("permission_denied", 401)),
        (errors.NotAllowed, ("permission_denied", 403)),
        (errors.NotFound, ("not_found", 404)),
        (errors.Conflict, ("already_exists", 409)),
        (errors.IdempotencyConflict, ("version_conflict", 409)),
        (errors.Rejected, ("invalid_operation", 400)),
        (errors.LimitReached, ("too_many_requests", 429)),
        (errors.ProviderBusy, ("service_unavailable", 503)),
        (errors.ProviderUnclear, ("http_client_error", 502)),
        (errors.Broken, ("internal_error", 500)),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else each[0],
)
def test_codes(kind: type[FareboxError], answer: tuple[str, int]) -> None:
    assert code_of(kind("no")) == answer


@pytest.mark.parametrize(("code", "status"), [("invalid_operation", 400), ("version_conflict", 409)])
def test_a_refusal_may_choose_its_code(code: str, status: int) -> None:
    assert code_of(errors.Conflict("no", code=code)) == (code, status)
