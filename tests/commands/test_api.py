"""`python -m app api`: the API without pages, in as many processes as the database bears."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.commands import api
from app.kernel.errors import Broken
from tests.support.house import settings_for

#: What the pages need and the API does not.
HEAVY = ("reflex", "reflex_base", "plotly", "boto3", "moto", "opentelemetry.sdk")


def test_the_api_is_served_without_reflex() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, app.server; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    loaded = set(said.stdout.split())
    assert "app.api.assemble" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_sqlite_has_one_process(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, sqlite_url, "http://127.0.0.1:9")
    assert api.command(settings, 1)[-1] == "app.server:make"
    with pytest.raises(Broken, match="one writer"):
        api.command(settings, 2)


@pytest.mark.parametrize("workers", [0, -1, 65])
def test_a_senseless_number_is_refused(sqlite_url: str, tmp_path: Path, workers: int) -> None:
    with pytest.raises(Broken):
        api.command(settings_for(tmp_path, sqlite_url, "http://127.0.0.1:9"), workers)


def test_several_processes_share_their_figures(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, sqlite_url, "http://127.0.0.1:9")
    assert api.FIGURES not in api.environment(settings, 1, {})
    assert Path(api.environment(settings, 4, {})[api.FIGURES]).is_dir()
