"""What a period comes to: usage and prices in, a draft of the invoice out. PURE, exact until each line is rounded.

The order: allowance, price, the line's commitment, the subscription's commitment, coupons on lines, coupons on the
whole, credit carried from before, credits of wallets, tax. What was settled from the ledger already is shown and never
billed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from app.billing.commitment import Commitment, beyond, beyond_in_turn
from app.billing.waterfall import Discount, Due, Line, Purse, SettledLine, settle
from app.kernel.fiat import Fiat, total
from app.kernel.money import decimal_of, plain
from app.kernel.text import t
from app.metering.aggregate import Span
from app.metering.meters import Meter
from app.metering.windows import windows_among
from app.plans.prices import select
from app.pricing.charge import Charge, cost, cost_of_buckets

USAGE, FIXED = "USAGE", "FIXED"
ADVANCE, ARREAR = "ADVANCE", "ARREAR"
#: What a line is for, beside a price of the subscription.
TRUE_UP, OVERAGE, ADJUSTMENT, PRORATION = "true_up", "overage", "adjustment", "proration"
NOTHING: Final = Fraction(0)


@dataclass(frozen=True, slots=True)
class Item:
    """A price as it was agreed: pinned when the subscription began. `unit_rate` turns a custom unit into currency."""

    line_id: str
    price_id: str
    kind: str  # USAGE | FIXED
    charge: Charge
    name: str = ""
    cadence: str = ARREAR
    unit_rate: Fraction = Fraction(1)
    unit: str = ""
    meter: Meter | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quantity: Fraction = Fraction(1)
    made_at: str = ""  # ISO: the newer of two prices that match as closely wins
    commitment: Commitment | None = None
    windowed: bool = False
    plan_name: str = ""
    once: bool = False  # billed with the first period and never again
    span: Span | None = None  # when only a part of the period is the item's
    is_own: bool = False  # of this subscription alone: it goes before a plan's that matches as closely

    @property
    def rank(self) -> tuple[int, bool, str, str]:
        return len(self.filters), self.is_own, self.made_at, self.price_id


@dataclass(frozen=True, slots=True)
class UsedKind:
    """Like events behind a line: what they said, how many, and how much they were."""

    name: str
    properties: Mapping[str, str]
    events: int
    quantity: Fraction


@dataclass(frozen=True, slots=True)
class Used:
    """The usage of one item. `buckets` when each is rated by itself; `prepaid` was settled from the ledger."""

    quantity: Fraction = NOTHING
    events: int = 0
    kinds: tuple[UsedKind, ...] = ()
    buckets: tuple[Fraction, ...] | None = None
    prepaid: Fraction = NOTHING
    prepaid_events: int = 0
    windows: tuple[datetime, ...] = ()  # where each bucket begins


@dataclass(frozen=True, slots=True)
class RatedLine:
    """One line of a draft, before and after what is taken off. `reason` says in words how it came about."""

    item: Item | None
    kind: str
    name: str
    quantity: Fraction
    exact: Fraction
    reason: str
    purpose: str = ""
    entitled: Fraction = NOTHING
    tier: int | None = None
    used: Used = Used()
    true_up: Fraction = NOTHING
    overage: Fraction = NOTHING
    span: Span | None = None
    settled: SettledLine | None = None
    discounts: tuple[Discount, ...] = ()  # of this line alone
    line_id: str = ""  # the subscription's line it is charged for, where there is no item
    gross: Fraction | None = None  # before discounts, where `exact` is after those of another invoice

    @property
    def before_discounts(self) -> Fraction:
        return self.exact if self.gross is None else self.gross


@dataclass(frozen=True, slots=True)
class Draft:
    """An invoice that is not stored. `carried` is credit left over for the next one."""

    currency: str
    span: Span
    lines: tuple[RatedLine, ...]
    due: Due
    carried_used: Fiat
    carried_left: Fiat

    @property
    def total(self) -> Fiat:
        return self.due.total


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed beside the prices: the subscription's own commitment, and what comes off."""

    currency: str
    commitment: Commitment | None = None
    discounts: tuple[Discount, ...] = ()
    tax_percents: tuple[Decimal, ...] = ()


def bill(
    terms: Terms,
    span: Span,
    items: Sequence[Item],
    usage: Mapping[str, Used],
    *,
    allowances: Mapping[str, Fraction | None] | None = None,
    wallets: Sequence[Purse | tuple[str, Fraction]] = (),
    others: Sequence[RatedLine] = (),
    carried: Fiat | None = None,
    keep_zero: bool = True,
) -> Draft:
    """`allowances` by meter (None: without end), used up by the items of a meter in their order. `others` are lines
    decided elsewhere: prorations, adjustments for late events. `carried` is credit from before."""
    lines = [*_rated(items, usage, allowances or {}, span), *others]
    lines += _committed(terms, lines)
    if not keep_zero:
        lines = [line for line in lines if line.exact or line.used.prepaid_events]
    return settled(terms, span, lines, wallets=wallets, carried=carried)


def settled(
    terms: Terms,
    span: Span,
    lines: Sequence[RatedLine],
    *,
    wallets: Sequence[Purse | tuple[str, Fraction]] = (),
    carried: Fiat | None = None,
) -> Draft:
    """The lines taken through discounts, credits and tax. Lines below zero add to what is carried."""
    currency = terms.currency
    credit, kept = carried or Fiat.zero(currency), []
    for line in lines:
        if line.exact < 0:
            credit += Fiat.from_exact(-line.exact, currency)
        else:
            kept.append(line)
    before = settle(_lines(kept), currency, discounts=terms.discounts)
    used = min(credit, before.subtotal - before.discount)
    discounts = (*terms.discounts, Discount(used.amount)) if used else terms.discounts
    due = settle(_lines(kept), currency, discounts=discounts, wallets=wallets, tax_percents=terms.tax_percents)
    done = tuple(_with(line, result) for line, result in zip(kept, due.lines, strict=True))
    return Draft(currency, span, done, due, used, credit - used)


def price_for(items: Iterable[Item], name: str, properties: Mapping[str, str]) -> Item | None:
    """Which of the items that read an event pays for it."""
    reading = (
        item for item in items if item.kind == USAGE and item.meter is not None and item.meter.event_name in ("", name)
    )
    return select(reading, properties)


def fixed(item: Item, span: Span, part: Fraction = Fraction(1)) -> RatedLine:
    """A fixed price for a period, or for a part of it."""
    found = cost(item.charge, item.quantity)
    whole = t("period.rated.fixed", quantity=_plain(item.quantity))
    said = whole if part == 1 else t("period.rated.part", said=whole, percent=_plain(part * 100))
    return RatedLine(
        item,
        FIXED,
        item.name,
        item.quantity,
        found.amount * item.unit_rate * part,
        said,
        tier=found.tier,
        span=span,
    )


@dataclass(frozen=True, slots=True)
class Billable:
    """What is left to be paid of the usage of one item, and what of it was included. `windows` are the buckets by
    their beginning, None where there are none."""

    quantity: Fraction = NOTHING
    entitled: Fraction = NOTHING
    windows: Mapping[datetime, Fraction] | None = None

    def plus(self, other: "Billable") -> "Billable":
        """Both together: of two parts of a period."""
        windows = None
        if self.windows is not None or other.windows is not None:
            both = self.windows or {}, other.windows or {}
            windows = {at: both[0].get(at, NOTHING) + both[1].get(at, NOTHING) for at in sorted({*both[0], *both[1]})}
        return Billable(self.quantity + other.quantity, self.entitled + other.entitled, windows)


def billable_of(used: Used, allowance: Fraction | None = NOTHING) -> Billable:
    """What exceeds an allowance, which the first buckets use up."""
    billable = beyond(used.quantity, allowance)
    entitled, left = used.quantity - billable, used.buckets
    if left is None:
        return Billable(billable, entitled)
    if entitled:
        left = beyond_in_turn(left, entitled) if billable else (NOTHING,) * len(left)
    return Billable(billable, entitled, dict(zip(used.windows, left, strict=True)))


def usage_line(item: Item, used: Used, allowance: Fraction | None = NOTHING, served: Sequence[Span] = ()) -> RatedLine:
    """`line_of` with one allowance for the whole of it."""
    return line_of(item, used, billable_of(used, allowance), served)


def line_of(item: Item, used: Used, due: Billable, served: Sequence[Span] = ()) -> RatedLine:
    """One metered price: what is left to be paid, rated from its first tier, then measured by its commitment. When it
    was `served` tells how many windows there were, also those in which nothing was used."""
    billable, entitled, paid = due.quantity, due.entitled, used
    if due.windows is not None:
        paid = replace(used, buckets=tuple(due.windows.values()), windows=tuple(due.windows))
    amount, tier, said = _priced(item, paid, billable)
    rated, true_up, overage = amount, NOTHING, NOTHING
    if item.commitment is not None:
        rated, true_up, overage = _measured(item, paid, amount, served)
        said = t("period.rated.committed", said=said, amount=_plain(item.commitment.amount))
    if entitled:
        said = t("period.rated.included", said=said, quantity=_plain(entitled))
    if used.prepaid_events:
        said = t("period.rated.prepaid", said=said, quantity=_plain(used.prepaid))
    return RatedLine(
        item,
        USAGE,
        item.name,
        billable,
        rated,
        said,
        entitled=entitled,
        tier=tier,
        used=used,
        true_up=true_up,
        overage=overage,
    )


def _priced(item: Item, used: Used, billable: Fraction) -> tuple[Fraction, int | None, str]:
    if used.buckets is not None:
        amount = cost_of_buckets(item.charge, used.buckets) * item.unit_rate
        return amount, None, t("period.rated.windows", count=len(used.buckets))
    found = cost(item.charge, billable)
    price = _plain(found.tier_unit * item.unit_rate)
    said = t("period.rated.used", quantity=_plain(billable), unit=_unit(item), price=price)
    if found.tier is not None:
        said = t("period.rated.tier", said=said, tier=found.tier + 1)
    if item.filters:
        either = t("period.rated.or")
        chosen = ", ".join(f"{key} = {either.join(allowed)}" for key, allowed in sorted(item.filters.items()))
        said = t("period.rated.of", said=said, chosen=chosen)
    return found.amount * item.unit_rate, found.tier, said


def _measured(item: Item, used: Used, amount: Fraction, served: Sequence[Span]) -> tuple[Fraction, Fraction, Fraction]:
    """What a commitment makes of the amount, and of it the true-up and the overage."""
    agreed = item.commitment
    if agreed is None:
        return amount, NOTHING, NOTHING
    parts, empty = [amount], 0
    if item.windowed and item.meter is not None and item.meter.bucket_size is not None:
        parts = [cost(item.charge, bucket).amount * item.unit_rate for bucket in used.buckets or ()]
        empty = windows_among(served, item.meter.bucket_size, but=used.windows)
    whole = sum((agreed.window(part) for part in parts), agreed.window(NOTHING) * empty)
    lifted = sum((agreed.shortfall(part) for part in parts), agreed.amount * empty) if agreed.true_up else NOTHING
    over = sum((max(part - agreed.amount, NOTHING) * agreed.overage for part in parts), NOTHING)
    return whole, lifted, over


def _rated(
    items: Sequence[Item], usage: Mapping[str, Used], allowances: Mapping[str, Fraction | None], span: Span
) -> list[RatedLine]:
    left = dict(allowances)
    lines = []
    for item in items:
        if item.kind != USAGE or item.meter is None:
            continue
        allowance = left.get(item.meter.id, NOTHING)
        line = usage_line(item, usage.get(item.line_id, Used()), allowance, [item.span or span])
        if allowance is not None:
            left[item.meter.id] = allowance - line.entitled
        lines.append(line)
    return lines


def _committed(terms: Terms, lines: Sequence[RatedLine]) -> list[RatedLine]:
    """The subscription's own commitment over everything used that has none by itself."""
    agreed = terms.commitment
    if agreed is None:
        return []
    worth = worth_of(lines, terms.currency)
    extra = beside(agreed, worth)
    if worth > agreed.amount and extra:
        said = t("period.overage.said", amount=_plain(agreed.amount), factor=_plain(agreed.overage))
        return [RatedLine(None, USAGE, t("period.overage.name"), Fraction(1), extra, said, OVERAGE, overage=extra)]
    if worth < agreed.amount and agreed.true_up:
        said = t("period.true_up.said", used=_plain(worth), amount=_plain(agreed.amount))
        return [RatedLine(None, USAGE, t("period.true_up.name"), Fraction(1), extra, said, TRUE_UP, true_up=extra)]
    return []


def worth_of(lines: Iterable[RatedLine], currency: str) -> Fraction:
    """What counts for the subscription's own commitment: what was used in the period itself, and is not committed line
    by line. What came late counts for its own period."""
    mine = (
        line
        for line in lines
        if line.kind == USAGE and line.item is not None and line.item.commitment is None and line.purpose != ADJUSTMENT
    )
    used = total((Fiat.from_exact(line.exact, currency) for line in mine if line.exact >= 0), currency)
    return Fraction(used.amount)


def beside(agreed: Commitment, worth: Fraction) -> Fraction:
    """What a commitment adds to usage of that worth, or takes off it."""
    return agreed.window(worth) - worth


def _lines(lines: Sequence[RatedLine]) -> list[Line]:
    return [Line(line.exact, line.kind == USAGE, line.discounts) for line in lines]


def _with(line: RatedLine, result: SettledLine) -> RatedLine:
    return replace(line, settled=result)


def _unit(item: Item) -> str:
    return item.meter.name if item.meter and item.meter.name else t("period.rated.units")


def _plain(figure: Fraction) -> str:
    """As it is written: exact where that ends, else to nine decimals."""
    return plain(decimal_of(figure, 9))


def amount_of(lines: Sequence[RatedLine], currency: str) -> Fiat:
    """Lines added up as they are printed, each rounded by itself."""
    return Fiat(sum(Fiat.from_exact(line.exact, currency).minor for line in lines), currency)
