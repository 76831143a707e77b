"""The request as a program: well formed in each language, and the colours lose no letter. That the programs really run
is shown with the browser scenarios, against a whole Farebox."""

import ast
import json
import subprocess

import pytest

from app.ui.pages.playground.snippets import LANGUAGES, Request, pieces, snippet

NASTY = 'It\'s a "tram" $HOME `x` \\ 50% {now} #1 // é 日本\nnext line'
HOST = "https://farebox.example"


def image(**given) -> Request:
    return Request(HOST, "flux-schnell", "images", {"prompt": NASTY, "num_images": 2, **given})


def video(**given) -> Request:
    return Request(HOST, "veo3.1", "videos", {"prompt": NASTY, "generate_audio": False, **given})


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry run first", "at once"])
@pytest.mark.parametrize("request_", [image(), video()], ids=["image", "video"])
class TestEveryProgram:
    def test_python_is_python_and_carries_the_request(self, request_, dry_run):
        program = ast.parse(snippet(request_, "python", dry_run=dry_run))
        texts = [node.value for node in ast.walk(program) if isinstance(node, ast.Constant)]
        assert NASTY in texts
        assert request_.model in texts

    def test_curl_is_shell_and_carries_the_request(self, request_, dry_run):
        text = snippet(request_, "curl", dry_run=dry_run)
        script = 'curl() { for last; do :; done; printf "%s\\n--\\n" "$last"; }\nFAREBOX_KEY=k\n' + text
        said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
        bodies = [json.loads(body) for body in said.split("\n--\n") if body.strip()]
        assert bodies == [request_.body] * (2 if dry_run else 1)

    def test_node_carries_the_request(self, request_, dry_run):
        text = snippet(request_, "node", dry_run=dry_run)
        body = text.partition("JSON.stringify(")[2].partition(");\n\nasync")[0]
        assert json.loads(body) == request_.body

    def test_a_dry_run_comes_first_or_not_at_all(self, request_, dry_run):
        for language in LANGUAGES:
            text = snippet(request_, language, dry_run=dry_run)
            assert ("dryRun" in text) is dry_run

    def test_the_colours_lose_no_letter(self, request_, dry_run):
        for language in LANGUAGES:
            text = snippet(request_, language, dry_run=dry_run)
            assert "".join(piece["text"] for piece in pieces(text, language)) == text


def test_images_go_through_openai_s_door_and_the_rest_through_ours():
    assert image().path == "/v1/images/generations"
    assert video().path == "/v1/generations"
    assert video().body["input"]["generate_audio"] is False


def test_a_parameter_that_openai_s_own_fields_would_hide_goes_through_ours():
    assert image(user="x").path == "/v1/generations"


def test_the_key_is_never_written_down():
    for language in LANGUAGES:
        assert "FAREBOX_KEY" in snippet(image(), language, dry_run=True)
        assert "fbx_" not in snippet(image(), language, dry_run=True)


def test_another_language_is_refused():
    with pytest.raises(KeyError):
        snippet(image(), "cobol", dry_run=True)
