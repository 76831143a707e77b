"""The price matrix walks what the schema allows, prices it, and says what is wrong."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from app.kernel.money import Money
from app.pricing.conditions import Condition, OneOf
from app.pricing.findings import warnings
from app.pricing.matrix import Status, matrix, percent
from app.pricing.rate_card import compile_rule, fixed_card
from app.pricing.rule import parse_rule
from app.pricing.terms import Attribute
from tests.pricing.shop import N, card, choice, rule, schema

QUALITY = choice("standard", "high", "ultra", default="standard")
MODEL = schema({"quality": QUALITY, "format": choice("jpeg", "png", default="jpeg"), "seed": {"type": "integer"}})


def tier(match, price):
    return {"match": match, "price": {"perImage": price}}


def grid(raw, model=MODEL, cost=None, **more):
    return matrix(card(raw, model), model, card(cost, model, "USD") if cost else None, **more)


def kinds(found):
    return [finding.kind for finding in found.findings]


def axis(found, name):
    return next(axis.values for axis in found.axes if axis.name == name)


def test_every_combination_of_enums_is_a_cell():
    found = grid(rule("image", {"perImage": 10}, tiers=[tier({"quality": "high"}, 16), tier({"quality": "ultra"}, 24)]))
    assert found.total == len(found.cells) == 6
    assert [(cell.name, cell.price.amount) for cell in found.cells][:3] == [
        ("quality = standard, format = jpeg", 10),
        ("quality = standard, format = png", 10),
        ("quality = high, format = jpeg", 16),
    ]
    assert found.is_complete
    assert not found.capped


def test_an_axis_says_whether_the_price_depends_on_it():
    found = grid(rule("image", {"perImage": 10}, tiers=[tier({"quality": "high"}, 16)]))
    assert [(axis.name, axis.matters) for axis in found.axes] == [("quality", True), ("format", False)]


@pytest.mark.parametrize(
    ("parameter", "match", "values"),
    [
        pytest.param(N, {"gte": 4}, (1, 3, 4, 5, 10), id="range ends, the breakpoint and both its neighbours"),
        pytest.param({"type": "boolean"}, True, (False, True, None), id="a switch that may be absent"),
        pytest.param({"type": "boolean", "default": True}, True, (False, True), id="a switch with a default"),
        pytest.param(choice("a", "b"), "a", ("a", "b", None), id="an enum that may be absent"),
        pytest.param(
            {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.25, "default": 0.5},
            {"lt": 0.5},
            (0, Decimal("0.25"), Decimal("0.5"), Decimal("0.75"), 1),
            id="steps of a number",
        ),
        pytest.param(
            {"type": "integer", "default": 7}, [3, 5], (2, 3, 4, 5, 6, 7), id="an integer without ends"
        ),
        pytest.param({"type": "string"}, "Rachel", ("Rachel", "…", None), id="text: the named and any other"),
        pytest.param({"type": "string", "format": "image-url"}, "present", ("present", None), id="a file"),
    ],
)  # fmt: skip
def test_the_values_of_an_axis(parameter, match, values):
    model = schema({"p": parameter})
    assert axis(grid(rule("image", {"perImage": 1}, tiers=[tier({"p": match}, 2)]), model), "p") == values


def test_what_a_quantity_depends_on_is_an_axis_too():
    model = schema(
        {"seconds": {"type": "integer", "minimum": 4, "maximum": 12, "x-meter": "second"}, "size": choice("s", "l")},
        size={"by": ["size"], "values": {"s": [512, 512], "l": [2048, 2048]}},
        required=["seconds", "size"],
    )
    found = grid(rule("second", {"perSecond": 2}), model)
    assert [(cell.name, cell.price.amount) for cell in found.cells if cell.params["size"] == "l"] == [
        ("seconds = 4, size = l", 8),
        ("seconds = 12, size = l", 24),
    ]


class TestMargin:
    COST = rule("image", {"perImage": 0.003}, tiers=[tier({"quality": "ultra"}, 0.025)])

    def test_is_exact_and_coloured(self):
        raw = rule("image", {"perImage": 10}, tiers=[tier({"quality": "high"}, 3.5), tier({"quality": "ultra"}, 24)])
        found = grid(raw, schema({"quality": QUALITY}), self.COST)
        assert [(cell.status, cell.margin) for cell in found.cells] == [
            (Status.GOOD, Fraction(7, 10)),
            (Status.THIN, Fraction(1, 7)),
            (Status.LOSS, Fraction(-1, 24)),
        ]
        assert found.counts == {Status.GOOD: 1, Status.THIN: 1, Status.LOSS: 1}

    def test_a_loss_is_a_finding_that_names_the_worst(self):
        found = grid(rule("image", {"perImage": 2}), schema({"quality": QUALITY}), self.COST)
        (loss,) = found.findings
        assert (loss.kind, loss.count, loss.params) == ("loss", 3, {"quality": "ultra"})
        assert loss.message == "quality = ultra: 2 credits are $0.002, and it costs us $0.025."

    def test_depends_on_what_a_credit_is_worth(self):
        found = grid(rule("image", {"perImage": 2}), MODEL, self.COST, credit_value=Decimal("0.05"))
        assert {cell.status for cell in found.cells} == {Status.GOOD}

    def test_is_unknown_without_a_cost_and_that_is_said(self):
        found = grid(rule("image", {"perImage": 2}))
        assert {(cell.status, cell.margin) for cell in found.cells} == {(Status.GOOD, None)}
        assert kinds(found) == ["uncosted"]

    def test_giving_away_what_costs_is_a_loss(self):
        found = grid(rule("image", {"perImage": 0}), MODEL, self.COST)
        assert {(cell.status, cell.margin) for cell in found.cells} == {(Status.LOSS, None)}

    @pytest.mark.parametrize(
        ("margin", "text"),
        [
            (Fraction(5, 8), "62.5%"),
            (Fraction(-1, 24), "−4.2%"),
            (Fraction(-1, 10_000), "0.0%"),
            (Fraction(0), "0.0%"),
            (None, "–"),
        ],
    )
    def test_in_words(self, margin, text):
        assert percent(margin) == text


class TestGaps:
    def test_a_combination_without_a_measure_is_unpriced(self):
        model = schema({"size": choice("s", "m", default="s")}, size={"by": ["size"], "values": {"s": [512, 512]}})
        found = grid(rule("megapixel", {"perMegapixel": 1}), model)
        assert [cell.status for cell in found.cells] == [Status.GOOD, Status.UNPRICED]
        assert found.findings[0].message == (
            "1 of 2 combinations have no price, such as size = m. The price needs width, and nobody said how many."
        )
        assert not found.is_complete

    def test_two_sets_that_slipped_through_are_ambiguous(self):
        # Refused when a rule is read; a card that was put together otherwise can still meet one.
        sets = [
            Attribute(Condition(name, OneOf((value,))), set={"perImage": Decimal(2)})
            for name, value in (("quality", "high"), ("format", "png"))
        ]
        read = replace(parse_rule(rule("image", {"perImage": 1}), MODEL), attributes=tuple(sets))
        found = matrix(compile_rule(read), MODEL)
        assert kinds(found)[0] == "ambiguous"
        assert found.findings[0].params == {"quality": "high", "format": "png"}


class TestTiers:
    def test_behind_one_that_matches_first_are_unreachable(self):
        raw = rule(
            "image", {"perImage": 1}, tiers=[tier({"quality": ["high", "ultra"]}, 2), tier({"quality": "ultra"}, 3)]
        )
        (found,) = grid(raw).findings[-1:]
        assert (found.kind, found.path) == ("unreachable", "tiers[1]")
        assert found.message == "Never reached: tier 1 matches first."

    def test_that_no_request_can_meet_are_unreachable(self):
        raw = rule("image", {"perImage": 1}, tiers=[tier({"quality": "absent"}, 2)])
        assert grid(raw).findings[-1].message == "Never reached: no combination has quality = absent."

    def test_shadowed_by_several_together_are_unreachable(self):
        tiers = [tier({"quality": ["standard", "high"]}, 2), tier({"quality": "ultra"}, 3), tier({"format": "png"}, 4)]
        assert grid(rule("image", {"perImage": 1}, tiers=tiers)).findings[-1].message == (
            "Never reached: tiers 1 and 2 match first."
        )

    def test_that_change_no_price_are_named(self):
        raw = rule("image", {"perImage": 2}, tiers=[tier({"quality": "high"}, 2), tier({"quality": "ultra"}, 3)])
        assert [(found.kind, found.path) for found in grid(raw).findings[1:]] == [("unchanged", "tiers[0]")]

    def test_that_only_protect_from_a_later_one_do_change_something(self):
        tiers = [tier({"quality": "high"}, 2), tier({"quality": ["high", "ultra"]}, 3)]
        assert kinds(grid(rule("image", {"perImage": 2}, tiers=tiers))) == ["uncosted"]

    def test_warnings_carry_the_path_for_the_editor(self):
        raw = rule("image", {"perImage": 1}, tiers=[tier({"quality": "absent"}, 2)])
        (warning,) = warnings(parse_rule(raw, MODEL))
        assert (warning.path, warning.message) == ("tiers[0]", "Never reached: no combination has quality = absent.")


class TestLargeSpaces:
    def test_hold_what_changes_nothing_and_say_so(self):
        model = schema({"quality": QUALITY, **{f"x{index}": choice("a", "b", "c") for index in range(6)}})
        found = grid(rule("image", {"perImage": 1}, tiers=[tier({"quality": "high"}, 2)]), model)
        assert found.total == 3 * 4**6
        assert len(found.cells) == 3
        assert (found.capped, len(found.held)) == (False, 6)

    def test_are_sampled_evenly_where_everything_matters(self):
        names = [f"x{index}" for index in range(7)]
        model = schema({name: choice("a", "b", "c") for name in names})
        raw = rule("image", {"perImage": 1}, attributes=[{"param": name, "is": "b", "add": 1} for name in names])
        found = grid(raw, model)
        assert (found.total, len(found.cells), found.capped) == (4**7, 4096, True)
        assert not found.is_complete
        for name in names[:6]:
            assert {cell.params[name] for cell in found.cells} == {"a", "b", "c", None}

    def test_leave_unreachable_tiers_unproven(self):
        model = schema({f"x{index}": choice("a", "b", "c") for index in range(7)})
        tiers = [tier({f"x{index}": "a"}, index + 2) for index in range(7)]
        assert "unproven" in kinds(grid(rule("image", {"perImage": 1}, tiers=tiers), model))

    def test_can_be_capped_lower(self):
        found = grid(rule("image", {"perImage": 1}, tiers=[tier({"quality": "high"}, 2)]), MODEL, cap=2)
        assert (len(found.cells), found.capped) == (2, True)


def test_the_previous_price_stands_beside_the_new_one():
    model = schema({"quality": QUALITY})
    new = rule("image", {"perImage": 10}, tiers=[tier({"quality": "high"}, 16)])
    found = matrix(card(new, model), model, previous=fixed_card(Decimal(12)))
    assert [(cell.previous, cell.price) for cell in found.cells] == [
        (Money(12_000_000), Money(10_000_000)),
        (Money(12_000_000), Money(16_000_000)),
        (Money(12_000_000), Money(10_000_000)),
    ]


def test_a_previous_price_that_could_not_price_this_is_absent():
    model = schema({"quality": QUALITY})
    old = card(rule("second", {"perSecond": 1}), model)
    assert {cell.previous for cell in matrix(fixed_card(Decimal(1)), model, previous=old).cells} == {None}


def test_a_model_without_choices_is_one_cell():
    found = grid(rule("image", {"perImage": 10}), schema({"prompt": {"type": "string"}}, required=["prompt"]))
    assert [(cell.params, cell.price.amount) for cell in found.cells] == [({}, 10)]


def test_text_that_is_charged_is_taken_as_a_thousand_characters_and_files_as_a_minute():
    text = schema({"text": {"type": "string", "maxLength": 5000, "x-meter": "character"}}, required=["text"])
    assert grid(rule("character", {"per1kCharacters": 60}), text).cells[0].price.amount == 60
    audio = schema({"audio": {"type": "string", "format": "audio-url", "x-meter": "second"}}, required=["audio"])
    assert grid(rule("second", {"perSecond": 2}), audio).cells[0].price.amount == 120
