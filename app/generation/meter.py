"""What an answer says, gathered as it flows: the text to be counted when the provider tells no usage."""

from collections.abc import Iterator, Mapping
from typing import Any

#: Where text stands in a message or a delta.
TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
#: What of it is the answer, or why there is none.
SAID = ("content", "refusal")


def text_of(body: Mapping[str, Any]) -> str:
    """Everything a whole answer says."""
    return "".join(_written(body, "message"))


class Meter:
    """Fed with every chunk. `chunks` counts those that carried something; `text` is all that is billed, `said` what
    was meant for whoever asked."""

    def __init__(self) -> None:
        self.chunks = 0
        self._pieces: list[str] = []
        self._said: list[str] = []

    def add(self, chunk: Mapping[str, Any]) -> None:
        self.chunks += 1
        self._pieces.extend(_written(chunk, "delta"))
        self._said.extend(_said(chunk))

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    @property
    def said(self) -> str:
        return "".join(self._said)


def _said(chunk: Mapping[str, Any]) -> Iterator[str]:
    for choice in chunk.get("choices") or ():
        delta = choice.get("delta") if isinstance(choice, Mapping) else None
        if isinstance(delta, Mapping):
            yield from (text for name in SAID if isinstance(text := delta.get(name), str))


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
