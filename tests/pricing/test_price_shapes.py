"""One golden text per price shape that real providers use: the rule, some requests, some deliveries, every figure.

The texts are in tests/golden/pricing. `python -m tests.pricing.test_price_shapes` writes them anew; read the
difference before committing it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.catalogue.param_schema import coerce, resolved_values
from app.kernel.errors import FareboxError
from app.kernel.money import plain
from app.pricing.conditions import word
from app.pricing.parameters import ParamSchema
from app.pricing.quote import Quote, estimate, final
from app.pricing.rate_card import RateCard, fixed_card
from app.pricing.usage import Output, Usage
from tests.pricing.shop import N, card, choice, film, images, pictures, rule, schema

GOLDEN = Path(__file__).parents[1] / "golden" / "pricing"
SECOND = {"x-meter": "second"}
SIZES = {"by": ["image_size"], "values": {"square_hd": [1024, 1024], "landscape_4_3": [1024, 768]}}
VIDEO_SIZES = {"by": ["resolution", "aspect_ratio"], "values": {"480p|16:9": [864, 480], "1080p|16:9": [1920, 1080]}}


@dataclass(frozen=True)
class Delivery:
    """What came back for request number `of`, and what the provider said it had used."""

    usage: Usage
    of: int = 0
    resolved: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    title: str
    schema: ParamSchema
    rule: Mapping[str, Any] | str  # the rule, or a fixed price in credits
    requests: tuple[Mapping[str, Any], ...]
    deliveries: tuple[Delivery, ...] = ()
    lengths: Mapping[str, Decimal] = field(default_factory=dict)


def tokens(fresh: int, cached: int, made: int) -> Usage:
    return Usage(
        outputs=(Output(),),
        input_tokens=Decimal(fresh),
        cached_input_tokens=Decimal(cached),
        output_tokens=Decimal(made),
    )


SHAPES = {
    "per_image": Shape(
        "A price per image, times how many",
        schema({"num_images": N}),
        rule("image", {"perImage": 39}),
        ({}, {"num_images": 4}),
        (Delivery(images(3), of=1),),
    ),
    "per_request": Shape(
        "One price a clip, whatever is asked for",
        schema({"num_images": N}),
        "300",
        ({}, {"num_images": 4}),
        (Delivery(images(4), of=1), Delivery(images(0))),
    ),
    "per_megapixel": Shape(
        "Per megapixel, rounded up for each image",
        schema(
            {"image_size": choice("square_hd", "landscape_4_3", "1536x1536", default="landscape_4_3"), "n": N},
            size=SIZES,
        ),
        rule("megapixel", {"perMegapixel": 3}),
        ({}, {"image_size": "square_hd", "n": 2}, {"image_size": "1536x1536"}),
        (Delivery(pictures((1024, 1024), (1040, 1024)), of=1),),
    ),
    "first_megapixel_and_further": Shape(
        "The first megapixel of each image at one price, every further one at another",
        schema({"image_size": choice("square_hd", "2048x2048", default="square_hd")}, size=SIZES),
        rule("megapixel", {"base": 30, "included": 1, "perMegapixel": 15}),
        ({}, {"image_size": "2048x2048"}),
        (Delivery(pictures((2048, 2048), (1024, 1024)), of=1),),
    ),
    "first_seconds_and_further": Shape(
        "A base for the first five seconds, then per second",
        schema({"duration": choice("5", "10", default="5", **SECOND)}),
        rule("second", {"base": 280, "included": 5, "perSecond": 56}, rounding={"to": 0.01}),
        ({}, {"duration": 10}),
        (Delivery(film("4.9")), Delivery(film("10.041667"), of=1)),
    ),
    "table_on_two_enums": Shape(
        "A table over two enums: size by quality",
        schema(
            {
                "size": choice("1024x1024", "1024x1536", "1536x1024", default="1024x1024"),
                "quality": choice("low", "medium", "high", "auto", default="auto"),
            }
        ),
        rule(
            "image",
            {"perImage": 42},
            tiers=[
                {"match": {"quality": "low", "size": "1024x1024"}, "price": {"perImage": 11}},
                {"match": {"quality": "low"}, "price": {"perImage": 16}},
                {"match": {"quality": "high", "size": "1024x1024"}, "price": {"perImage": 167}},
                {"match": {"quality": "high"}, "price": {"perImage": 250}},
                {"match": {"size": ["1024x1536", "1536x1024"]}, "price": {"perImage": 63}},
            ],
        ),
        ({"quality": "low"}, {"quality": "low", "size": "1024x1536"}, {"size": "1536x1024"}, {"quality": "high"}),
        tuple(Delivery(images(1), of=2, resolved={"quality": quality}) for quality in ("high", "low")),
    ),
    "resolution_and_audio": Shape(
        "Per second, by resolution and with or without sound",
        schema(
            {
                "duration": choice("4s", "6s", "8s", default="8s", **SECOND),
                "resolution": choice("720p", "1080p", "4k", default="720p"),
                "generate_audio": {"type": "boolean", "default": True},
            }
        ),
        rule(
            "second",
            {"perSecond": 200},
            tiers=[
                {"match": {"generate_audio": True, "resolution": "4k"}, "price": {"perSecond": 600}},
                {"match": {"generate_audio": True}, "price": {"perSecond": 400}},
                {"match": {"resolution": "4k"}, "price": {"perSecond": 400}},
            ],
        ),
        ({}, {"generate_audio": False}, {"resolution": "4k"}, {"resolution": "4k", "generate_audio": False}),
        (Delivery(film("8")),),
    ),
    "video_tokens": Shape(
        "Video tokens: height × width × frames per second × seconds / 1024",
        schema(
            {
                "resolution": choice("480p", "1080p", default="1080p"),
                "aspect_ratio": choice("16:9", "auto", default="16:9"),
                "duration": choice("5", "10", default="5", **SECOND),
            },
            size=VIDEO_SIZES,
            fps=24,
        ),
        rule("video_token", {"per1kVideoTokens": 2.5}),
        ({}, {"resolution": "480p", "duration": "10"}),
        (
            Delivery(Usage((Output(1920, 1088, Decimal("5.0416666666667")),))),
            Delivery(Usage((Output(1920, 1088, video_tokens=Decimal(246840)),))),
        ),
    ),
    "frames_as_seconds": Shape(
        "Video seconds: frames divided by sixteen",
        schema(
            {
                "num_frames": {"type": "integer", "minimum": 17, "maximum": 161, "default": 81, **SECOND, "x-per": 16},
                "resolution": choice("480p", "720p", default="720p"),
            }
        ),
        rule("second", {"perSecond": 80}, tiers=[{"match": {"resolution": "480p"}, "price": {"perSecond": 40}}]),
        ({}, {"num_frames": 161, "resolution": "480p"}),
        (Delivery(film("5.0625")),),
    ),
    "per_thousand_characters": Shape(
        "Per thousand characters, counted as Unicode code points",
        schema({"text": {"type": "string", "maxLength": 5000, "x-meter": "character"}}, required=["text"]),
        rule("character", {"per1kCharacters": 60}),
        ({"text": "a" * 1500}, {"text": "Grüße 👋🏽"}),
        (Delivery(Usage((Output(seconds=Decimal(3)),), characters=1500)),),
    ),
    "per_second_of_audio": Shape(
        "Per second of the audio that goes in",
        schema({"audio": {"type": "string", "format": "audio-url", **SECOND}}, required=["audio"]),
        rule("second", {"perSecond": 0.1}),
        ({"audio": "file_01"},),
        (Delivery(film("61.25")),),
        lengths={"audio": Decimal("61.25")},
    ),
    "token_classes": Shape(
        "Tokens in disjoint classes, pro rata",
        schema(
            {
                "prompt": {"type": "string", "x-meter": "character"},
                "max_tokens": {"type": "integer", "maximum": 4096, "default": 512, "x-meter": "output_token"},
            },
            required=["prompt"],
        ),
        rule("token", {"per1kInputTokens": 0.15, "per1kCachedInputTokens": 0.075, "per1kOutputTokens": 0.6}),
        ({"prompt": "Tell me a story about a lighthouse.", "max_tokens": 200},),
        (Delivery(tokens(600, 400, 1)), Delivery(tokens(0, 0, 0))),
    ),
    "input_video_counts_too": Shape(
        "The length of the input adds to what is made",
        schema(
            {
                "duration": choice("4", "8", default="4", **SECOND),
                "reference": {"type": "string", "format": "video-url", **SECOND},
            }
        ),
        rule("second", {"perSecond": 10}, attributes=[{"param": "reference", "is": "present", "multiply": 0.6}]),
        ({}, {"reference": "https://example.com/clip.mp4"}),
        lengths={"reference": Decimal("2.5")},
    ),
    "multipliers": Shape(
        "Conditions that multiply: batch at half price, a picture to start from",
        schema(
            {
                "batch": {"type": "boolean", "default": False},
                "image_url": {"type": "string", "format": "image-url"},
                "n": N,
            }
        ),
        rule(
            "image",
            {"perImage": 40},
            attributes=[
                {"param": "batch", "is": True, "multiply": 0.5},
                {"param": "image_url", "is": "present", "multiply": 1.25},
                {"param": "image_url", "is": "absent", "addFlat": 1},
            ],
        ),
        ({}, {"batch": True, "n": 3}, {"batch": True, "image_url": "https://example.com/a.png"}),
    ),
    "default_filled": Shape(
        "A default the caller left out is priced, and sent upstream",
        schema({"seconds": {"type": "integer", "minimum": 4, "maximum": 12, "default": 10, **SECOND}}),
        rule("second", {"perSecond": 10}, tiers=[{"match": {"seconds": {"gt": 10}}, "price": {"perSecond": 9}}]),
        ({}, {"seconds": None}, {"seconds": "12"}),
    ),
    "text_or_number": Shape(
        "“8s”, “8” and 8 are one value",
        schema({"duration": choice("4s", "6s", "8s", default="4s", **SECOND)}),
        rule("second", {"perSecond": 10}, tiers=[{"match": {"duration": 8}, "price": {"perSecond": 7}}]),
        ({"duration": "8s"}, {"duration": "8"}, {"duration": 8}, {"duration": 8.0}),
    ),
    "settled_from_actual": Shape(
        "Estimated from the request, settled from what the provider bills",
        schema({"duration": choice("3", "6", default="3", **SECOND)}),
        rule("second", {"perSecond": 25}),
        ({},),
        (Delivery(film("3.008")),),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_price_shape(name: str) -> None:
    assert render(SHAPES[name]) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_golden_text_has_its_shape() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(SHAPES)


def render(shape: Shape) -> str:
    """Everything a shape comes to, as text that can be read aloud."""
    priced = fixed_card(Decimal(shape.rule)) if isinstance(shape.rule, str) else card(shape.rule, shape.schema)
    lines = [f"# {shape.title}", "", json.dumps(shape.rule), ""]
    asked = []
    for number, given in enumerate(shape.requests, start=1):
        params = coerce(shape.schema, given)
        asked.append(params)
        lines += [f"request {number}: {_named(given)}", f"  priced as {_named(params)}"]
        lines += _quote(priced, estimate(priced, shape.schema, params, lengths=shape.lengths))
    for delivery in shape.deliveries:
        conditions = resolved_values(shape.schema, asked[delivery.of], delivery.resolved)
        resolved = f", resolved to {_named(delivery.resolved)}" if delivery.resolved else ""
        lines += [f"delivered for request {delivery.of + 1}: {_usage(delivery.usage)}{resolved}"]
        lines += _quote(priced, final(priced, delivery.usage, conditions))
    return "\n".join(lines)


def _quote(priced: RateCard, quote: Quote) -> list[str]:
    most = "" if quote.is_exact else f", at most {plain(quote.maximum.amount)}"
    lines = [f"  {plain(quote.total.amount)} credits{most}: {quote.reason}"]
    lines += [
        f"    {line.type:8} {line.metric:20} {plain(line.quantity):>12} → {plain(line.billable_quantity):>12}"
        f" × {plain(line.unit_price):>8} = {plain(line.total.amount)}"
        for line in quote.lines
    ]
    return [*lines, *(f"    · {step}" for step in quote.steps), ""]


def _named(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_short(word(value))}" for name, value in values.items()) or "nothing"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}… ({len(text)})"


def _usage(usage: Usage) -> str:
    outputs = [_measures(output) for output in usage.outputs]
    return " and ".join([f"{len(outputs)} outputs", *filter(None, outputs), *filter(None, [_measures(usage)])])


def _measures(measured: Output | Usage) -> str:
    names = [name for name in measured.__slots__ if name != "outputs" and getattr(measured, name) is not None]
    return ", ".join(f"{name} {getattr(measured, name)}" for name in names)


def write() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, shape in SHAPES.items():
        try:
            (GOLDEN / f"{name}.txt").write_text(render(shape), encoding="utf-8")
        except FareboxError as refused:
            raise SystemExit(f"{name}: {refused} {refused.details}") from refused


if __name__ == "__main__":
    write()
