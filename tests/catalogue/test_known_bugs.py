"""Wrong prices that other gateways were reported for, by the row of our list: each cannot happen here."""

from decimal import Decimal
from fractions import Fraction

import pytest

from app.catalogue.compiled import cost_card, price_card
from app.catalogue.offers import RouteOffer
from app.catalogue.param_schema import coerce, parse_schema, resolved_values
from app.catalogue.price_words import price_words
from app.catalogue.seed_files import SeedModel, seed_models
from app.catalogue.upstream import to_upstream
from app.generation.measure import Arrived, Delivered, customer_usage, upstream_usage
from app.kernel.errors import InvalidInput, RuleRefused
from app.pricing.expect import expected_usage
from app.pricing.matrix import matrix
from app.pricing.quote import estimate, final
from app.pricing.rule import parse_rule
from app.pricing.usage import Output, Usage
from tests.catalogue.golden import matrix_of

SEEDED = {model.alias: model for model in seed_models()}


def of(alias: str) -> tuple[SeedModel, object, object]:
    model = SEEDED[alias]
    schema = parse_schema(model.param_schema)
    return model, schema, price_card(model.pricing_rule, None, schema)


def asked(alias: str, **given: object) -> dict:
    _, schema, _ = of(alias)
    return coerce(schema, {"prompt": "sea", **given})


def test_bug_c1_a_low_picture_is_not_sold_or_booked_at_the_flat_price():
    """24 times over, and free under an alias: here every combination of every model stands in a golden list."""
    cells = {(cell.params["quality"], cell.params["size"], cell.params["n"]): cell
             for cell in matrix_of(SEEDED["gpt-image-1.5"]).cells if cell.params["image"] is None}  # fmt: skip
    low, high = ((cell.price, cell.cost) for cell in (cells[quality, "1024x1024", 1] for quality in ("low", "high")))
    assert [str(one.amount) for one in (*low, *high)] == ["15.000000", "0.009954", "210.000000", "0.134370"]


@pytest.mark.parametrize(
    ("properties", "rule"),
    [
        pytest.param({"prompt": {"type": "string"}}, {"unit": "second", "price": {"perSecond": 1}}, id="no length"),
        pytest.param(
            {"prompt": {"type": "string", "x-meter": "character"}},
            {"unit": "token", "price": {"per1kInputTokens": 1, "per1kOutputTokens": 4}},
            id="an answer without end",
        ),
        pytest.param({"prompt": {"type": "string"}}, {"unit": "token", "price": {"per1kTokens": 1}}, id="no count"),
    ],
)
def test_bug_c2_a_model_whose_price_misses_something_is_not_complete_and_never_free(properties, rule):
    schema = parse_schema({"type": "object", "properties": properties, "required": ["prompt"]})
    priced = matrix(price_card({"type": "formula", **rule}, None, schema), schema)
    assert not priced.is_complete
    assert {cell.price for cell in priced.cells} == {None}


def test_bug_c2_a_text_model_that_names_no_price_for_its_answers_is_refused():
    with pytest.raises(RuleRefused):
        parse_rule({"type": "formula", "unit": "token", "price": {"per1kInputTokens": 1}})


def test_bug_c3_sound_has_its_own_price():
    _, schema, card = of("veo3.1")
    silent, sounding = (estimate(card, schema, asked("veo3.1", generate_audio=on)).total for on in (False, True))
    assert silent < sounding


@pytest.mark.parametrize("model", seed_models(), ids=lambda model: model.alias)
def test_bug_c4_what_the_price_assumes_is_sent_upstream(model: SeedModel):
    """Four seconds assumed, ten made: a default that is charged for is written into the request."""
    schema = parse_schema(model.param_schema)
    needed = {
        one.name: ["https://example.com/a.png"] if one.kind == "array" else
        "https://example.com/a.png" if one.kind == "file" else "words"
        for one in schema.parameters if one.required
    }  # fmt: skip
    params = coerce(schema, needed)
    route = RouteOffer("r", "p", "k", "", "m", model.mapping, model.settings, True, True, None)
    sent = to_upstream(route, params)
    for parameter in schema.parameters:
        if parameter.default is None or not (parameter.meter or parameter.name in schema.size_by):
            continue
        theirs = model.mapping.get(parameter.name, parameter.name)
        assert theirs is None or theirs.partition(".")[0] in sent, parameter.name


def test_bug_c5_a_price_per_request_is_not_multiplied_and_says_what_it_is_for():
    schema = parse_schema({"type": "object", "properties": {
        "seconds": {"type": "integer", "minimum": 1, "maximum": 15, "default": 5, "x-meter": "second"}}})  # fmt: skip
    rule = {"type": "formula", "unit": "request", "price": {"perRequest": 2.5}}
    quote = estimate(price_card(rule, None, schema), schema, {"seconds": 15})
    assert str(quote.total.amount) == "2.500000"

    class Sold:
        credit_cost_micros = None

    Sold.rule, Sold.schema, Sold.card = rule, schema, price_card(rule, None, schema)
    assert price_words(Sold).headline == "2.5 credits per request"


def test_bug_c7_quality_auto_is_charged_as_what_came_back():
    model, schema, card = of("gpt-image-1.5")
    params = asked("gpt-image-1.5", quality="auto")
    held = estimate(card, schema, params).maximum
    came = resolved_values(schema, params, {"quality": "low", "size": "1024x1536"})
    tokens = {"input_tokens": Decimal(1), "output_tokens": Decimal(0), "image_output_tokens": Decimal(408)}
    usage = Usage(outputs=(Output(width=1024, height=1536),), **tokens)
    assert str(held.amount) == "210.000000"
    assert str(final(card, usage, came).total.amount) == "22.000000"
    assert str(final(cost_card(model.cost.rule, schema), usage, came).total.amount) == "0.013061"


def test_bug_c9_resolution_and_length_decide_the_price():
    _, schema, card = of("veo3.1")
    totals = [
        estimate(card, schema, asked("veo3.1", duration=duration, resolution=resolution)).total
        for duration in ("4s", "8s")
        for resolution in ("720p", "4k")
    ]
    assert len(set(totals)) == 4


def test_bug_c10_our_bill_is_settled_from_what_the_provider_counted():
    made = Delivered((Arrived("file_1", seconds=Decimal("3.04")),), 1, "second", Decimal("3.008"))
    assert [use(made).outputs[0].seconds for use in (customer_usage, upstream_usage)] == [Decimal("3.008")] * 2


def test_bug_d3_a_told_zero_is_no_missing_figure():
    _, schema, card = of("gpt-4o-mini")
    params = asked("gpt-4o-mini", max_tokens=100)
    zero = Usage(input_tokens=Decimal(0), output_tokens=Decimal(0))
    assert final(card, zero, params, expected=expected_usage(schema, params)).total.micros == 0
    missing = final(card, Usage(outputs=(Output(),)), params, expected=expected_usage(schema, params))
    assert missing.total.micros > 0


def test_cached_tokens_cost_what_the_price_says_and_never_count_twice():
    _, _, card = of("gpt-4o-mini")
    usage = Usage(input_tokens=Decimal(600), cached_input_tokens=Decimal(400), output_tokens=Decimal(100))
    exact = Fraction(600 * 25 + 400 * Fraction(25, 2) + 100 * 100, 100 * 1000)
    assert final(card, usage, {}).total.amount == Decimal(exact.numerator) / exact.denominator


def test_an_embedding_has_no_answer_to_pay_for():
    _, schema, card = of("text-embedding-3-small")
    quote = estimate(card, schema, coerce(schema, {"input": "x" * 4000}))
    assert str(quote.total.amount) == "0.030000"
    with pytest.raises(InvalidInput):
        parse_schema({"type": "object", "properties": {}, "x-output-tokens": -1})
