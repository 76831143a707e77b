"""Quantities worked out from an event's properties, exactly: `ceil(duration / 15) * 15`.

The notation is the arithmetic part of CEL (github.com/google/cel-spec): numbers, names, + - * / %, comparisons, && || !
and `a ? b : c`, with the functions below. CEL's numbers are binary doubles; what is billed must be exact, so ours are
fractions. A property that is missing counts as zero, one that is no number is an error, and so is a division by zero.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any, Final

from app.kernel.errors import InvalidInput
from app.kernel.money import round_to

LONGEST: Final = 1_000
DEEPEST: Final = 50
#: Beyond it a power is a mistake, and would keep the server busy.
HIGHEST_POWER: Final = 64
MOST_BITS: Final = 4_096
LONGEST_FIGURE: Final = 40

Properties = Mapping[str, Any]
Value = Fraction | bool
Node = Callable[[Properties], Value]

_TOKEN: Final = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(&&|\|\||[<>=!]=|[-+*/%<>!?:(),]))")
_LEVELS: Final = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"))


class Expression:
    """A compiled expression; `of(properties)` is its value for one event. One that `is_total` gives a quantity of any
    figures when it gives one of some: it divides by nothing that events say, raises to no power and chooses nothing."""

    def __init__(self, text: str, run: Node, names: frozenset[str], *, is_total: bool) -> None:
        self.text, self.names, self.is_total, self._run = text, names, is_total, run

    def of(self, properties: Properties) -> Fraction:
        """The quantity; raises `InvalidInput` "expression_failed" when these properties give none."""
        value = self._run(properties)
        if isinstance(value, bool):
            raise _failed(f"“{self.text}” is true or false, and not a quantity.")
        return value


@lru_cache(maxsize=1024)
def compile_expression(text: str) -> Expression:
    """Read an expression; `InvalidInput` "invalid_expression" says where it cannot be understood."""
    if len(text) > LONGEST:
        raise InvalidInput(f"An expression has up to {LONGEST} characters.", code="invalid_expression")
    parser = _Parser(text)
    run = parser.whole()
    return Expression(text, run, frozenset(parser.names), is_total=parser.is_total)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.names, self.depth, self.is_total = text, set[str](), 0, True
        self.tokens, self.at = list(_tokens(text)), 0

    def whole(self) -> Node:
        run = self.choice()
        if self.at < len(self.tokens):
            raise self.wrong(f"“{self.tokens[self.at]}” is not expected here")
        return run

    def choice(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong("it is nested too deeply")
        condition = self.binary(0)
        if self.take("?"):
            self.is_total = False
            yes = self.choice()
            self.need(":")
            no = self.choice()
            self.depth -= 1
            return lambda p: yes(p) if _truth(condition(p)) else no(p)
        self.depth -= 1
        return condition

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while (operator := self.next()) in _LEVELS[level]:
            self.at += 1
            if operator in ("/", "%") and not _is_figure(self.next()):
                self.is_total = False
            left = _joined(operator, left, self.binary(level + 1))
        return left

    def unary(self) -> Node:
        if self.take("-"):
            inner = self.nested(self.unary)
            return lambda p: -_number(inner(p))
        if self.take("!"):
            inner = self.nested(self.unary)
            return lambda p: not _truth(inner(p))
        return self.single()

    def nested(self, read: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong("it is nested too deeply")
        node = read()
        self.depth -= 1
        return node

    def single(self) -> Node:
        word = self.next()
        if word == "(":
            self.at += 1
            inner = self.choice()
            self.need(")")
            return inner
        if not word or not (word[0].isalnum() or word[0] == "_"):
            raise self.wrong("a number or a name is missing" if not word else f"“{word}” is not expected here")
        self.at += 1
        if word[0].isdigit():
            figure = Fraction(word)
            return lambda p: figure
        if word in ("true", "false"):
            truth = word == "true"
            return lambda p: truth
        if self.take("("):
            return self.call(word)
        self.names.add(word)
        return lambda p: _property(p, word)

    def call(self, name: str) -> Node:
        if name not in _FUNCTIONS:
            raise self.wrong(f"there is no function {name}; there are {', '.join(_FUNCTIONS)}")
        self.is_total = self.is_total and name != "pow"
        given = [self.choice()]
        while self.take(","):
            given.append(self.choice())
        self.need(")")
        least, most, function = _FUNCTIONS[name]
        if not least <= len(given) <= most:
            raise self.wrong(f"{name} takes {least if least == most else f'{least} or more'}")
        return lambda p: function(*(_number(one(p)) for one in given))

    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, token: str) -> bool:
        found = self.next() == token
        self.at += found
        return found

    def need(self, token: str) -> None:
        if not self.take(token):
            raise self.wrong(f"“{token}” is missing")

    def wrong(self, why: str) -> InvalidInput:
        return InvalidInput(f"“{self.text}” cannot be understood: {why}.", code="invalid_expression")


def _tokens(text: str) -> list[str]:
    found, at, text = list[str](), 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise InvalidInput(f"“{text}” cannot be understood at character {at + 1}.", code="invalid_expression")
        found.append(match[match.lastindex or 0])
        at = match.end()
    return found


def _is_figure(token: str) -> bool:
    """A number above zero, as it is written."""
    return token[:1].isdigit() and Fraction(token) > 0


def _joined(operator: str, left: Node, right: Node) -> Node:
    if operator == "||":
        return lambda p: _truth(left(p)) or _truth(right(p))
    if operator == "&&":
        return lambda p: _truth(left(p)) and _truth(right(p))
    if operator in ("==", "!="):
        return lambda p: (left(p) == right(p)) is (operator == "==")
    apply = _ARITHMETIC[operator]
    return lambda p: apply(_number(left(p)), _number(right(p)))


def _divide(left: Fraction, right: Fraction) -> Fraction:
    if not right:
        raise _failed("It divides by zero.")
    return left / right


def _remainder(left: Fraction, right: Fraction) -> Fraction:
    if not right:
        raise _failed("It divides by zero.")
    return left - right * int(left / right)  # the sign of the left side, as in CEL


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > HIGHEST_POWER:
        raise _failed(f"A power is a whole number up to {HIGHEST_POWER}.")
    if not base and exponent < 0:
        raise _failed("It divides by zero.")
    if max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent) > MOST_BITS:
        raise _failed("Its result has too many digits.")
    return Fraction(base**exponent.numerator)


_ARITHMETIC: Final[dict[str, Callable[[Fraction, Fraction], Value]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "%": _remainder,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_ANY: Final = 100
_FUNCTIONS: Final[dict[str, tuple[int, int, Callable[..., Fraction]]]] = {
    "abs": (1, 1, abs),
    "ceil": (1, 1, lambda figure: Fraction(ceil(figure))),
    "floor": (1, 1, lambda figure: Fraction(floor(figure))),
    "round": (1, 1, round_to),  # half away from zero
    "min": (1, _ANY, min),
    "max": (1, _ANY, max),
    "pow": (2, 2, _power),
    "double": (1, 1, lambda figure: figure),
    "int": (1, 1, lambda figure: Fraction(int(figure))),
}


def _property(properties: Properties, name: str) -> Value:
    value = properties.get(name)
    if value is None:
        return Fraction(0)
    return value if isinstance(value, bool) else figure_of(value, name)


def figure_of(value: object, name: str) -> Fraction:
    """A property as an exact figure: an int, a decimal string, or a JSON number by its shortest notation."""
    text = repr(value) if isinstance(value, float) else str(value).strip()
    try:
        figure = Decimal(text) if not isinstance(value, bool) and len(text) <= LONGEST_FIGURE else None
    except InvalidOperation:
        figure = None
    if figure is None or not figure.is_finite() or abs(figure.adjusted()) > LONGEST_FIGURE:
        raise _failed(f"“{name}” is {text[:LONGEST_FIGURE]!r}, which is no number.")
    return Fraction(figure)


def _number(value: Value) -> Fraction:
    if isinstance(value, bool):
        raise _failed("It counts with true or false.")
    return value


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise _failed("It asks whether a number is true.")
    return value


def _failed(why: str) -> InvalidInput:
    return InvalidInput(f"The quantity cannot be worked out. {why}", code="expression_failed")
