"""Text that reads like text, the same for the same question, and how many tokens it has.

A token is a word with the space before it or a mark, and at most eight letters of a longer word: near enough to the
real thing, and a client can count along.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

PIECE = re.compile(r"\s*\w{1,8}|\s*[^\w\s]|\s+")
DEEPEST = 6
USUAL_TOKENS = (24, 90)
_WORDS = re.findall(
    r"\w+",
    "the light of a lamp falls on open water and every boat keeps its own time while people on the quay talk quietly "
    "about prices weather and how far it is to the next harbour where someone waits with bread coffee and a map of "
    "the islands drawn by hand",
)


def pieces(text: str) -> list[str]:
    """The text cut into tokens; joined they are the text again."""
    return PIECE.findall(text)


def count(text: str) -> int:
    return sum(1 for _ in PIECE.finditer(text))


def answer_to(question: str, seed: int = 0) -> str:
    """Some sentences, of a length that the question decides."""
    dice = random.Random(f"{seed} {question}")
    words: list[str] = []
    wanted = dice.randint(*USUAL_TOKENS)
    while len(words) < wanted:
        sentence = [dice.choice(_WORDS) for _ in range(dice.randint(6, 14))]
        sentence[0] = sentence[0].capitalize()
        sentence[-1] += "."
        words += sentence
    return " ".join(words)


def sample(schema: Mapping[str, Any], dice: random.Random, depth: int = 0) -> Any:
    """A value that fits a JSON schema, for tools and for answers that must be JSON."""
    if "enum" in schema:
        return dice.choice(list(schema["enum"]))
    choice = schema.get("anyOf") or schema.get("oneOf")
    if choice:
        return sample(choice[0], dice, depth)
    kind = schema.get("type")
    kind = next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        given = (schema.get("properties") or {}) if depth < DEEPEST else {}
        return {name: sample(inner, dice, depth + 1) for name, inner in given.items()}
    if kind == "array":
        return [sample(schema.get("items") or {}, dice, depth + 1)] if depth < DEEPEST else []
    plain = {
        "integer": int(schema.get("minimum", 1)),
        "number": schema.get("minimum", 1.5),
        "boolean": True,
        "null": None,
    }
    return plain[kind] if kind in plain else dice.choice(_WORDS)


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def text_of(content: Any) -> Iterator[str]:
    """Every text in a message's content, which is a text or a list of parts."""
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]
