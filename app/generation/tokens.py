"""Tokens of a text before and without the provider's word: an exact count by one tokenizer, and a bound for all.

Byte-level tokenizers never make more tokens than bytes, so the size of a request bounds its text; what a picture or a
recording adds is bounded by what the dearest of today's models make of one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

#: The tokenizer we count by. Others differ by a quarter at most for ordinary text.
ENCODING = "o200k_base"
DIFFERENCE = (5, 4)
#: What a chat template puts around a message, and around the whole.
PER_MESSAGE = 16
PER_REQUEST = 64
PER_IMAGE = 4_096
#: Characters of base64 that carry one token of sound, at the least.
AUDIO_CHARACTERS = 100
#: Text is counted in pieces, so that no single call keeps a thread for long.
PIECE = 200_000


def count(text: str) -> int:
    """Tokens of `text`, by our own tokenizer."""
    counting = _encoding()
    return sum(len(counting.encode_ordinary(text[at : at + PIECE])) for at in range(0, len(text), PIECE))


@cache
def _encoding() -> Any:
    from bpe_openai import get_encoding

    return get_encoding(ENCODING)


def count_request(body: Mapping[str, Any]) -> int:
    """Tokens a chat request puts in, as near as can be told beforehand."""
    messages = body.get("messages") or ()
    texts = [*_texts(messages), *_texts(body.get("tools")), *_texts(body.get("functions"))]
    pictures = sum(_media(part) for part in _parts(messages))
    return sum(map(count, texts)) + pictures + 4 * len(messages) + 3


def bounded(counted: int, messages: int) -> int:
    """The most that another tokenizer could make of what ours counts as `counted`."""
    times, per = DIFFERENCE
    return -(-counted * times // per) + PER_MESSAGE * messages + PER_REQUEST


def input_bound(size_bytes: int, messages: Sequence[Any]) -> int:
    """The most tokens a request of that many bytes can put in, pictures and sound included."""
    most = size_bytes + PER_REQUEST
    for part in _parts(messages):
        most += _media(part) - _inline_bytes(part)
    return max(most, PER_REQUEST)


def _parts(messages: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """The parts of messages that are not plain text."""
    for message in messages:
        content = message.get("content") if isinstance(message, Mapping) else None
        if isinstance(content, list):
            yield from (part for part in content if isinstance(part, Mapping) and part.get("type") != "text")


def _media(part: Mapping[str, Any]) -> int:
    match part.get("type"):
        case "image_url":
            return PER_IMAGE
        case "input_audio":
            return _inline_bytes(part) // AUDIO_CHARACTERS + PER_REQUEST
        case _:
            return _inline_bytes(part)


def _inline_bytes(part: Mapping[str, Any]) -> int:
    """Characters of base64 in a part, which are no text."""
    match part.get("type"):
        case "image_url":
            picture = part.get("image_url")
            url = picture.get("url") if isinstance(picture, Mapping) else picture
            return len(url) if isinstance(url, str) and url.startswith("data:") else 0
        case "input_audio":
            return _length(part.get("input_audio"), "data")
        case "file":
            return _length(part.get("file"), "file_data")
        case _:
            return 0


def _length(holder: Any, name: str) -> int:
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return len(value) if isinstance(value, str) else 0


def _texts(value: Any) -> Iterator[str]:
    """Every text in a request; addresses of pictures and recordings are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        if value.get("type") in ("image_url", "input_audio", "file"):
            return
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def count_tokens_of(texts: Any) -> int:
    """Tokens of an embeddings input: a text, texts, tokens, or lists of tokens."""
    if isinstance(texts, str):
        return count(texts)
    if isinstance(texts, list):
        return sum(1 if isinstance(one, int) else count_tokens_of(one) for one in texts)
    return 0
