"""A start loads what every page and every request needs; the rest comes with its first use."""

import os
import subprocess
import sys

import pytest

from app.run.paths import ROOT

#: What each of them costs a start is a twentieth of a second and more.
LATER = {
    "av": "the first file that is measured",
    "boto3": "files kept in a bucket",
    "dbos": "the launch of the worker",
    "fal_client": "the first paid call",
    "fpdf": "the first document",
    "lxml": "the first e-invoice",
    "PIL": "the first picture",
    "plotly": "the first chart",
    "psycopg": "a PostgreSQL address",
    "replicate": "the first callback",
    "stripe": "the first payment",
}


def loaded(module: str) -> set[str]:
    """The packages in a fresh process after `import module`."""
    code = f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    env = {**os.environ, "FAREBOX_BUILD": "1", "REFLEX_TELEMETRY_ENABLED": "false"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("module", "also"), [("app.app", set()), ("app.server", {"reflex"})], ids=["pages", "API alone"]
)
def test_a_start_leaves_what_few_requests_need(module: str, also: set[str]) -> None:
    assert loaded(module) & (LATER.keys() | also) == set()


def test_the_launcher_needs_nothing_but_the_standard_library() -> None:
    """It starts before anything is installed, and in a few hundredths of a second when everything is."""
    assert loaded("app.run.__main__") - sys.stdlib_module_names - {"app", "__main__"} <= {
        name for name in loaded("sys") if name not in sys.stdlib_module_names
    }
