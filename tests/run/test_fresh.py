"""What is left alone when nothing changed, and what is made again when something did."""

from pathlib import Path

import pytest

from app.run import frontend, paths, venv
from app.run.paths import fingerprint


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "app" / "__pycache__").mkdir(parents=True)
    (tmp_path / "app" / "page.py").write_text("one")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda app: (app / "page.py").write_text("two"), id="a file changed"),
        pytest.param(lambda app: (app / "page.py").rename(app / "other.py"), id="a file was renamed"),
        pytest.param(lambda app: (app / "new.jsx").touch(), id="a file was added"),
        pytest.param(lambda app: (app / "page.py").unlink(), id="a file was removed"),
    ],
)
def test_a_change_shows_in_the_fingerprint(tree, change):
    before = fingerprint([tree / "app"])
    change(tree / "app")
    assert fingerprint([tree / "app"]) != before


def test_compiled_python_and_what_is_left_out_do_not_show(tree):
    before = fingerprint([tree / "app"], without=[tree / "app" / "run"])
    (tree / "app" / "__pycache__" / "page.pyc").touch()
    (tree / "app" / "run").mkdir()
    (tree / "app" / "run" / "launch.py").touch()
    assert fingerprint([tree / "app"], without=[tree / "app" / "run"]) == before


class Recorder:
    """Takes the place of the processes: remembers what would have been run."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def finish(self, name, command, env, look):
        self.ran.append(name)


@pytest.fixture
def built(tmp_path, monkeypatch) -> Recorder:
    monkeypatch.setattr(frontend, "CLIENT", tmp_path / "client")
    monkeypatch.setattr(frontend, "MARK", tmp_path / "farebox.key")
    (tmp_path / "client").mkdir()
    (tmp_path / "client" / "index.html").touch()
    ours = Recorder()
    frontend.ensure(ours, {"FAREBOX_PORT": "3000"})
    return ours


@pytest.mark.parametrize(
    ("env", "builds"),
    [
        pytest.param({"FAREBOX_PORT": "3000"}, 1, id="nothing changed"),
        pytest.param({}, 1, id="3000 is the port when none is named"),
        pytest.param({"FAREBOX_PORT": "3001"}, 2, id="the port is baked in"),
        pytest.param({"FAREBOX_PUBLIC_URL": "https://ai.example.com"}, 2, id="the address is baked in"),
    ],
)
def test_the_front_end_is_built_when_it_must_be(built, env, builds):
    frontend.ensure(built, env)
    assert built.ran == ["build"] * builds


def test_packages_are_installed_once_for_each_list(tmp_path, monkeypatch):
    monkeypatch.setattr(venv, "MARK", tmp_path / "farebox.json")
    monkeypatch.setattr(venv, "_create", lambda: None)
    ours = Recorder()
    for requirements in (venv.RUNTIME, venv.RUNTIME, venv.DEVELOPMENT, venv.DEVELOPMENT, venv.RUNTIME):
        venv.ensure(ours, requirements)
    assert ours.ran == ["pip", "pip"]


def test_another_python_means_another_environment(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(venv, "MARK", tmp_path / "farebox.json")
    monkeypatch.setattr(venv, "_create", lambda: made.append("made"))
    (tmp_path / "farebox.json").write_text('{"python": "3.11.0", "requirements.txt": "old"}')
    venv.ensure(Recorder())
    assert made == ["made"]


def test_what_python_compiles_is_kept_whatever_the_shell_asks():
    asked = {"PYTHONDONTWRITEBYTECODE": "1", "LANG": "C"}
    assert frontend.environment(asked).keys() & asked.keys() == {"LANG"}
