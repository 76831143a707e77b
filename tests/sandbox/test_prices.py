"""What the sandbox bills: each shape of price once, and the same figures as the seed catalogue's cost profiles.

The two tables were written apart, one as a provider's bill and one as a reseller's forecast of it. Where they
disagree, either would make a margin look wrong.
"""

from collections.abc import Iterator
from itertools import islice, product
from types import SimpleNamespace
from typing import Any

import pytest

from app.catalogue.compiled import cost_card
from app.catalogue.param_schema import coerce, parse_schema
from app.catalogue.seed_files import SeedModel, seed_models
from app.catalogue.upstream import to_upstream
from app.pricing.quote import estimate
from app.sandbox.plan import plan_of
from app.sandbox.prices import bill

MOST_COMBINATIONS = 400


@pytest.mark.parametrize(
    ("provider", "model", "given", "quantity", "micros"),
    [
        pytest.param("fal", "fal-ai/nano-banana", {"num_images": 3}, "3", 117_000, id="per image"),
        pytest.param(
            "fal", "fal-ai/flux/dev", {"image_size": {"width": 1025, "height": 1024}}, "2", 50_000,
            id="megapixels are rounded up",
        ),
        pytest.param(
            "fal", "fal-ai/flux-2-pro", {"image_size": {"width": 2048, "height": 1024}}, "2", 45_000,
            id="the first megapixel has a price of its own",
        ),
        pytest.param(
            "fal", "openai/gpt-image-2", {"image_size": "1024x1024", "quality": "high"}, "1", 211_000,
            id="a table of size and quality",
        ),
        pytest.param("fal", "fal-ai/veo3.1", {"duration": "4s"}, "4", 1_600_000, id="sound doubles a second"),
        pytest.param(
            "fal", "fal-ai/bytedance/seedance/v1/pro/text-to-video", {"resolution": "1080p"}, "0.2448", 612_000,
            id="video tokens",
        ),
        pytest.param("fal", "fal-ai/wan/v2.2-a14b/text-to-video", {}, "5.0625", 405_000, id="sixteen frames a second"),
        pytest.param("fal", "fal-ai/minimax/speech-02-hd", {"text": "x" * 250}, "0.25", 25_000, id="characters"),
        pytest.param("replicate", "black-forest-labs/flux-schnell", {"num_outputs": 4}, "4", 12_000, id="replicate"),
        pytest.param("kie", "veo3_fast", {}, "1", 300_000, id="a flat clip"),
        pytest.param("kie", "kling/v2-1-pro", {"duration": "10"}, "1", 500_000, id="a table of lengths"),
        pytest.param("fal", "somebody/new-model", {}, "1", 40_000, id="an image nobody listed"),
        pytest.param("fal", "somebody/new-video", {"duration": 3}, "3", 300_000, id="a clip nobody listed"),
    ],
)  # fmt: skip
def test_each_shape_of_price(provider, model, given, quantity, micros):
    asked = given if "text" in given else {"prompt": "x", **given}

    said = bill(provider, model, asked, plan_of(provider, model, asked))

    assert (said.quantity_text, said.price.micros) == (quantity, micros)


def combinations(schema: dict[str, Any], example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The example with every choice of its enums and switches, and both ends of its numbers."""
    axes = {}
    for name, given in schema["properties"].items():
        if given["type"] == "boolean":
            axes[name] = [True, False]
        elif "enum" in given:
            axes[name] = given["enum"]
        elif given["type"] == "integer" and "x-meter" in given:
            axes[name] = [given["minimum"], given["maximum"]]
    for values in islice(product(*axes.values()), MOST_COMBINATIONS):
        yield {**example, **dict(zip(axes, values, strict=True))}


def complete(model: SeedModel) -> dict[str, Any]:
    """The model's example with an address for every required file."""
    files = {
        name: ["https://example.com/a.png"] if given["type"] == "array" else "https://example.com/a.png"
        for name, given in model.param_schema["properties"].items()
        if name in model.param_schema["required"] and name not in model.example
    }
    return {**model.example, **files}


#: Hosts of the kind of OpenAI tell their usage with the answer: see tests/sandbox/test_openai.py.
JOBS = [model for model in seed_models() if model.provider in ("fal", "replicate", "kie")]


@pytest.mark.parametrize("model", JOBS, ids=lambda model: model.alias)
def test_the_catalogue_expects_the_bill_it_will_get(model):
    schema = parse_schema(model.param_schema)
    card = cost_card(model.cost.rule, schema)
    route = SimpleNamespace(mapping=model.mapping, settings=model.settings)
    wrong = []
    for asked in combinations(model.param_schema, complete(model)):
        params = coerce(schema, asked)
        sent = to_upstream(route, params)
        given = sent if model.upstream != "veo3_fast" else {"duration": 8, **sent}
        if sent.get("quality") == "auto":
            continue  # nobody knows beforehand what the model will choose
        billed = bill(model.provider, model.upstream, given, plan_of(model.provider, model.upstream, given)).price
        expected = estimate(card, schema, params).total
        if billed != expected:
            wrong.append((asked, str(expected), str(billed)))

    assert wrong == []
