"""wrk, the load generator: compiled, so that little of the machine goes into asking.

One that is installed is taken; otherwise Debian's package is fetched and unpacked below `.farebox/bench`, without being
installed and without being root. Elsewhere it has to be installed beforehand.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from app.run.paths import ROOT
from tests.bench.row import NotThere

HOME = ROOT / ".farebox" / "bench" / "wrk"
PACKAGES = ("wrk", "libluajit-5.1-2")
FETCH_SECONDS = 300


class Program(NamedTuple):
    path: Path
    env: Mapping[str, str]


def installed() -> Program:
    """Raises `NotThere` where it can neither be found nor fetched."""
    if found := shutil.which("wrk"):
        return Program(Path(found), os.environ)
    if not (HOME / "complete").exists():
        _fetch()
    library = next(HOME.glob("root/usr/lib/*/libluajit-*.so*")).parent
    return Program(HOME / "root" / "usr" / "bin" / "wrk", {**os.environ, "LD_LIBRARY_PATH": str(library)})


def _fetch() -> None:
    missing = "wrk, the load generator, is not installed: install it (Debian, Ubuntu, Homebrew: wrk) and run this again"
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NotThere(f"{missing}. On {platform.system()} it cannot be fetched here.")
    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "lists" / "partial").mkdir(parents=True)
    # Lists and cache of its own: those of the machine belong to root, and may never have been fetched.
    own = ["-q", "-o", f"Dir::State::lists={HOME / 'lists'}", "-o", f"Dir::Cache={HOME / 'cache'}"]
    own += ["-o", "Debug::NoLocking=1", "-o", "Acquire::Languages=none"]
    try:
        _run("apt-get", *own, "update")
        _run("apt-get", *own, "download", *PACKAGES)
        for package in HOME.glob("*.deb"):
            _run("dpkg-deb", "-x", str(package), str(HOME / "root"))
    except (subprocess.SubprocessError, OSError) as error:
        raise NotThere(f"{missing}. Fetching it failed: {getattr(error, 'stderr', '') or error}") from error
    shutil.rmtree(HOME / "lists")
    (HOME / "complete").touch()


def _run(*command: str) -> None:
    subprocess.run(command, cwd=HOME, check=True, capture_output=True, text=True, timeout=FETCH_SECONDS)
