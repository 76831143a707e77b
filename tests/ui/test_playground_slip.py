"""The slip and the Run button, from a price."""

from dataclasses import replace

import pytest

from app.catalogue.offers import Limits, Offer
from app.catalogue.param_schema import parse_schema
from app.catalogue.route_policy import policy_of
from app.generation.preview import Preview
from app.kernel.money import Money
from app.pricing.quote import estimate
from app.pricing.rate_card import compile_rule
from app.pricing.rule import parse_rule
from app.pricing.terms import BillingMode
from app.ui.pages.playground.slip import Stale, slip_of

SCHEMA = {
    "type": "object",
    "properties": {
        "quality": {"type": "string", "enum": ["standard", "high", "auto"], "default": "standard"},
        "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1, "x-meter": "image"},
    },
}
RULE = {
    "type": "formula",
    "unit": "image",
    "price": {"perImage": 10},
    "tiers": [{"match": {"quality": "high"}, "price": {"perImage": 16}}],
}
PLENTY = Money(48_210_000_000)


def offer(rule=RULE) -> Offer:
    schema = parse_schema(SCHEMA)
    card = compile_rule(parse_rule(rule, schema))
    return Offer(
        model_id="mdl_1",
        alias="flux",
        title="Flux",
        description="",
        modality="image",
        operation="images",
        enabled=True,
        example=None,
        version_id="ver_1",
        version_number=7,
        schema=schema,
        raw_schema=SCHEMA,
        rule=rule,
        credit_cost_micros=None,
        card=card,
        billing_mode=card.billing_mode,
        overage=card.overage,
        refund_on_failure=card.refund_on_failure,
        limits=Limits(),
        routes=(),
        policy=policy_of("priority", None),
        verified=True,
    )


def priced(rule=RULE, **params) -> Preview:
    found = offer(rule)
    return Preview(found, params, estimate(found.card, found.schema, params))


def test_an_exact_price_is_on_the_button_with_its_reason_above():
    slip = slip_of(priced(quality="high", n=2), PLENTY)
    assert slip["status"] == "priced"
    assert slip["lines"] == [{"text": "2 images × 16", "figure": "32"}]
    assert slip["reason"] == "Tier 1: quality = high"
    assert slip["total"] == "32"
    assert slip["after"] == "48,210 → 48,178"
    assert slip["button"] == "Run · 32 credits"
    assert slip["version"] == "flux, price version 7"
    assert slip["brief"] == "2 images × 16, tier 1"
    assert slip["spoken"] == "32 credits, 2 images × 16, tier 1."
    assert slip["can_run"]


def test_the_base_price_says_that_it_is_the_base_price():
    assert slip_of(priced(quality="standard", n=1), PLENTY)["reason"] == "Base price"


def test_where_the_price_may_rise_the_button_bears_the_most():
    slip = slip_of(priced(quality="auto", n=1), PLENTY)
    assert (slip["total"], slip["at_most"]) == ("10", "16")
    assert slip["button"] == "Run · at most 16 credits"
    assert slip["after"] == "48,210 → 48,194"
    assert slip["after_label"] == "Balance after, at least"


def test_too_few_credits_disable_the_button_and_say_how_many_are_missing():
    slip = slip_of(priced(quality="high", n=4), Money(10_500_000))
    assert slip["status"] == "short"
    assert slip["message"] == "You need 53.5 more credits"
    assert slip["advice"].startswith("Top up")
    assert not slip["can_run"]
    assert slip["after"] == ""


def test_what_must_be_held_counts_not_what_is_expected():
    assert slip_of(priced(quality="auto", n=1), Money(12_000_000))["message"] == "You need 4 more credits"


def test_a_changed_price_is_shown_with_the_old_one_and_asked_again():
    slip = slip_of(priced(quality="high", n=2), PLENTY, Stale(Money(20_000_000)))
    assert slip["status"] == "stale"
    assert slip["message"] == "The price is now 32 credits; it was 20"
    assert slip["button"] == "Run at 32 credits"
    assert slip["can_run"]


def test_a_suspended_workspace_may_look_but_not_run():
    slip = slip_of(priced(n=1), PLENTY, suspended=True)
    assert slip["status"] == "cannot"
    assert "suspended" in slip["message"]
    assert not slip["can_run"]


def test_without_a_price_the_slip_says_why():
    refused = Preview(offer(), {}, None, refusal="No provider at the moment.")
    assert slip_of(refused, PLENTY)["message"] == "No provider at the moment."
    wrong = Preview(offer(), {}, None, problems={"n": "Too large."})
    assert slip_of(wrong, PLENTY)["message"].startswith("Mend")
    assert not slip_of(wrong, PLENTY)["can_run"]


def test_a_minimum_is_said_once():
    slip = slip_of(priced({**RULE, "tiers": [], "minimum": 25}, n=1), PLENTY)
    assert [line["text"] for line in slip["lines"]] == ["1 image × 10", "Raised to the minimum of 25"]
    assert slip["reason"] == "Base price"


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({}, "You pay only for images delivered"),
        ({"modality": "video"}, "You pay only for what is delivered"),
        ({"billing_mode": BillingMode.ON_SUBMIT}, "Charged when it starts, returned if it fails"),
        (
            {"billing_mode": BillingMode.ON_SUBMIT, "refund_on_failure": False},
            "Charged when it starts, also if it fails",
        ),
    ],
)
def test_the_line_under_the_button_says_what_is_paid_for(changes, promise):
    found = priced(n=1)
    assert slip_of(replace(found, offer=replace(found.offer, **changes)), PLENTY)["promise"] == promise
