"""Nothing of the machine that built this, and no package registry's address, in anything tracked."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: Absolute paths of somebody's own folders, and the hosts packages are fetched from (a private mirror's address names
#: itself by one of these words).
LEAKS = re.compile(
    rb"/(?:home|Users)/[a-z][\w.-]*/|"
    rb"https?://[^\s\"'<>]*(?:registry|pypi|artifactory|nexus|devpi|verdaccio|/simple/?[\"'\s])[^\s\"'<>]*"
)
THIS_FILE = "tests/test_no_leaks.py"


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and name != THIS_FILE]


def _found(pattern: "re.Pattern[bytes]") -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {match.group().decode(errors='replace')}"
        for path in _tracked()
        if path.is_file()
        for match in pattern.finditer(path.read_bytes())
    ]


def test_no_path_or_registry_is_written_down():
    assert not _found(LEAKS), "\n".join(_found(LEAKS))


def test_nothing_names_the_folder_it_was_built_in():
    here = re.compile(re.escape(str(ROOT).encode()) + rb"(?![\w-])")
    if len(ROOT.parts) > 2:  # a checkout at `/app` would find ordinary addresses
        assert not _found(here), "\n".join(_found(here))


def test_nothing_secret_is_tracked():
    private = {".farebox", ".web", ".venv", ".states", "uploaded_files"}
    odd = [path for path in _tracked() if private & set(path.relative_to(ROOT).parts) or path.suffix in {".db", ".key"}]
    assert not odd
