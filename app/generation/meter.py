"""What an answer says, gathered as it flows: the text to be counted when the provider tells no usage."""

from collections.abc import Iterator, Mapping
from typing import Any

#: Where text stands in a message or a delta.
TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def text_of(body: Mapping[str, Any]) -> str:
    """Everything a whole answer says."""
    return "".join(_written(body, "message"))


class Meter:
    """Fed with every chunk. `chunks` counts those that carried something."""

    def __init__(self) -> None:
        self.chunks = 0
        self._pieces: list[str] = []

    def add(self, chunk: Mapping[str, Any]) -> None:
        self.chunks += 1
        self._pieces.extend(_written(chunk, "delta"))

    @property
    def text(self) -> str:
        return "".join(self._pieces)


def _written(body: Mapping[str, Any], holder: str) -> Iterator[str]:
    for choice in body.get("choices") or ():
        said = choice.get(holder) if isinstance(choice, Mapping) else None
        if not isinstance(said, Mapping):
            continue
        for name in TEXTS:
            if isinstance(text := said.get(name), str):
                yield text
        for call in said.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, Mapping) else None
            if isinstance(function, Mapping):
                yield from (text for text in (function.get("name"), function.get("arguments")) if isinstance(text, str))
