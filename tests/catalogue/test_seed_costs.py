"""Our cost profiles against the sandbox's own tariffs: two people wrote them, and they agree on every combination."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from app.catalogue.offers import RouteOffer
from app.catalogue.param_schema import coerce, parse_schema
from app.catalogue.seed_files import SeedModel, seed_models
from app.catalogue.upstream import to_upstream
from app.pricing.conditions import PRESENT
from app.pricing.expect import CHARACTERS_PER_TOKEN
from app.pricing.matrix import SAMPLE_CHARACTERS, SAMPLE_SECONDS
from app.pricing.parameters import Kind, Meter, Parameter, ParamSchema
from app.sandbox.openai import prices as token_prices
from app.sandbox.plan import plan_of
from app.sandbox.prices import bill
from tests.catalogue.golden import matrix_of

#: What is billed by the token there and by the picture in its own price list is compared in the golden prices only.
COMPARED = [model for model in seed_models() if not (model.provider == "openai" and model.modality == "image")]


@pytest.mark.parametrize("model", COMPARED, ids=lambda model: model.alias)
def test_every_combination_costs_what_the_sandbox_bills(model: SeedModel):
    schema = parse_schema(model.param_schema)
    route = RouteOffer(
        "rte_1", model.provider, model.provider, "", model.upstream, model.mapping, model.settings, True, True, None
    )
    steady = {parameter.name: _sample(parameter) for parameter in schema.parameters if parameter.required}
    for cell in matrix_of(model).cells:
        asked = {name: value for name, value in cell.params.items() if value not in (None, PRESENT)}
        sent = to_upstream(route, coerce(schema, {**steady, **asked}))
        if model.provider in ("openai", "mirror"):
            assert token_prices.bill(model.upstream, _spent(model, schema, sent)) == cell.cost, cell.name
            continue
        billed = bill(model.provider, model.upstream, sent, plan_of(model.provider, model.upstream, sent))
        assert billed.price == cell.cost, cell.name


def _spent(model: SeedModel, schema: ParamSchema, sent: Mapping[str, Any]) -> token_prices.Spent:
    """What such a request uses at most: a token for every four characters, and all it may answer."""
    if model.operation == "transcription":
        return token_prices.Spent(seconds=Fraction(SAMPLE_SECONDS))
    if model.modality == "audio":
        return token_prices.Spent(characters=SAMPLE_CHARACTERS)
    out = schema.metered(Meter.OUTPUT_TOKEN)
    most = int(sent.get(out[0].name, out[0].maximum)) if out else 0
    characters = SAMPLE_CHARACTERS * len(schema.metered(Meter.CHARACTER))
    return token_prices.Spent(input=characters // CHARACTERS_PER_TOKEN, output=most)


def _sample(parameter: Parameter) -> Any:
    if parameter.meter is Meter.CHARACTER:
        return "x" * SAMPLE_CHARACTERS
    url = "https://example.com/in.png"
    return [url] if parameter.kind is Kind.ARRAY else url if parameter.kind is Kind.FILE else "a prompt"
