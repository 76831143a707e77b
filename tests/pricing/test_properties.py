"""What must hold for every rule, request and delivery, tried on random ones."""

import math
import os
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.catalogue.param_schema import coerce
from app.kernel.errors import InvalidInput, RuleRefused
from app.kernel.money import MICRO
from app.pricing import quote as quoting
from app.pricing.editor_text import pretty, read_json
from app.pricing.quote import Quote, estimate, final
from app.pricing.rate_card import RateCard, compile_rule
from app.pricing.rule import parse_rule
from app.pricing.scale import Linear
from app.pricing.units import UNITS
from app.pricing.usage import Output, Usage
from tests.pricing.shop import schema

QUICK = settings(max_examples=1_500 if os.environ.get("FAREBOX_LONG") else 20, deadline=None)

MODEL = schema(
    {
        "quality": {"type": "string", "enum": ["auto", "low", "high"]},
        "size": {"type": "string", "enum": ["512x512", "1024x1024", "2048x1024"], "default": "1024x1024"},
        "n": {"type": "integer", "minimum": 1, "maximum": 4, "x-meter": "image"},
        "seconds": {"type": "string", "enum": ["auto", "4s", "8s"], "x-meter": "second"},
        "audio": {"type": "boolean"},
        "text": {"type": "string", "maxLength": 200, "default": "", "x-meter": "character"},
        "answer": {"type": "integer", "minimum": 1, "maximum": 100, "x-meter": "output_token"},
    },
    size={"by": ["size"]},
    fps=24,
)
NAMES = {
    "quality": st.sampled_from(["auto", "low", "high"]),
    "size": st.sampled_from(["512x512", "1024x1024", "2048x1024"]),
    "n": st.integers(1, 4),
    "seconds": st.sampled_from(["auto", "4s", "8s"]),
    "audio": st.booleans(),
    "text": st.text("abü漢👋", max_size=20),
    "answer": st.integers(1, 100),
}
figures = st.one_of(
    st.integers(0, 50),
    st.decimals(0, 50, places=3),
    st.floats(0, 50, allow_nan=False).map(lambda x: round(x, 4)),
)
requests = st.fixed_dictionaries({}, optional=NAMES)


@st.composite
def matches(draw):
    name = draw(st.sampled_from(["quality", "size", "n", "seconds", "audio"]))
    one = NAMES[name]
    ranges = st.fixed_dictionaries({}, optional={"gte": st.integers(1, 2), "lt": st.integers(3, 5)}).filter(bool)
    options = [one, st.lists(one, min_size=1, max_size=3), st.just("absent")]
    return name, draw(st.one_of(*options, *([ranges] if name == "n" else [])))


@st.composite
def rules(draw):
    unit = draw(st.sampled_from(list(UNITS)))
    keys = [key.key for key in draw(st.sampled_from(UNITS[unit].choices))]
    extra = draw(st.sets(st.sampled_from(["base", "included"] if len(keys) == 1 else ["base"])))

    def price():
        return {key: draw(figures) for key in [*keys, *sorted(extra)]}

    def effect():
        kind = draw(st.sampled_from(["add", "multiply", "addFlat"]))
        return {kind: {key: draw(figures) for key in keys} if kind == "add" else draw(figures)}

    def attribute():
        name, value = draw(matches())
        return {"param": name, "is": value, **effect()}

    raw = {"type": "formula", "unit": unit, "price": price()}
    raw["tiers"] = [{"match": dict([draw(matches())]), "price": price()} for _ in range(draw(st.integers(0, 3)))]
    raw["attributes"] = [attribute() for _ in range(draw(st.integers(0, 3)))]
    for key in draw(st.sets(st.sampled_from(["minimum", "addFlat"]))):
        raw[key] = draw(figures)
    if draw(st.booleans()):
        raw["rounding"] = {"to": draw(st.sampled_from([0.01, 1, 5])), "mode": draw(st.sampled_from(["up", "half_up"]))}
    return raw


cards = rules().map(lambda raw: compile_rule(parse_rule(raw, MODEL)))


@st.composite
def deliveries(draw):
    size = st.integers(1, 3000)
    outputs = st.builds(Output, size, size, st.decimals(0, 20, places=3), st.none(), st.none())
    tokens = st.integers(0, 5000).map(Decimal)
    return Usage(
        tuple(draw(st.lists(outputs, max_size=3))),
        draw(st.integers(0, 500)),
        None,
        draw(tokens),
        draw(tokens),
        draw(tokens),
    )


def lines_add_up(quote: Quote) -> bool:
    return sum(line.total.micros for line in quote.lines) == quote.total.micros


@QUICK
@given(cards, deliveries(), requests)
def test_a_charge_is_never_negative_and_its_lines_add_up(card: RateCard, usage: Usage, asked: dict):
    quote = final(card, usage, coerce(MODEL, asked))
    assert quote.total.micros >= 0
    assert all(line.total.micros >= 0 for line in quote.lines)
    assert lines_add_up(quote)
    assert quote.total.micros % card.step_micros == 0
    assert Quote.from_json(quote.to_json()) == quote


@QUICK
@given(cards, deliveries(), requests)
def test_the_hot_path_and_the_quote_say_the_same(card: RateCard, usage: Usage, asked: dict):
    params = coerce(MODEL, asked)
    assert card.amount(usage, params) == final(card, usage, params).total.micros
    assert card.amount(usage, params) == card.amount(usage, params)


@QUICK
@given(cards, requests)
def test_an_estimate_never_exceeds_its_maximum(card: RateCard, asked: dict):
    quote = estimate(card, MODEL, coerce(MODEL, asked))
    assert quote.total <= quote.maximum
    assert lines_add_up(quote)


@QUICK
@given(cards, requests, st.data())
def test_whatever_the_provider_resolves_stays_within_the_maximum(card: RateCard, asked: dict, data):
    params = coerce(MODEL, asked)
    maximum = estimate(card, MODEL, params).maximum
    chosen = {"quality": ["low", "high"], "seconds": ["4s", "8s"], "audio": [True, False], "n": [1, 2, 3, 4]}
    resolved = {
        name: data.draw(st.sampled_from(values))
        for name, values in chosen.items()
        if params.get(name) in (None, "auto")
    }
    assert estimate(card, MODEL, {**params, **resolved}).total <= maximum


@QUICK
@given(cards, requests)
def test_the_bound_for_large_spaces_is_no_less_than_the_exact_maximum(card: RateCard, asked: dict):
    params = coerce(MODEL, asked)
    exact = estimate(card, MODEL, params).maximum
    most_open, quoting.MOST_OPEN = quoting.MOST_OPEN, 0
    try:
        assert estimate(card, MODEL, params).maximum >= exact
    finally:
        quoting.MOST_OPEN = most_open


@QUICK
@given(cards, deliveries(), requests)
def test_one_output_more_never_costs_less(card: RateCard, usage: Usage, asked: dict):
    assume(usage.outputs)
    params = coerce(MODEL, asked)
    fewer = Usage(usage.outputs[:-1], *(getattr(usage, name) for name in usage.__slots__[1:]))
    assert card.amount(fewer, params) <= card.amount(usage, params)


@QUICK
@given(
    st.fractions(0, 100), st.fractions(0, 100), st.decimals(0, 10, places=2), st.lists(st.fractions(0, 50), max_size=4)
)
def test_integer_arithmetic_agrees_with_fractions(rate, base, included, quantities):
    scale = Linear.of(rate, base, included)
    expected = sum((base + max(each - Fraction(included), Fraction(0)) * rate for each in quantities), Fraction(0))
    assert Fraction(*scale.owed([each.as_integer_ratio() for each in quantities])) == expected


@QUICK
@given(rules())
def test_a_rule_survives_the_editor(raw: dict):
    read = parse_rule(read_json(pretty(raw)), MODEL)
    assert read == parse_rule(raw, MODEL)


@QUICK
@given(requests)
def test_coercion_changes_nothing_the_second_time(asked: dict):
    once = coerce(MODEL, asked)
    assert coerce(MODEL, once) == once


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["type", "unit", "price", "tiers", "attributes", "minimum", "rounding", "overage", "addFlat"]


@QUICK
@given(st.dictionaries(st.sampled_from(KEYS), json_values))
def test_nonsense_is_refused_and_never_breaks_the_reader(raw: dict):
    try:
        card = compile_rule(parse_rule({"type": "formula", "unit": "image", "price": {"perImage": 1}, **raw}, MODEL))
    except RuleRefused:
        return
    assert card.amount(Usage((Output(1, 1, Decimal(1)),)), {}) >= 0


@QUICK
@given(st.dictionaries(st.sampled_from([*NAMES, "nope"]), json_values))
def test_nonsense_in_a_request_is_refused_and_never_breaks_the_door(asked: dict):
    try:
        params = coerce(MODEL, asked)
    except InvalidInput:
        return
    assert coerce(MODEL, params) == params


def test_a_float_never_reaches_the_arithmetic():
    card = compile_rule(parse_rule({"type": "formula", "unit": "image", "price": {"perImage": 0.1}}))
    assert card.amount(Usage((Output(),) * 3), {}) == MICRO * 3 // 10
    assert not math.isclose(0.1 * 3, 0.3, rel_tol=0, abs_tol=0)
