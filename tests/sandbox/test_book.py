"""The book: what was accepted, what it costs, and whose attempt it was."""

from tests.sandbox.callers import book, fal_run, fal_submit, kie_submit, replicate_submit

ATTEMPT = "att_01KAJ8M4ZD0000000000000000"
OTHER = "att_01KAJ8M4ZD0000000000000001"


def hook(attempt):
    return f"http://127.0.0.1:9/hooks/providers/fal/{attempt}/signature"


def test_an_entry_says_everything_about_a_job(http):
    fal_run(http, "fal-ai/flux/schnell", prompt="a harbour", image_size="square")

    shown = book(http)

    (entry,) = shown["jobs"]
    assert entry["provider"] == "fal"
    assert entry["model"] == "fal-ai/flux/schnell"
    assert entry["input"] == {"prompt": "a harbour", "image_size": "square"}
    assert (entry["status"], entry["unit"], entry["quantity"]) == ("succeeded", "megapixels", "1")
    assert (entry["price_micros"], entry["billed"], entry["cost_micros"]) == (3000, True, 3000)
    assert entry["accepted_at"] < entry["finished_at"]
    assert (shown["accepted"], shown["billed"], shown["total_cost_micros"]) == (1, 1, 3000)


def test_a_job_is_found_by_the_attempt_in_its_callback_address(http):
    fal_submit(http, "fal-ai/flux/schnell", hook(ATTEMPT), prompt="one [[fault:webhook-none]]")
    fal_submit(http, "fal-ai/flux/schnell", hook(OTHER), prompt="two [[fault:webhook-none]]")

    assert [job["input"]["prompt"][:3] for job in book(http, attempt=ATTEMPT)["jobs"]] == ["one"]
    assert [job["attempt"] for job in book(http)["jobs"]] == [ATTEMPT, OTHER]


def test_the_book_is_filtered_by_provider_and_time(http):
    fal_submit(http, "fal-ai/flux/schnell", prompt="one")
    replicate_submit(http, "black-forest-labs/flux-schnell", prompt="two")
    kie_submit(http, "google/nano-banana", prompt="three")
    second = book(http)["jobs"][1]["accepted_at"]

    assert [job["provider"] for job in book(http, provider="replicate")["jobs"]] == ["replicate"]
    assert [job["provider"] for job in book(http, since=second)["jobs"]] == ["replicate", "kie"]
    assert http.get("/book", params={"since": "yesterday"}).status_code == 400


def test_reset_empties_the_book_and_the_faults(http):
    fal_submit(http, "fal-ai/flux/schnell", prompt="one [[fault:slow=9]]")
    http.post("/faults", json={"fault": "500"})
    http.post("/book/reset")

    assert book(http) == {"jobs": [], "accepted": 0, "billed": 0, "total_cost_micros": 0}
    assert http.get("/faults").json()["pending"] == []


def test_a_data_url_is_shown_shortened(http):
    address = "data:image/png;base64," + "A" * 5000
    fal_submit(http, "fal-ai/nano-banana/edit", prompt="x", image_urls=[address])

    (shown,) = book(http)["jobs"][0]["input"]["image_urls"]

    assert len(shown) < 120
    assert shown.endswith("(5022 characters)")
