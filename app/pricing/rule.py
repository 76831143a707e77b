"""The JSON an operator edits → a checked `Rule`, or `RuleRefused` with every problem: where, why, and what instead.

    rule = parse_rule({"type": "formula", "unit": "image", "price": {"perImage": 10}}, schema)

A rule is refused rather than guessed at: an unknown key, unit, parameter or enum value, a figure that is negative or
not finite, a tier whose price has other keys than the base price, and two `set`s that could both apply.
`RuleRefused.details["problems"]` is a list of `{path, message, suggestion?, replaces?}`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.kernel.errors import RuleRefused
from app.kernel.money import Rounding
from app.pricing.ambiguity import ambiguous_sets
from app.pricing.document import Findings, join, too_big
from app.pricing.match_reader import MatchReader
from app.pricing.numbers import shown
from app.pricing.parameters import ParamSchema
from app.pricing.terms import MICRO_STEP, Attribute, BillingMode, Overage, Price, Problem, Rule, Tier
from app.pricing.units import UNITS, Unit

__all__ = ["BillingMode", "Overage", "Problem", "Rule", "parse_rule"]

KEYS = (
    "type", "billingMode", "unit", "price", "attributes", "tiers", "addFlat", "minimum", "rounding", "overage",
    "refundOnFailure",
)  # fmt: skip
TIER_KEYS = ("match", "price")
EFFECTS = ("set", "add", "multiply", "addFlat")

#: Far more than a person could oversee; the limit keeps the search for ambiguous prices short.
MOST_ENTRIES = 200


def parse_rule(raw: Mapping[str, Any], schema: ParamSchema | None = None) -> Rule:
    """Check `raw` against the rule grammar and, where given, the model's parameters.

    Without a schema parameter names and enum values cannot be checked and are taken as written.
    """
    big = too_big(raw)
    findings = Findings()
    if big is not None:
        findings.problems.append(big)
    rule = None if big else _Reader(findings, schema).rule(raw)
    if rule is None or findings.problems:
        raise refusal(findings.problems)
    return rule


def refusal(problems: list[Problem]) -> RuleRefused:
    """The error that carries `problems`; its sentence is the first of them."""
    first = problems[0]
    sentence = f"{first.path}: {first.message}" if first.path else first.message
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return RuleRefused(
        f"{sentence}{more}", param=first.path or None, problems=[problem.to_json() for problem in problems]
    )


class _Reader:
    def __init__(self, findings: Findings, schema: ParamSchema | None) -> None:
        self.found = findings
        self.schema = schema
        self.match = MatchReader(findings, schema)

    def rule(self, given: object) -> Rule | None:
        raw = self.found.mapping(given, "", "A rule")
        if raw is None:
            return None
        self.found.keys(raw, KEYS, "", "A rule")
        for key in ("type", "unit", "price"):
            if key not in raw:
                self.found.note("", f"A rule needs {shown(key)}.")
        if "type" in raw:
            self.found.choice(raw["type"], ("formula",), "type", "kind of rule")
        unit_name = self.found.choice(raw["unit"], UNITS, "unit", "unit") if "unit" in raw else None
        if unit_name is None or "price" not in raw:
            return None
        unit = UNITS[unit_name]
        price = self.price(raw["price"], unit, "price")
        attributes = self.attributes(raw, price)
        self.found.problems.extend(ambiguous_sets(attributes, self.schema))
        step, mode = self.rounding(raw.get("rounding"))
        made = Rule(
            unit=unit,
            price=price or Price({}),
            attributes=attributes,
            tiers=self.tiers(raw, unit, price),
            add_flat=self.optional(raw, "addFlat"),
            minimum=self.optional(raw, "minimum"),
            rounding_step=step,
            rounding_mode=mode,
            billing_mode=BillingMode(self.word(raw, "billingMode", BillingMode.ON_COMPLETE, list(BillingMode))),
            overage=Overage(self.word(raw, "overage", Overage.CAP, list(Overage))),
            refund_on_failure=self.refund(raw),
            schema=self.schema or ParamSchema(),
        )
        return made if price is not None else None

    def optional(self, raw: Mapping[str, Any], key: str) -> Decimal:
        return (self.found.amount(raw[key], key) if key in raw else None) or Decimal(0)

    def word(self, raw: Mapping[str, Any], key: str, default: str, known: list[Any]) -> str:
        if key not in raw:
            return default
        return self.found.choice(raw[key], [str(one.value) for one in known], key, f"value of {key}") or default

    def refund(self, raw: Mapping[str, Any]) -> bool:
        if "refundOnFailure" not in raw:
            return True
        return self.found.flag(raw["refundOnFailure"], "refundOnFailure") is not False

    def price(self, given: object, unit: Unit, path: str) -> Price | None:
        raw = self.found.mapping(given, path, "A price")
        if raw is None:
            return None
        before = len(self.found.problems)
        known = [key.key for key in unit.keys]
        self.found.keys(raw, [*known, "base", "included"], path, f"A price per {unit.name}")
        rates = {key: self.found.amount(raw[key], join(path, key)) for key in known if key in raw}
        self._complete(set(rates), unit, path)
        base, included = (
            self.found.amount(raw[key], join(path, key)) if key in raw else None for key in ("base", "included")
        )
        if included is not None and len(rates) > 1:
            self.found.note(join(path, "included"), "With several prices it is not clear which units are included.")
        if len(self.found.problems) > before:
            return None
        return Price({key: rate for key, rate in rates.items() if rate is not None}, base, included)

    def _complete(self, given: set[str], unit: Unit, path: str) -> None:
        """The given keys must be one whole choice of the unit."""
        choices = [{key.key for key in choice} for choice in unit.choices]
        if any(choice - unit.optional <= given <= choice for choice in choices):
            return
        wanted = " or ".join(" + ".join(key.key for key in choice) for choice in unit.choices)
        if len([choice for choice in choices if choice & given]) > 1:
            self.found.note(path, f"The prices {', '.join(sorted(given))} exclude each other; give {wanted}.")
        else:
            nearby = max(choices, key=lambda choice: len(choice & given))
            missing = sorted(nearby - unit.optional - given)
            self.found.note(path, f"A price per {unit.name} needs {' and '.join(missing)} (possible: {wanted}).")

    def tiers(self, raw: Mapping[str, Any], unit: Unit, base: Price | None) -> tuple[Tier, ...]:
        given = self.entries(raw, "tiers")
        read = [self.tier(one, join("tiers", index), unit, base) for index, one in enumerate(given)]
        return tuple(tier for tier in read if tier is not None)

    def entries(self, raw: Mapping[str, Any], key: str) -> list[Any]:
        given = self.found.items(raw[key], key, f"“{key}”") if key in raw else []
        if len(given) > MOST_ENTRIES:
            self.found.note(key, f"{len(given):,} entries are more than the {MOST_ENTRIES} a rule may have.")
        return given[:MOST_ENTRIES]

    def tier(self, given: object, path: str, unit: Unit, base: Price | None) -> Tier | None:
        raw = self.found.mapping(given, path, "A tier")
        if raw is None:
            return None
        self.found.keys(raw, TIER_KEYS, path, "A tier")
        for key in TIER_KEYS:
            if key not in raw:
                self.found.note(path, f"A tier needs {shown(key)}.")
        match = self.match.conditions(raw["match"], join(path, "match")) if "match" in raw else ()
        price = self.price(raw["price"], unit, join(path, "price")) if "price" in raw else None
        if price is None:
            return None
        if base is not None and price.keys != base.keys:
            self.found.note(
                join(path, "price"),
                f"A tier replaces the whole price, so it needs the same keys as the base price: "
                f"{', '.join(sorted(base.keys))}. This one has {', '.join(sorted(price.keys))}.",
            )
        return Tier(match, price)

    def attributes(self, raw: Mapping[str, Any], price: Price | None) -> tuple[Attribute, ...]:
        given = self.entries(raw, "attributes")
        read = [self.attribute(one, join("attributes", index), price) for index, one in enumerate(given)]
        return tuple(attribute for attribute in read if attribute is not None)

    def attribute(self, given: object, path: str, price: Price | None) -> Attribute | None:
        raw = self.found.mapping(given, path, "An attribute")
        if raw is None:
            return None
        before = len(self.found.problems)
        self.found.keys(raw, ("param", "is", *EFFECTS), path, "An attribute")
        for key in ("param", "is"):
            if key not in raw:
                self.found.note(path, f"An attribute needs {shown(key)}.")
        if not any(effect in raw for effect in EFFECTS):
            self.found.note(path, f"An attribute needs an effect: {', '.join(EFFECTS)}.")
        if "param" not in raw or "is" not in raw:
            return None
        when = self.match.condition(raw["param"], raw["is"], join(path, "param"), join(path, "is"))
        rated = ("set", "add") if price is not None else ()
        changed = {key: self.rates(raw[key], join(path, key), price) for key in rated if key in raw}
        scaled = {key: self.found.amount(raw[key], join(path, key)) for key in ("multiply", "addFlat") if key in raw}
        if when is None or len(self.found.problems) > before:
            return None
        return Attribute(when, changed.get("set"), changed.get("add"), scaled.get("multiply"), scaled.get("addFlat"))

    def rates(self, given: object, path: str, price: Price | None) -> Mapping[str, Decimal] | None:
        """The figures of a `set` or `add`: a number for a unit with one price, else an object with every price key."""
        keys = list(price.rates) if price else []
        if not isinstance(given, Mapping):
            if len(keys) > 1:
                self.found.note(path, f"This unit has several prices; write an object with {', '.join(keys)}.")
                return None
            amount = self.found.amount(given, path)
            return None if amount is None else {keys[0]: amount}
        self.found.keys(given, keys, path, "This")
        read = {key: self.found.amount(given[key], join(path, key)) for key in keys if key in given}
        for key in keys:
            if key not in given:
                self.found.note(path, f"This needs {key} too: it must name every price of the rule.")
        return {key: amount for key, amount in read.items() if amount is not None}

    def rounding(self, given: object) -> tuple[Decimal, Rounding]:
        if given is None:
            return MICRO_STEP, Rounding.HALF_UP
        raw = self.found.mapping(given, "rounding", "“rounding”")
        if raw is None:
            return MICRO_STEP, Rounding.HALF_UP
        self.found.keys(raw, ("to", "mode"), "rounding", "“rounding”")
        if "to" not in raw:
            self.found.note("rounding", "Rounding needs “to”, the step to round to.")
        step = self.found.amount(raw["to"], "rounding.to", positive=True) if "to" in raw else None
        if step is not None and step % MICRO_STEP != 0:
            self.found.note("rounding.to", "The step must be a whole number of millionths.")
        mode = Rounding.HALF_UP
        if "mode" in raw:
            known = [one.value for one in Rounding]
            mode = Rounding(self.found.choice(raw["mode"], known, "rounding.mode", "way of rounding") or mode)
        return step or MICRO_STEP, mode
