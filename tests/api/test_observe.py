"""Alive, ready, counted, traced: what an operator's tools ask, and who may ask."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api import observe
from app.api.assemble import build_api
from app.kernel import tracing
from tests.support.house import House, house, settings_for


@pytest.fixture(scope="module")
def home(seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("observed")
    path = folder / "observed.sqlite"
    path.write_bytes(seeded_sqlite.read_bytes())
    with house(settings_for(folder / "home", f"sqlite:///{path}", sandbox_url)) as built:
        yield built


def client(home: House, host: str = "127.0.0.1") -> TestClient:
    return TestClient(build_api(home.services), client=(host, 50_000))


def test_it_is_alive(home: House) -> None:
    assert client(home).get("/healthz").json() == {"status": "ok"}


def test_without_a_worker_it_is_not_ready_and_says_why(home: House) -> None:
    said = client(home).get("/readyz")
    assert (said.status_code, said.json()["status"]) == (503, "unready")
    assert said.json()["reasons"] == ["worker: no process carries work: start a worker"]


def test_it_is_ready_when_everything_it_needs_is_there(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "_worker", lambda _: "")
    assert client(home).get("/readyz").json() == {"status": "ready"}


def test_what_is_broken_is_named_without_details(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> None:
        raise OSError("password=hunter2 at 10.0.0.1")

    monkeypatch.setattr(observe, "_database", broken)
    said = client(home).get("/readyz").text
    assert "database: OSError" in said
    assert "hunter2" not in said


def test_this_machine_may_read_the_figures_and_they_name_no_customer(home: House) -> None:
    asked = client(home)
    asked.get("/v1/models")
    page = asked.get("/metrics")
    assert page.status_code == 200
    for name in (
        'farebox_http_requests_total{method="GET",route="/v1/models",status="401"}',
        "farebox_ledger_operations_total",
        "farebox_webhook_backlog 0.0",
        "farebox_credits_outstanding 10000.0",
    ):
        assert name in page.text
    assert home.workspace_id not in page.text
    assert "ws_" not in page.text


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("93.184.216.34", {}),
        ("127.0.0.1", {"X-Forwarded-For": "93.184.216.34"}),
        ("127.0.0.1", {"Forwarded": "for=93.184.216.34"}),
        ("93.184.216.34", {"Authorization": "Bearer wrong"}),
    ],
)
def test_nobody_else_may(home: House, host: str, headers: dict[str, str]) -> None:
    assert client(home, host).get("/metrics", headers=headers).status_code == 403


def test_whoever_has_the_token_may(home: House) -> None:
    class Asked:
        client = None
        headers = {"authorization": "Bearer sesame"}

    assert observe.may_look(Asked(), "sesame")  # type: ignore[arg-type]
    assert not observe.may_look(Asked(), "")  # type: ignore[arg-type]


def test_a_trace_has_ids_and_no_payload(home: House) -> None:
    export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    kept = export.InMemorySpanExporter()
    tracing.configure("http://127.0.0.1:9", exporter=kept)
    try:
        with tracing.span("request", method="POST"), tracing.span("hold", generation_id="gen_1", nothing=None):
            pass
        with pytest.raises(ValueError), tracing.span("call", provider_id="fal"):
            raise ValueError("a prompt that nobody should read")
    finally:
        tracing.stop()
    spans = {span.name: dict(span.attributes) for span in kept.get_finished_spans()}
    assert spans["hold"] == {"farebox.generation_id": "gen_1"}
    assert spans["call"] == {"farebox.provider_id": "fal", "error.type": "ValueError"}
    assert "prompt" not in str([(span.events, span.status.description) for span in kept.get_finished_spans()])


def test_without_the_setting_a_span_is_nothing_at_all() -> None:
    assert tracing.span("hold") is tracing.span("settle")
