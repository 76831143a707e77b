"""The code of dataclasses, kept between starts: the same classes, and nothing left behind in the library."""

import dataclasses
import marshal
import sys
from collections.abc import Callable, Iterator
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

import pytest

from app.kernel import class_code


@pytest.fixture(autouse=True)
def library_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield
    vars(dataclasses).pop("exec", None)


def make(*fields: str) -> Any:
    return dataclasses.make_dataclass("Made", fields, frozen=True)


def started(file: Path, make_classes: Callable[[], object]) -> tuple[object, bool]:
    """One start that makes these classes; what they were, and whether anything was written."""
    class_code.remember(file)
    made = make_classes()
    return made, class_code.keep(file)


def test_the_second_start_finds_what_the_first_one_kept(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    (first, wrote), (second, wrote_again) = (started(file, lambda: make("left", "right")) for _ in range(2))
    assert (wrote, wrote_again) == (True, False)
    assert repr(first(1, 2)) == repr(second(1, 2)) == "Made(left=1, right=2)"
    assert second(1, 2) == second(1, 2) != second(1, 3)


def test_a_changed_class_is_made_from_what_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    started(file, lambda: make("left"))
    changed, wrote = started(file, lambda: make("left", "right"))
    assert wrote
    assert repr(changed(1, 2)) == "Made(left=1, right=2)"


def test_what_no_class_needs_any_more_goes_with_the_next_change(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    started(file, lambda: make("gone"))
    started(file, lambda: make("stays"))
    assert "gone" not in str(list(marshal.loads(file.read_bytes())[1]))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xffnot ours", id="not ours"),
        pytest.param(marshal.dumps((MAGIC_NUMBER, {}))[:-3], id="cut short"),
        pytest.param(marshal.dumps((b"old", {"x": 1})), id="another Python's"),
        pytest.param(marshal.dumps(7), id="something else"),
    ],
)
def test_a_file_that_cannot_be_used_is_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "kept"
    file.write_bytes(content)
    made, wrote = started(file, lambda: make("left"))
    assert wrote
    assert repr(made(1)) == "Made(left=1)"


def test_nothing_is_written_where_python_keeps_no_bytecode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert started(tmp_path / "kept", lambda: make("left"))[1] is False


def test_a_folder_nobody_may_write_to_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert started(tmp_path / "file" / "kept", lambda: make("left"))[1] is False


def test_the_library_is_left_as_it_was(tmp_path: Path) -> None:
    started(tmp_path / "kept", lambda: make("left"))
    assert "exec" not in vars(dataclasses)
