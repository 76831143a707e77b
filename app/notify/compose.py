"""A letter in words: subject, HTML and its plain-text twin, both from the same parts.

`StrictUndefined` and `t` refuse a name that was not told, so a mail with a hole in it is never sent. Nothing here reads
a clock or a database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from app.kernel.errors import Undeliverable
from app.kernel.text import t
from app.notify.letters import LETTERS, Letter
from app.notify.words import UNSEEN, one_line, reason, word

LONGEST_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class House:
    """Who writes: the operator's name, the lines under every mail, and where customers reach us."""

    name: str
    public_url: str
    address: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and why: `audience` is workspace, operators or address."""

    audience: str
    workspace: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Composed:
    subject: str
    text: str
    html: str


def compose(
    name: str, params: Mapping[str, Any], *, house: House, reader: Reader, attached: tuple[str, ...] = ()
) -> Composed:
    """The mail in the reader's language; `Undeliverable` when the letter is unknown or was told too little."""
    letter = LETTERS.get(name)
    if letter is None:
        raise Undeliverable(f"There is no mail {name!r}.")
    _check(name, letter, params)
    language = reader.language
    words = {key: _say(letter, key, params.get(key), language) for key in letter.known if key != letter.rows}
    names = {"house": house.name, "workspace": one_line(reader.workspace), **words}
    parts = {
        "language": language,
        "house": house,
        "tone": letter.tone,
        "title": _sentence(name, "title", language, names),
        "paragraphs": _sentence(name, "body", language, names).strip().split("\n\n"),
        "slip": [(t(f"mail.fact.{key}", language), words[key]) for key in letter.slip if words[key]],
        "rows": [(one_line(str(label)), word(value, language)) for label, value in params.get(letter.rows) or ()],
        "total": _total(letter, words, language),
        "button": _button(name, letter, house, language, names, str(params.get("link", ""))),
        "why": t(f"mail.footer.{reader.audience}", language, **names),
        "attached": t("mail.footer.attached", language, names=", ".join(attached)) if attached else "",
    }
    subject = one_line(_sentence(name, "subject", language, names), LONGEST_SUBJECT)
    html = _environment().get_template("letter.html").render(subject=subject, **parts)
    return Composed(subject, _environment().get_template("letter.txt").render(subject=subject, **parts), html)


def _check(name: str, letter: Letter, params: Mapping[str, Any]) -> None:
    missing = [key for key in letter.needs if params.get(key) is None]
    unknown = sorted(set(params) - letter.known)
    if missing or unknown:
        told = [f"needs {', '.join(missing)}"] * bool(missing) + [f"does not know {', '.join(unknown)}"] * bool(unknown)
        raise Undeliverable(f"The mail {name} {' and '.join(told)}.")


def _say(letter: Letter, key: str, value: Any, language: str) -> str:
    return reason(value, language) if key in letter.coded and isinstance(value, str) else word(value, language)


def _sentence(name: str, part: str, language: str, names: Mapping[str, str]) -> str:
    return t(f"mail.letter.{name}.{part}", language, **names)


def _total(letter: Letter, words: Mapping[str, str], language: str) -> tuple[str, str] | None:
    if not (letter.total and words[letter.total]):
        return None
    return t(f"mail.fact.{letter.total}", language), words[letter.total]


def _button(
    name: str, letter: Letter, house: House, language: str, names: Mapping[str, str], link: str
) -> tuple[str, str, str] | None:
    """What it says, where it leads, and the sentence that spells the address out."""
    if not letter.button:
        return None
    url = link if letter.button == "{link}" else house.public_url + letter.button
    if urlsplit(url).scheme not in {"http", "https"} or UNSEEN.search(url) or " " in url:
        raise Undeliverable(f"The mail {name} was told a link that is not an address of the web.")
    return _sentence(name, "action", language, names), url, t("mail.footer.link", language, url=url)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("app.notify"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",)),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
