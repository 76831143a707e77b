"""A run in several processes says what happened: nothing is lost on the way, and nothing passes that did not run."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.forking import forking

ROOT = Path(__file__).parents[1]

CONFTEST = """
from tests.support import processes

def pytest_addoption(parser):
    processes.add_option(parser)

def pytest_runtestloop(session):
    return processes.side_by_side(session, lambda item: item.path.stem)

def pytest_report_to_serializable(report):
    if "test_breaks" in report.nodeid:
        raise RuntimeError("not the fault of a test")
"""
#: Three files for two processes; what follows what a process died of is run as well.
SUITE = {
    "test_one": """
import os, signal, pytest

def test_passes():
    print("nobody reads this")

def test_fails():
    print("what it printed")
    assert 1 == 2

def test_dies():
    os.kill(os.getpid(), signal.SIGKILL)

def test_after_it():
    pass
""",
    "test_two": """
import warnings
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("no such thing")

@pytest.fixture
def leaves_something():
    yield
    raise RuntimeError("it does not go away")

def test_has_no_fixture(broken):
    pass

def test_cannot_clean_up(leaves_something):
    pass

@pytest.mark.skip(reason="not today")
def test_is_skipped():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_is_expected_to_fail():
    assert False

def test_warns():
    warnings.warn("mind the gap", UserWarning)
""",
    "test_three": """
import os, pytest

@pytest.fixture(scope="session")
def lasting(tmp_path_factory):
    yield tmp_path_factory.mktemp("lasting")
    with open("ended", "a") as log:
        log.write("ended ")

@pytest.mark.parametrize("number", range(5))
def test_quick(number, lasting, tmp_path):
    (tmp_path / "own").write_text("own")
""",
}


@dataclass(frozen=True)
class Run:
    """The exit code, what was printed, and how each test ended for a machine."""

    folder: Path
    code: int
    said: str
    ends: dict[str, str]


def run(folder: Path, files: dict[str, str], *arguments: str) -> Run:
    """pytest over these files in two processes."""
    for name, source in {"conftest": CONFTEST, **files}.items():
        (folder / f"{name}.py").write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:xdist -p no:schemathesis -p no:hypothesispytest -ra")
    command = [sys.executable, "-m", "pytest", "-n", "2", "--junitxml=out.xml", "-p", "no:cacheprovider", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DEBUG_TEMPROOT": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    cases = ElementTree.parse(folder / "out.xml").iter("testcase")
    ends = {case.get("name", ""): " ".join(child.tag for child in case) for case in cases}
    return Run(folder, done.returncode, done.stdout + done.stderr, ends)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("mixed"), SUITE)


def test_one_failure_fails_the_run(mixed: Run):
    assert mixed.code == pytest.ExitCode.TESTS_FAILED


def test_every_test_is_counted_as_it_ended(mixed: Run):
    assert "2 failed, 9 passed, 1 skipped, 1 xfailed, 1 warning, 2 errors in" in mixed.said
    not_passed = {name: end for name, end in mixed.ends.items() if end}
    assert not_passed == {
        "test_fails": "failure",
        "test_dies": "failure",
        "test_has_no_fixture": "error",
        "test_cannot_clean_up": "error",
        "test_is_skipped": "skipped",
        "test_is_expected_to_fail": "skipped",
    }
    assert len(mixed.ends) == 14


@pytest.mark.parametrize(
    "said",
    [
        "E       assert 1 == 2",
        "what it printed",
        "the process that ran this test ended with -9",
        "RuntimeError: no such thing",
        "RuntimeError: it does not go away",
        "mind the gap",
        "SKIPPED [1] test_two.py:20: not today",
        "XFAIL test_two.py::test_is_expected_to_fail - known",
    ],
)
def test_why_is_told(mixed: Run, said: str):
    assert said in mixed.said


def test_what_was_printed_by_a_test_that_passed_is_not_told(mixed: Run):
    assert "nobody reads this" not in mixed.said


def test_what_lasts_for_the_whole_run_is_cleaned_up_once_in_the_process_that_had_it(mixed: Run):
    assert (mixed.folder / "ended").read_text() == "ended "


def test_a_suite_that_breaks_is_no_suite_that_passed(tmp_path: Path):
    broken = run(tmp_path, {"test_broken": "def test_breaks(): pass", "test_good": "def test_good(): pass"})
    assert broken.code == pytest.ExitCode.INTERNAL_ERROR
    assert "RuntimeError: not the fault of a test" in broken.said


def test_a_run_can_end_with_the_first_failure(tmp_path: Path):
    ended = run(tmp_path, {f"test_{name}": "def test_fails(): assert False" for name in ("one", "two", "three")}, "-x")
    assert ended.code == pytest.ExitCode.TESTS_FAILED
    assert "stopping after 1 failures" in ended.said
    assert "1 failed in" in ended.said


def test_a_run_of_nothing_does_not_pass(tmp_path: Path):
    nothing = run(tmp_path, SUITE, "-k", "nothing_of_that_name")
    assert nothing.code == pytest.ExitCode.NO_TESTS_COLLECTED


def test_what_a_forked_process_says_is_shown_with_the_test_that_made_it(capfd: pytest.CaptureFixture[str]):
    process = forking().Process(target=print, args=("for the record",))
    process.start()
    process.join()
    assert capfd.readouterr().out == "for the record\n"
