"""The sandbox as a process: loopback only, and nothing bought is forgotten when it dies."""

import sys

import httpx
import pytest

from app.sandbox.__main__ import main
from tests.sandbox.callers import book, fal_result, fal_submit, until
from tests.support.listener import listening
from tests.support.sandbox import free_port, running_sandbox


def connect(base):
    return httpx.Client(base_url=base, timeout=30, trust_env=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.10", "sandbox.example.com"])
def test_it_serves_loopback_only(tmp_path, monkeypatch, host):
    monkeypatch.setattr(sys, "argv", ["sandbox", "--host", host, "--port", str(free_port()), "--data", str(tmp_path)])

    with pytest.raises(SystemExit, match="loopback"):
        main()


def test_a_killed_sandbox_keeps_its_book_and_finishes_its_jobs(tmp_path):
    port = free_port()
    with listening() as heard:
        with running_sandbox(tmp_path, speed=50, port=port) as base, connect(base) as http:
            handle = fal_submit(
                http, "fal-ai/flux/schnell", heard.url, prompt="[[fault:slow=1.5]] x", image_size="square"
            )
            until(lambda: book(http)["jobs"][0]["status"] == "running")
        with running_sandbox(tmp_path, speed=50, port=port) as base, connect(base) as http:
            assert book(http)["accepted"] == 1
            assert fal_result(http, handle).json()["images"]
            assert heard.next().json()["request_id"] == handle["request_id"]


def test_a_callback_that_was_not_taken_is_repeated_after_a_restart(tmp_path):
    port = free_port()
    with listening() as heard:
        heard.status = 503
        with running_sandbox(tmp_path, speed=1000, port=port) as base, connect(base) as http:
            fal_submit(http, "fal-ai/flux/schnell", heard.url, prompt="x", image_size="square")
            heard.next()
        heard.all(0.2)
        heard.status = 200
        with running_sandbox(tmp_path, speed=1000, port=port) as base, connect(base) as http:
            heard.next()
            until(lambda: book(http)["jobs"][0]["called_back"])


def test_the_keys_stay_the_same_over_a_restart(tmp_path):
    seen = []
    for _ in range(2):
        with running_sandbox(tmp_path) as base, connect(base) as http:
            seen.append(http.get("/secrets").json())

    assert seen[0] == seen[1]


def test_it_answers_while_it_renders(tmp_path):
    with running_sandbox(tmp_path, speed=50) as base, connect(base) as http:
        for number in range(4):
            fal_submit(http, "fal-ai/veo3.1", prompt=f"clip {number}", duration="8s")
        until(lambda: any(job["status"] == "running" for job in book(http)["jobs"]))
        for _ in range(20):
            http.get("/health").raise_for_status()

        assert {job["status"] for job in book(http)["jobs"]} != {"succeeded"}, "the clips are still being made"


def test_hanging_up_leaves_no_file_open(tmp_path):
    with running_sandbox(tmp_path, speed=1000) as base, connect(base) as http:

        def hang_up():
            with pytest.raises(httpx.RemoteProtocolError):
                http.post(
                    "/fal/fal-ai/flux/schnell",
                    json={"prompt": "[[fault:hang-before-accept=0]]"},
                    headers={"authorization": "Key demo"},
                )
            return http.get("/health").json()["open_files"]

        counts = [hang_up() for _ in range(5)]

    assert counts[-1] <= counts[0] + 1
