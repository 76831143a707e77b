"""What a refusal looks like on the wire."""

import json
import logging
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.testclient import TestClient

from app.api import errors
from app.files.store import TooLarge
from app.kernel import errors as tree
from app.kernel.errors import FareboxError
from app.kernel.ids import is_id
from app.kernel.money import Money


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    errors.install(app, top_up_url="https://ai.example.com/balance")
    return app


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app)


def raising(app: FastAPI, error: Exception) -> TestClient:
    @app.get("/fails")
    async def fails() -> None:
        raise error

    return TestClient(app)


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (tree.InvalidInput("x"), 400, "invalid_request_error", "invalid_input"),
        (tree.UnknownParameter("x"), 400, "invalid_request_error", "unknown_parameter"),
        (tree.RuleRefused("x"), 400, "invalid_request_error", "rule_refused"),
        (tree.NotSignedIn("x"), 401, "authentication_error", "not_signed_in"),
        (tree.NotAllowed("x"), 403, "permission_error", "not_allowed"),
        (tree.NotFound("x", code="model_not_found"), 404, "invalid_request_error", "model_not_found"),
        (tree.PriceChanged("x"), 409, "invalid_request_error", "price_changed"),
        (tree.IdempotencyConflict("x"), 409, "invalid_request_error", "idempotency_conflict"),
        (tree.Unpriced("x"), 409, "invalid_request_error", "unpriced"),
        (TooLarge("x"), 413, "invalid_request_error", "file_too_large"),
        (tree.LimitReached("x"), 429, "rate_limit_error", "limit_reached"),
        (tree.ProviderBusy("x"), 503, "provider_error", "provider_busy"),
        (tree.ProviderRefused("x"), 502, "provider_error", "provider_refused"),
        (tree.ProviderUnclear("x"), 502, "provider_error", "provider_unclear"),
        (tree.ProviderError("x", code="still_running"), 502, "provider_error", "still_running"),
        (tree.Broken("x"), 500, "server_error", "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_error_has_its_status(app: FastAPI, error: FareboxError, status: int, kind: str, code: str) -> None:
    answer = raising(app, error).get("/fails")
    assert answer.status_code == status
    assert (answer.json()["error"]["type"], answer.json()["error"]["code"]) == (kind, code)
    assert is_id(answer.headers["x-farebox-request-id"], "req")


def test_a_new_kind_of_error_takes_after_its_parent() -> None:
    class Newborn(tree.UnknownParameter):
        pass

    assert errors.status_of(Newborn("x")) == 400


def test_details_and_the_parameter_stand_beside_the_message(app: FastAPI) -> None:
    error = tree.InvalidInput(
        "Wrong.", param="size", problems=[{"path": "a", "at": Decimal("1.50")}], worth=Money(2_500_000), odd=object
    )
    said = raising(app, error).get("/fails").json()["error"]
    assert (said["message"], said["param"]) == ("Wrong.", "size")
    assert said["problems"] == [{"path": "a", "at": 1.5}]
    assert said["worth"] == 2.5


def test_a_detail_cannot_replace_the_message(app: FastAPI) -> None:
    said = raising(app, tree.InvalidInput("Wrong.", type="nonsense")).get("/fails").json()["error"]
    assert said["type"] == "invalid_request_error"


def test_too_few_credits_is_the_documented_402(app: FastAPI) -> None:
    error = tree.InsufficientCredits("short", required=32_000_000, available=1_250_000)
    answer = raising(app, error).get("/fails")
    assert answer.status_code == 402
    assert json.loads(answer.text) == {
        "error": {
            "message": "Insufficient balance: 32 credits needed, 1.25 available. "
            "Add credits at https://ai.example.com/balance",
            "type": "billing_error",
            "param": None,
            "code": "INSUFFICIENT_BALANCE",
            "required": 32,
            "available": 1.25,
            "top_up_url": "https://ai.example.com/balance",
        }
    }


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (tree.ProviderUnclear("x"), "false"),  # it may have been bought
        (tree.ProviderRefused("x"), "false"),
        (tree.IdempotencyConflict("x"), "false"),
        (tree.ProviderBusy("x"), None),
        (tree.InvalidInput("x"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_clients_are_told_not_to_send_again_what_may_have_been_bought(
    app: FastAPI, error: FareboxError, header: str | None
) -> None:
    assert raising(app, error).get("/fails").headers.get("x-should-retry") == header


@pytest.mark.parametrize("error", [tree.LimitReached, tree.ProviderBusy])
def test_when_to_come_back_is_a_header(app: FastAPI, error: type[FareboxError]) -> None:
    answer = raising(app, error("slow down", retry_after_seconds=7)).get("/fails")
    assert answer.headers["retry-after"] == "7"
    assert answer.json()["error"]["retry_after_seconds"] == 7


def test_what_a_provider_says_about_the_operators_account_stays_here(app: FastAPI) -> None:
    error = tree.ProviderRefused("acme: your balance is $0.12, key ak-123", status=402, cost="0.5")
    answer = raising(app, error).get("/fails")
    assert "acme" not in answer.text
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "error", [RuntimeError("secret inside"), tree.Broken("secret inside"), ValueError("secret inside")]
)
def test_our_own_fault_is_logged_and_not_told(app: FastAPI, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = raising(app, error).get("/fails")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    request_id = answer.headers["x-farebox-request-id"]
    assert answer.json()["error"]["request_id"] == request_id
    [logged] = [record for record in caplog.records if record.name == errors.__name__]
    assert request_id in logged.getMessage()
    assert logged.exc_info is not None


def test_half_an_answer_is_not_made_to_look_whole(app: FastAPI) -> None:
    async def pieces() -> Any:
        yield b"half"
        raise RuntimeError("gone")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(pieces())

    with pytest.raises(RuntimeError, match="gone"):
        TestClient(app).get("/stream")


def test_an_unknown_route_is_json(client: TestClient) -> None:
    answer = client.get("/v1/nothing")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "route_not_found"
    assert answer.headers["x-farebox-request-id"]


def test_a_wrong_method_says_which_are_right(app: FastAPI) -> None:
    answer = raising(app, tree.Broken("x")).post("/fails")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_a_parameter_of_the_wrong_type_is_named(app: FastAPI) -> None:
    @app.get("/list")
    async def listing(limit: int) -> int:
        return limit

    answer = TestClient(app).get("/list?limit=many")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "limit"
    assert answer.json()["error"]["problems"][0]["path"] == "limit"


def test_every_request_has_an_id_of_its_own(client: TestClient) -> None:
    ids = {client.get("/openapi.json").headers["x-farebox-request-id"] for _ in range(3)}
    assert len(ids) == 3
