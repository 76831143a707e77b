"""A compiled price: priced components with their conditions, ready to be multiplied by quantities.

    card = compile_rule(parse_rule(raw, schema))
    card.amount(usage, conditions)        # micro-credits, the hot path
    quote.final(card, usage, conditions)  # the same figure with its lines and its reason

A card is an ordered list of branches; the first whose conditions hold is in force (a rule's tiers, then its base
price). A branch is a list of components, each measuring one metric through a scale and, where it has a filter, only
when that holds. Attributes then change the plain rates. Prices that come as filtered, banded or packaged charges
compile to the same card: one branch, a component per charge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from app.kernel.errors import Unpriced
from app.kernel.money import CREDIT, MICRO, Money, Rounding
from app.pricing.conditions import Condition, Value, all_hold, settled
from app.pricing.numbers import seconds_in
from app.pricing.parameters import Meter, ParamSchema
from app.pricing.scale import Linear, Scale
from app.pricing.terms import MICRO_STEP, Attribute, BillingMode, Overage, Price, Rule, fixed_rule
from app.pricing.units import Frame, PriceKey, Ratio, delivered, in_full
from app.pricing.usage import Usage

#: Priced combinations a card remembers; past it the memory starts afresh.
REMEMBERED = 4_096


WHOLE_MEGAPIXELS = Frame()


@dataclass(frozen=True, slots=True)
class Component:
    """One charge: what is measured, at which price, and under which filter it counts."""

    key: PriceKey
    price: Price | Scale
    filter: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """The components in force when every condition holds."""

    when: tuple[Condition, ...]
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A component with everything applied for one combination of conditions."""

    key: PriceKey
    scale: Scale
    frame: Frame
    rate: Fraction | None = None  # per unit of the price key, for plain rates
    base: Fraction = Fraction(0)

    def quantities(self, usage: Usage) -> Sequence[Ratio]:
        return self.key.measure(usage, self.frame)

    def owed(self, usage: Usage) -> Fraction:
        return Fraction(*self.scale.owed(self.quantities(usage)))


@dataclass(frozen=True, slots=True)
class Priced:
    """What a combination of conditions comes to, before any quantity."""

    branch: int
    attributes: tuple[Attribute, ...]
    parts: tuple[Part, ...]
    flat: Ratio

    @property
    def terms(self) -> tuple[object, ...]:
        """What a difference in price must show in; the same for two ways to the same price."""
        return self.flat, *((part.key.key, part.scale) for part in self.parts)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RateCard:
    """See the module. Amounts are in millionths of `unit` ("credit", or "USD" for what something costs us)."""

    branches: tuple[Branch, ...]
    attributes: tuple[Attribute, ...] = ()
    flat: Fraction = Fraction(0)
    minimum: Fraction = Fraction(0)
    step_micros: int = 1
    rounding: Rounding = Rounding.HALF_UP
    unit: str = CREDIT
    frame: Frame = WHOLE_MEGAPIXELS
    fps_param: str | None = None
    fixed: bool = False
    billing_mode: BillingMode = BillingMode.ON_COMPLETE
    overage: Overage = Overage.CAP
    refund_on_failure: bool = True
    params: tuple[str, ...] = field(default=(), init=False)
    _minimum: Ratio = field(default=(0, 1), init=False, repr=False)
    _memory: dict[tuple[Value, ...], Priced] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        names = dict.fromkeys(condition.param for condition in self.conditions)
        fps = [self.fps_param] if self.fps_param else []
        object.__setattr__(self, "params", tuple(dict.fromkeys([*names, *fps])))
        object.__setattr__(self, "_minimum", (self.minimum * MICRO).as_integer_ratio())

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition that can change the price: tiers, filters, attributes."""
        in_branches = [c for b in self.branches for c in (*b.when, *(f for part in b.components for f in part.filter))]
        return (*in_branches, *(attribute.when for attribute in self.attributes))

    def amount(self, usage: Usage, conditions: Mapping[str, Value]) -> int:
        """What `usage` costs under `conditions` (coerced parameter values), in micros, rounded once.

        Raises `Unpriced` when a measure the price needs is missing or two `set`s apply.
        """
        if not usage.outputs and not delivered(usage):
            return 0
        try:
            priced = self._memory[tuple(map(conditions.get, self.params))]
        except (KeyError, TypeError):  # not seen yet, or a list among the values
            priced = self.priced(conditions)
        num, den = priced.flat
        for part in priced.parts:
            more, per = part.scale.owed(part.key.measure(usage, part.frame))
            if num:
                num, den = num * per + more * den, den * per
            else:
                num, den = more, per
        return self.rounded(num * MICRO, den)

    def rounded(self, num: int, den: int) -> int:
        """Micros for num/den exact micros: at least the minimum, then the one rounding."""
        least, per = self._minimum
        if num * per < least * den:
            num, den = least, per
        size = den * self.step_micros
        if self.rounding is Rounding.UP:
            return -(-num // size) * self.step_micros
        return (2 * num + size) // (2 * size) * self.step_micros

    def priced(self, conditions: Mapping[str, Value]) -> Priced:
        """The rates in force under `conditions`; remembered, because requests repeat themselves."""
        key = tuple(map(conditions.get, self.params))
        try:
            known = self._memory.get(key)
        except TypeError:  # a list among the values: make it comparable
            key = tuple(map(settled, key))
            known = self._memory.get(key)
        if known is None:
            known = self._price(dict(zip(self.params, map(settled, key), strict=True)))
            if len(self._memory) >= REMEMBERED:
                self._memory.clear()
            self._memory[key] = known
        return known

    def ceiling(self, usage: Usage, conditions: Mapping[str, Value], still_open: frozenset[str]) -> int:
        """A bound, in micros, on the price of `usage` whatever values the parameters in `still_open` take."""

        def may_hold(wanted: Sequence[Condition]) -> bool:
            return all(one.param in still_open or one.holds(conditions) for one in wanted)

        possible = [one for one in self.attributes if may_hold((one.when,))]
        dearest = [_at_worst(one) if one.when.param in still_open else one for one in possible]
        choices: list[Attribute | None] = [None, *(one for one in dearest if one.set is not None)]
        frame = self._frame(conditions)
        flat = sum((Fraction(one.add_flat) for one in dearest if one.add_flat is not None), self.flat)
        worst = self.rounded(0, 1)
        for branch in self.branches:
            counted = [one for one in branch.components if may_hold(one.filter)] if may_hold(branch.when) else []
            for choice in choices if counted else ():
                applied = [one if one is choice else replace(one, set=None) for one in dearest]
                owed = [_part(one, applied, frame).owed(usage) for one in counted]
                worst = max(worst, self.rounded(*((sum(owed, flat)) * MICRO).as_integer_ratio()))
        return worst

    def without(self, branch: int) -> "RateCard":
        """The same card as if this branch had never been written."""
        return replace(self, branches=self.branches[:branch] + self.branches[branch + 1 :])

    def money(self, micros: int) -> Money:
        """Raises `Unpriced` when the figure is beyond what an account can hold."""
        try:
            return Money(micros, self.unit)
        except OverflowError:
            raise Unpriced("The price is larger than an account can hold.", code="too_large") from None

    def _price(self, conditions: Mapping[str, Value]) -> Priced:
        index, branch = next((i, b) for i, b in enumerate(self.branches) if all_hold(b.when, conditions))
        applied = tuple(one for one in self.attributes if one.when.holds(conditions))
        frame = self._frame(conditions)
        counted = [one for one in branch.components if all_hold(one.filter, conditions)]
        flat = sum((Fraction(one.add_flat) for one in applied if one.add_flat is not None), self.flat)
        parts = tuple(_part(one, applied, frame) for one in counted)
        return Priced(index, applied, parts, flat.as_integer_ratio())

    def _frame(self, conditions: Mapping[str, Value]) -> Frame:
        fps = seconds_in(conditions.get(self.fps_param)) if self.fps_param else None
        return self.frame if fps is None else Frame(self.frame.divisor, fps)


def compile_rule(rule: Rule, unit: str = CREDIT) -> RateCard:
    """The rate card of a rule. `unit` is the money its figures are in: credits, or "USD" for a cost profile."""
    when_priced = [*((tier.match, tier.price) for tier in rule.tiers), ((), rule.price)]
    return RateCard(
        branches=tuple(Branch(when, _components(rule, price)) for when, price in when_priced),
        attributes=rule.attributes,
        flat=Fraction(rule.add_flat),
        minimum=Fraction(rule.minimum),
        step_micros=int(rule.rounding_step / MICRO_STEP),
        rounding=rule.rounding_mode,
        unit=unit,
        frame=Frame(rule.schema.megapixel_divisor, rule.schema.fps),
        fps_param=_fps_param(rule),
        billing_mode=rule.billing_mode,
        overage=rule.overage,
        refund_on_failure=rule.refund_on_failure,
    )


def fixed_card(credits: Decimal, unit: str = CREDIT, schema: ParamSchema | None = None) -> RateCard:
    """So much per generation, whatever is asked for; used where a model has no rule."""
    return replace(compile_rule(fixed_rule(credits, schema), unit), fixed=True)


def _components(rule: Rule, price: Price) -> tuple[Component, ...]:
    keys = rule.price_keys
    measured = [in_full(key, price.rates) for key in keys]
    first = Price({measured[0].key: price.rates[measured[0].key]}, price.base, price.included)
    rest = [Price({key.key: price.rates[key.key]}) for key in measured[1:]]
    return tuple(Component(key, one) for key, one in zip(measured, [first, *rest], strict=True))


def _fps_param(rule: Rule) -> str | None:
    if rule.unit.name != "video_token":
        return None
    return next((parameter.name for parameter in rule.schema.metered(Meter.FPS)), None)


def _part(component: Component, applied: Sequence[Attribute], frame: Frame) -> Part:
    key, price = component.key, component.price
    if not isinstance(price, Price):
        return Part(key, price, frame)
    rate = _rate(key.key, price, applied)
    base = Fraction(price.base or 0) * _product(applied)
    return Part(key, Linear.of(rate / key.per, base, price.included), frame, rate, base)


def _rate(key: str, price: Price, applied: Sequence[Attribute]) -> Fraction:
    """(the price or the one matching `set`, + Σ `add`) × Π `multiply`."""
    setting = [one for one in applied if one.set is not None]
    if len(setting) > 1:
        names = " and ".join(str(one.when) for one in setting)
        raise Unpriced(f"The price is ambiguous: {names} both set it.", code="ambiguous")
    start = setting[0].set[key] if setting and setting[0].set is not None else price.rates[key]
    added = sum((Fraction(one.add[key]) for one in applied if one.add is not None), Fraction(0))
    return (Fraction(start) + added) * _product(applied)


def _at_worst(attribute: Attribute) -> Attribute:
    """An attribute that may or may not apply, as dear as it could be: a discount counts for nothing."""
    factor = attribute.multiply
    return replace(attribute, multiply=None if factor is not None and factor < 1 else factor)


def _product(applied: Sequence[Attribute]) -> Fraction:
    factor = Fraction(1)
    for one in applied:
        if one.multiply is not None:
            factor *= Fraction(one.multiply)
    return factor


__all__ = ["Branch", "Component", "Part", "Priced", "RateCard", "compile_rule", "fixed_card"]
