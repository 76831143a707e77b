"""Other people's libraries whose import takes a second or more: every test process would do it to learn which tests
there are, and one of them uses it."""

from importlib import import_module
from typing import Any


class Late:
    """A module that is imported when something of it is used: `openai = Late("openai")`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_", "pytest")):  # pytest looks whether it is a fixture
            raise AttributeError(name)
        return getattr(import_module(self._name), name)
