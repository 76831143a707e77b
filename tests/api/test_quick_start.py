"""The quick start's programs, run as they stand on the page against a running API with its engine."""

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.api_server import running_api
from tests.support.house import House, house, settings_for

PAGE = Path(__file__).parents[2] / "docs" / "quick-start.md"
BUN = Path(sys.executable).with_name("bun")
#: How a program in a file is run; Python's run in this process, which has the SDK already.
RUNNERS = {"bash": ["bash", "-euo", "pipefail"], "python": [], "js": [shutil.which("node") or str(BUN)]}
ENDINGS = {"bash": "sh", "js": "mjs"}
PATIENCE_SECONDS = 120
#: What each part of the page costs: the picture and the video at the seeded price, the chat by its tokens.
COSTS = {
    "Ask the price": False,
    "Buy a picture": True,
    "A chat, while it is written": True,
    "A video, which takes a while": True,
    "What is left": False,
}


def programs() -> list[tuple[str, str, str]]:
    """Part, language and text of each."""
    parts = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return [
        (part.partition("\n")[0], language, text)
        for part in parts
        for language, text in re.findall(r"^```(\w+)\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    ]


def test_the_page_says_everything_in_each_language() -> None:
    assert [(part, language) for part, language, _ in programs()] == [
        (part, language) for part in COSTS for language in RUNNERS
    ]


@pytest.fixture(scope="module")
def served(
    seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, House]]:
    folder = tmp_path_factory.mktemp("quick")
    path = folder / "quick.sqlite"
    shutil.copyfile(seeded_sqlite, path)
    url = f"sqlite:///{path}"
    with (
        house(settings_for(folder / "home", url, sandbox_url)) as home,
        running_api(folder / "home", url, sandbox_url, carry=True) as api,
    ):
        yield api.url, home


@pytest.mark.parametrize(
    ("part", "language", "text"), programs(), ids=[f"{part}, {language}" for part, language, _ in programs()]
)
def test_a_program_of_the_page_does_what_the_page_says(
    served: tuple[str, House],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    language: str,
    text: str,
) -> None:
    url, shared = served
    home = shared.newcomer(1_000)
    monkeypatch.setenv("FAREBOX_URL", url)
    monkeypatch.setenv("FAREBOX_KEY", home.key())
    monkeypatch.chdir(tmp_path)
    said = _python(text) if language == "python" else _run(language, text)

    spent = Decimal(1_000) - home.available.amount
    assert (spent > 0) is COSTS[part]
    if part == "Ask the price":
        assert "cost" in said
    elif part == "A video, which takes a while":
        assert (tmp_path / "lantern.mp4").read_bytes()[4:8] == b"ftyp"
    elif language != "bash" and COSTS[part]:
        assert f"{spent.normalize():f}" in said
    elif part == "Buy a picture":
        assert json.loads(said)["metadata"]["credits"] == spent
    home.assert_books_balance()


def _python(text: str) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(text, str(PAGE), "exec"), {"__name__": "__main__"})
    return said.getvalue()


def _run(language: str, text: str) -> str:
    program = Path(f"program.{ENDINGS[language]}")
    program.write_text(text)
    done = subprocess.run(
        [*RUNNERS[language], str(program)], capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
