"""Our cost profiles against the sandbox's own tariffs: two people wrote them, and they agree on every combination."""

from typing import Any

import pytest

from app.catalogue.offers import RouteOffer
from app.catalogue.param_schema import coerce, parse_schema
from app.catalogue.seed_files import SeedModel, seed_models
from app.catalogue.upstream import to_upstream
from app.pricing.conditions import PRESENT
from app.pricing.matrix import SAMPLE_CHARACTERS
from app.pricing.parameters import Kind, Meter, Parameter
from app.sandbox.plan import plan_of
from app.sandbox.prices import bill
from tests.catalogue.golden import matrix_of


@pytest.mark.parametrize("model", seed_models(), ids=lambda model: model.alias)
def test_every_combination_costs_what_the_sandbox_bills(model: SeedModel):
    schema = parse_schema(model.param_schema)
    route = RouteOffer(
        "rte_1", model.provider, model.provider, "", model.upstream, model.mapping, model.settings, True, True, None
    )
    steady = {parameter.name: _sample(parameter) for parameter in schema.parameters if parameter.required}
    for cell in matrix_of(model).cells:
        asked = {name: value for name, value in cell.params.items() if value not in (None, PRESENT)}
        sent = to_upstream(route, coerce(schema, {**steady, **asked}))
        billed = bill(model.provider, model.upstream, sent, plan_of(model.provider, model.upstream, sent))
        assert billed.price == cell.cost, cell.name


def _sample(parameter: Parameter) -> Any:
    if parameter.meter is Meter.CHARACTER:
        return "x" * SAMPLE_CHARACTERS
    url = "https://example.com/in.png"
    return [url] if parameter.kind is Kind.ARRAY else url if parameter.kind is Kind.FILE else "a prompt"
