"""The virtual environment: made once, filled with pinned packages, and left alone while neither changes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from app.run.paths import ROOT, VENV, fingerprint, venv_program
from app.run.processes import Processes
from app.run.progress import Failed, Step, step

MARK = VENV / "farebox.json"
RUNTIME = "requirements.txt"
#: The development file pins everything the runtime file pins (a test holds them to it), so it counts for both.
DEVELOPMENT = "requirements-dev.txt"


def ensure(ours: Processes, requirements: str = RUNTIME) -> None:
    """Make the environment hold what `requirements` pins; free when it already does."""
    wanted = _wanted(requirements)
    installed = _installed()
    if installed.get(requirements) == wanted:
        return
    if installed.get("python") != _python():
        with step(f"Virtual environment for Python {sys.version.split()[0]}"):
            _create()
    packages = sum(1 for line in (ROOT / requirements).read_text().splitlines() if "==" in line)
    with step(f"Installing {packages} pinned packages from {requirements}") as shown:
        command = [venv_program("python"), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        ours.finish("pip", [*command, "-r", requirements], os.environ, _follow(shown, packages))
    marks = {"python": _python(), requirements: wanted}
    if requirements == DEVELOPMENT:
        marks[RUNTIME] = _wanted(RUNTIME)
    MARK.write_text(json.dumps(marks))


def _wanted(requirements: str) -> str:
    return fingerprint([ROOT / requirements])


def _installed() -> dict[str, str]:
    """What is in the environment. One made by hand (no mark) keeps its place if its Python is ours."""
    if MARK.exists():
        return dict(json.loads(MARK.read_text()))
    settings = VENV / "pyvenv.cfg"
    if settings.exists() and re.search(rf"^version = {re.escape(_python())}", settings.read_text(), re.MULTILINE):
        return {"python": _python()}
    return {}


def _python() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


def _create() -> None:
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    program = str(base) if base.exists() else sys.executable
    made = subprocess.run([program, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode:
        raise Failed(
            f"Python cannot make a virtual environment: {(made.stdout + made.stderr).strip()}\n"
            "On Debian and Ubuntu: apt install python3-venv"
        )


def _follow(shown: Step, packages: int) -> Callable[[str], None]:
    """Count pip's packages as it names them."""
    seen: set[str] = set()
    unpacking: set[str] = set()

    def look(text: str) -> None:
        seen.update(re.findall(r"^(?:Collecting|Requirement already satisfied:) ([\w.-]+)", text, re.MULTILINE))
        unpacking.update(re.findall(r"^Installing collected packages", text, re.MULTILINE))
        shown.note("unpacking" if unpacking else f"{len(seen)} of {packages}")

    return look
