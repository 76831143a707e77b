"""Generations in words: jobs, results, history."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from app.catalogue.param_schema import parse_schema
from app.catalogue.seed_files import seed_models
from app.generation.views import Seen
from app.kernel.money import Money
from app.ui.pages.playground import seen as shown

SCHEMAS = {model.alias: parse_schema(model.param_schema) for model in seed_models()}
NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
CREDIT = 1_000_000


def a_file(number: int = 1, **given: Any) -> dict[str, Any]:
    picture = {"kind": "image", "mime": "image/png", "width": 1024, "height": 768, "duration_micros": None}
    return {"id": f"file_{number}", "size_bytes": 1, "expired_at": None, **picture, **given}


VIDEO = a_file(kind="video", mime="video/mp4", width=1280, height=720, duration_micros=8_000_000)


def a_seen(
    alias: str = "flux-schnell", state: str = "settled", files: int | list[dict] = 1, took: float = 3.4, **row: Any
) -> Seen:
    """A generation with the row's fields replaced by what is given."""
    model = next(model for model in seed_models() if model.alias == alias)
    finished = state in ("settled", "released")
    base: dict[str, Any] = {
        "id": "gen_1",
        "request_id": "req_1",
        "modality": model.modality,
        "state": state,
        "params": {"prompt": "A red tram"},
        "estimate": {"total_micros": 10 * CREDIT},
        "hold_micros": 10 * CREDIT,
        "charged_micros": 10 * CREDIT if state == "settled" else 0,
        "percent": None,
        "queue_position": None,
        "cancel_requested_at": None,
        "error_code": None,
        "error_message": None,
        "created_at": NOW - timedelta(seconds=took),
        "finished_at": NOW if finished else None,
    }
    outputs = [a_file(number + 1) for number in range(files)] if isinstance(files, int) else files
    return Seen({**base, **row}, alias, model.title, "Halfmoon Studio", None, tuple(outputs if finished else ()))  # type: ignore[arg-type]


def job(seen: Seen, usual: Fraction | None = None):
    return shown.job_row(seen, SCHEMAS[seen.alias], NOW, usual)


def result(seen: Seen):
    return shown.result_row(seen, SCHEMAS[seen.alias], NOW)


@pytest.mark.parametrize(
    ("alias", "params", "files", "detail"),
    [
        ("flux-schnell", {"num_images": 1}, 1, "1 image"),
        ("flux-schnell", {"num_images": 2}, 2, "2 images"),
        ("flux-schnell", {"num_images": 4}, 3, "3 of 4"),
        ("nano-banana-pro", {"num_images": 1, "resolution": "2K"}, 1, "1 image, 2K"),
        ("veo3.1", {"duration": "8s", "resolution": "1080p"}, [VIDEO], "8 s, 1080p"),
        (
            "elevenlabs-turbo-2.5",
            {"text": "Hello"},
            [a_file(kind="audio", width=None, height=None, duration_micros=80_500_000)],
            "1:21",
        ),
    ],
)
def test_what_was_made_is_said_in_a_few_words(alias, params, files, detail):
    assert shown.detail_of(a_seen(alias, files=files, params=params), SCHEMAS[alias]) == detail


def test_before_there_are_files_the_request_says_how_many_and_how_long():
    assert shown.detail_of(a_seen(state="running", params={"num_images": 3}), SCHEMAS["flux-schnell"]) == "3 images"
    seen = a_seen("veo3.1", state="running", params={"duration": "6s", "resolution": "4k"})
    assert shown.detail_of(seen, SCHEMAS["veo3.1"]) == "6 s, 4k"


@pytest.mark.parametrize(
    ("params", "title"),
    [
        ({"prompt": "A red\n  tram"}, "A red tram"),
        ({"text": "Hello there"}, "Hello there"),
        ({"prompt": "  "}, "FLUX.1 schnell"),
        ({"prompt": "x" * 500}, "x" * 160),
    ],
    ids=["a prompt on one line", "a text", "nothing", "a long one"],
)
def test_a_generation_is_called_by_its_words(params, title):
    assert shown.title_of(a_seen(params=params)) == title


@pytest.mark.parametrize(
    ("estimate", "held", "charged", "delivered", "asked", "labels"),
    [
        (32, 32, 32, 2, 2, ["Exact"]),
        (10, 16, 10, 1, 1, ["Exact"]),
        (64, 64, 48, 3, 4, ["3 of 4 delivered", "16 returned"]),
        (10, 30, 20, 1, 1, ["10 returned"]),
        (10, 30, 30, 1, 1, ["Within the maximum"]),
    ],
)
def test_the_verdict_compares_the_charge_with_what_was_said(estimate, held, charged, delivered, asked, labels):
    amounts = (Money(figure * CREDIT) for figure in (estimate, held, charged))
    assert [chip["label"] for chip in shown.verdicts(*amounts, delivered, asked)] == labels


def test_a_queued_job_says_its_place_and_a_running_one_its_progress():
    assert job(a_seen(state="queued", queue_position=3))["place"] == "3 ahead of it"
    assert job(a_seen(state="queued", queue_position=0))["place"] == "next in line"
    assert job(a_seen(state="held"))["place"] == "being sent"
    running = job(a_seen(state="running", percent=48, took=4), Fraction(9))
    assert (running["percent"], running["elapsed"], running["about"]) == ("48", "4.00", "9.00")
    assert running["money"] == "10 credits held"
    assert running["can_cancel"]


@pytest.mark.parametrize(
    ("changes", "word", "can_cancel"),
    [
        ({"state": "running", "cancel_requested_at": NOW}, "Canceling", False),
        ({"state": "storing"}, "Storing", False),
        ({"state": "unknown"}, "Unknown", True),
        ({"state": "released", "error_code": "canceled"}, "Canceled", False),
        ({"state": "released", "error_code": "failed"}, "Failed", False),
    ],
)
def test_a_job_says_where_it_stands(changes, word, can_cancel):
    row = job(a_seen(**changes))
    assert (row["word"], row["can_cancel"]) == (word, can_cancel)


def test_an_unknown_job_says_that_its_credits_stay_held():
    assert "Your 10 credits stay held" in job(a_seen(state="unknown"))["note"]


def test_a_failed_job_says_why_without_repeating_the_money():
    seen = a_seen(state="released", error_code="failed", error_message="fal timed out. Nothing was charged.")
    row = job(seen)
    assert (row["note"], row["money"]) == ("fal timed out.", "0 charged, 10 back")
    assert result(seen)["cause"] == "fal timed out."
    assert result(seen)["media"] == "none"


def test_a_result_names_its_files_by_our_own_addresses():
    row = result(a_seen(files=2))
    assert row["outputs"][1]["url"] == "/files/file_2"
    assert row["outputs"][1]["thumb"] == "/files/file_2?thumb=1"
    assert row["outputs"][1]["download"] == "/files/file_2?download=1"
    assert (row["took"], row["at"], row["download_label"]) == ("3.4 s", "14:01", "Download 2")


def test_a_sound_has_no_thumbnail():
    assert shown.output_row(a_file(kind="audio"))["thumb"] == ""


@pytest.mark.parametrize(
    ("days", "label"), [(0, "Today"), (1, "Yesterday"), (2, "19 Nov"), (400, "17 Oct 2025")], ids=str
)
def test_a_day_has_its_name(days, label):
    assert shown.day_label(NOW - timedelta(days=days), NOW) == label


def test_history_names_each_day_once_and_today_not_at_all():
    days = [0, 0, 1, 1, 5]
    page = [(a_seen(created_at=NOW - timedelta(days=day)), SCHEMAS["flux-schnell"]) for day in days]
    assert [row["day"] for row in shown.history_rows(page, NOW)] == ["", "", "Yesterday", "", "16 Nov"]


@pytest.mark.parametrize(
    ("changes", "figure"),
    [
        ({}, "10"),
        (
            {"estimate": {"total_micros": 40 * CREDIT}, "hold_micros": 40 * CREDIT, "charged_micros": 30 * CREDIT},
            "30 of 40",
        ),
        ({"state": "released", "error_code": "failed"}, "0 · 10 back"),
        ({"state": "running"}, "10 held"),
    ],
    ids=["charged", "less than said", "failed", "under way"],
)
def test_history_says_what_it_cost(changes, figure):
    assert shown.charge_line(a_seen(**changes)) == figure


def test_a_result_whose_files_are_gone_says_so_and_keeps_its_price():
    seen = a_seen(files=[a_file(expired_at=NOW), a_file(2, expired_at=NOW)], params={"num_images": 2})
    row = shown.result_row(seen, SCHEMAS["flux-schnell"], NOW)
    assert (row["media"], row["outputs"]) == ("gone", [])
    assert shown.history_rows([(seen, SCHEMAS["flux-schnell"])], NOW)[0]["thumb"] == ""
