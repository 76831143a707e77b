"""`python -m tests.support.suite [pytest arguments]`: the whole suite, as `make test` runs it.

Tests run side by side, in two processes more than there are cores: a third of a test is waiting for somebody else.
Browser scenarios follow one another in two of them and the fault suite in another, and these are begun first: they are
the longest, and a process that is done takes from the rest, file by file.
"""

import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from tests.support.browser import find_chromium
from tests.support.compiled import compile_everything
from tests.support.effort import CI

INSTALL_SECONDS = 300
MORE_PROCESSES, MOST_PROCESSES = 2, 8
RULE = "=" * 78


def main(arguments: list[str]) -> int:
    """Find or install a browser, then hand over to pytest; its closing lines are the last ones printed."""
    if find_chromium() is None and not _install_chromium():
        consequence = "so this run will FAIL" if CI else "so the browser scenarios will be SKIPPED"
        remedy = "Install one (Debian: apt install chromium) or name one in CHROMIUM."
        lines = ("", RULE, f"No Chromium or Chrome could be found or installed, {consequence}.", remedy, RULE, "")
        print("\n".join(lines), flush=True)
    processes = min(MOST_PROCESSES, (os.cpu_count() or 2) + MORE_PROCESSES)
    command = [sys.executable, "-m", "pytest", "--processes", str(processes), *arguments]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # compile once
    with nullcontext() if arguments else _front_end_begun(env):  # whoever asks for some tests may not need it
        compile_everything()
        return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, env=env).returncode


def _front_end_begun(env: dict[str, str]) -> "subprocess.Popen[bytes]":
    """The pages are built while the tests are collected, which takes one core only.

    Whoever needs them waits for it; where it failed they are built again, by a test, which says why it cannot be done.
    """
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "tests.support.built"], env=env, **quiet)


def _install_chromium() -> bool:
    """From Debian's archive where we may, else by Playwright's own download; says what it tries and how it ends."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if os.geteuid() == 0 and shutil.which("apt-get") and Path("/etc/debian_version").exists():
        attempts = [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]]
    else:
        attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    for command in attempts:
        print(f"Installing a browser: {' '.join(command)}", flush=True)
        try:
            done = subprocess.run(command, env=environment, timeout=INSTALL_SECONDS, check=False, capture_output=True)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"  {error}", flush=True)
            return False
        if done.returncode:
            print(f"  exit code {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}", flush=True)
    return find_chromium() is not None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
