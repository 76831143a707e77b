"""The choice of a route: one table of situations, each with the order it gives and what keeps the others out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.catalogue.offers import RouteOffer
from app.catalogue.route_policy import PolicyKind, RoutingPolicy
from app.generation.breaker import Breaker
from app.generation.routing import Facts, RouteFacts, choose, may_ask_elsewhere
from app.kernel.errors import ProviderBusy, ProviderError, ProviderRefused, ProviderUnclear

PRICE = 10_000  # micro-USD


def route(name: str, provider: str, *, priority: int = 0, weight: int = 100, **more: Any) -> RouteOffer:
    known: dict[str, Any] = {"usable": True, "enabled": True, "mapping": {}, "settings": {}} | more
    return RouteOffer(
        route_id=name, provider_id=provider, provider_kind=provider, provider_name=provider, upstream_model="x",
        is_sandbox=True, cost_card=None, priority=priority, weight=weight, **known,
    )  # fmt: skip


A, B, C = route("a", "fal"), route("b", "kie", priority=1), route("c", "replicate", priority=2)
OPEN = RouteFacts(breaker=Breaker.OPEN, unwell_because="busy")
PROBING = RouteFacts(breaker=Breaker.HALF_OPEN, probe_free=True)
TAKEN = RouteFacts(breaker=Breaker.HALF_OPEN, probe_free=False)


def cost(micros: int, **more: Any) -> RouteFacts:
    return RouteFacts(cost_micros=micros, **more)


def seen(routes: list[RouteOffer], policy: RoutingPolicy, facts: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """The order as letters, and why the others are out."""
    choice = choose(routes, policy, Facts(price_micros=PRICE, **facts))
    out = {reason.route_id: reason.code for reason in choice.reasons if reason.place is None}
    assert len(choice.reasons) == len(routes)
    return "".join(one.route_id for one in choice.order), out


PRIORITY, WEIGHTED = RoutingPolicy(), RoutingPolicy(PolicyKind.WEIGHTED)
CHEAPEST, FASTEST = RoutingPolicy(PolicyKind.CHEAPEST, 2_000), RoutingPolicy(PolicyKind.FASTEST)


@pytest.mark.parametrize(
    ("policy", "facts", "order", "out"),
    [
        pytest.param(PRIORITY, {}, "abc", {}, id="the lowest number first"),
        pytest.param(PRIORITY, {"routes": {"a": OPEN}}, "bca", {}, id="what is open is the last resort"),
        pytest.param(PRIORITY, {"routes": {"a": OPEN, "b": OPEN, "c": OPEN}}, "abc", {}, id="all open: as stated"),
        pytest.param(PRIORITY, {"routes": {"a": PROBING}}, "abc", {}, id="half-open and free keeps its place"),
        pytest.param(PRIORITY, {"routes": {"a": TAKEN}}, "bca", {}, id="half-open and being tried does not"),
        pytest.param(PRIORITY, {"tried": frozenset("a")}, "bc", {"a": "tried"}, id="never the same again"),
        pytest.param(
            PRIORITY, {"forced": "kie"}, "b", {"a": "not_asked", "c": "not_asked"}, id="a named provider alone"
        ),
        pytest.param(
            PRIORITY, {"forced": "kie", "routes": {"b": OPEN}}, "b", {"a": "not_asked", "c": "not_asked"},
            id="a named provider even when it is unwell",
        ),
        pytest.param(
            PRIORITY, {"allowed": frozenset({"kie"})}, "b", {"a": "not_allowed", "c": "not_allowed"},
            id="the allow-list",
        ),
        pytest.param(PRIORITY, {"spent": frozenset({"fal"})}, "bc", {"a": "quota"}, id="a quota that is used"),
        pytest.param(
            PRIORITY, {"routes": {"a": cost(12_000), "b": cost(11_000), "c": cost(1_000)}}, "ac", {"b": "loss"},
            id="a loss only where the policy put it first",
        ),
        pytest.param(
            PRIORITY, {"routes": {"b": cost(11_000), "c": cost(1_000)}, "tried": frozenset("a")}, "c",
            {"a": "tried", "b": "loss"}, id="a fallback never makes a loss",
        ),
        pytest.param(
            PRIORITY, {"routes": {"a": cost(12_000)}, "tried": frozenset("bc"), "begun": frozenset("a")}, "a",
            {"b": "tried", "c": "tried"}, id="a loss it was begun at may be repeated",
        ),
        pytest.param(
            RoutingPolicy(min_margin_bp=5_000), {"routes": {"a": cost(6_000), "b": cost(5_000)}}, "b",
            {"a": "margin", "c": "no_cost"}, id="a guard asks for a known cost",
        ),
        pytest.param(
            PRIORITY, {"routes": {"a": RouteFacts(dropped=("seed",))}}, "bc", {"a": "drops"},
            id="a route that would drop what was asked for",
        ),
        pytest.param(
            CHEAPEST, {"routes": {"a": cost(7_000), "b": cost(3_000), "c": cost(9_000)}}, "ba", {"c": "margin"},
            id="the cheapest of those that keep the margin",
        ),
        pytest.param(
            CHEAPEST, {"routes": {"a": cost(7_000), "b": cost(3_000, breaker=Breaker.OPEN)}}, "ab", {"c": "no_cost"},
            id="the cheapest is down: the next",
        ),
        pytest.param(
            FASTEST, {"roll": 0.5, "routes": {"a": RouteFacts(milliseconds=900), "b": RouteFacts(milliseconds=400)}},
            "bac", {}, id="the fastest, the untimed last",
        ),
        pytest.param(
            FASTEST, {"roll": 0.01, "routes": {"a": RouteFacts(milliseconds=900), "b": RouteFacts(milliseconds=400)}},
            "cba", {}, id="now and then the untimed first",
        ),
    ],
)  # fmt: skip
def test_the_order_and_what_is_out(
    policy: RoutingPolicy, facts: dict[str, Any], order: str, out: dict[str, str]
) -> None:
    assert seen([A, B, C], policy, facts) == (order, out)


def test_what_is_switched_off_is_out_and_says_which_switch() -> None:
    off = [replace(A, usable=False, enabled=False), replace(B, usable=False), C]
    assert seen(off, PRIORITY, {}) == ("c", {"a": "route_off", "b": "provider_off"})


@pytest.mark.parametrize(
    ("policy", "routes", "shares"),
    [
        pytest.param(
            PRIORITY, [route("a", "fal", weight=75), route("b", "kie", weight=25), C], {"a": 75, "b": 25},
            id="by weight within a priority",
        ),
        pytest.param(
            WEIGHTED,
            [route("a", "fal", weight=50), route("b", "kie", priority=9, weight=50), route("c", "x", weight=0)],
            {"a": 50, "b": 50}, id="by weight whatever the priority, a weight of 0 never first",
        ),
    ],
)  # fmt: skip
def test_weights_share_out_the_requests(
    policy: RoutingPolicy, routes: list[RouteOffer], shares: dict[str, int]
) -> None:
    rolls = [(step + 0.5) / 1000 for step in range(1000)]
    choices = [choose(routes, policy, Facts(roll=roll)) for roll in rolls]
    first = Counter(choice.order[0].route_id for choice in choices)
    assert {name: round(count / 10) for name, count in first.items()} == shares
    assert all(sorted(one.route_id for one in choice.order) == ["a", "b", "c"] for choice in choices)
    assert all(choice.order[-1].route_id == "c" for choice in choices)


@pytest.mark.parametrize(
    ("error", "elsewhere"),
    [
        pytest.param(ProviderBusy("busy"), True, id="busy: nothing was accepted"),
        pytest.param(ProviderRefused("no", code="provider_key_refused"), True, id="our key"),
        pytest.param(ProviderRefused("no", code="provider_out_of_credit"), True, id="our balance"),
        pytest.param(ProviderRefused("no", code="provider_model_unknown"), True, id="their model"),
        pytest.param(ProviderRefused("no", code="provider_input_refused"), False, id="the customer's input"),
        pytest.param(ProviderUnclear("?"), False, id="it may have been bought"),
    ],
)
def test_only_a_refusal_that_proves_nothing_was_bought_goes_elsewhere(error: ProviderError, elsewhere: bool) -> None:
    assert may_ask_elsewhere(error) is elsewhere
