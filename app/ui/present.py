"""The only place where a figure, a moment or an id becomes text: pure functions that read no clock and no setting.

Minus is a true minus sign, thousands have commas, and a half is rounded away from zero.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from datetime import date as calendar_day
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from app.kernel.clock import as_utc
from app.kernel.fiat import Fiat, exponent
from app.kernel.money import MICRO, Money

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
ARROW = "\N{RIGHTWARDS ARROW}"
DOT = "\N{MIDDLE DOT}"
MOST_PRICE_DECIMALS = 18
NOTHING = "\N{EN DASH}"  # stands where there is no figure
SYMBOLS: Mapping[str, str] = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Figure = Money | Decimal | Fraction | int

# ---- numbers ----


def number(figure: Figure, least: int = 0, most: int = 6) -> str:
    """`48,210` · `0.75` · `−4.2`: at least `least` and at most `most` decimals, zeros beyond the least cut."""
    rounded = _round(figure, most)
    text = f"{abs(rounded):,.{most}f}" if most else f"{abs(rounded):,}"
    if most > least:
        whole, _, decimals = text.partition(".")
        decimals = decimals.rstrip("0").ljust(least, "0")
        text = f"{whole}.{decimals}" if decimals else whole
    return f"{MINUS}{text}" if rounded < 0 else text


def count(whole: int) -> str:
    """`8,421`."""
    return number(whole, 0, 0)


def signed(figure: Figure, least: int = 0, most: int = 6) -> str:
    """For money that moved: `+10,000` in, `−32` out, `0` neither."""
    text = number(figure, least, most)
    return f"+{text}" if _round(figure, most) > 0 else text


# ---- credits and currency ----


def credits(amount: Figure) -> str:
    """`48,210`, `0.75`: the bare figure, for tables and beside the token."""
    return number(amount)


def credits_in_brief(amount: Money) -> str:
    """`9,999`, `112.0M`: whole credits, for where there is hardly any room; never more than there are."""
    whole = int(amount.amount)
    tenths = whole // 100_000  # of a million
    return f"{count(tenths // 10)}.{tenths % 10}M" if whole >= 1_000_000 else count(whole)


def credit_words(amount: Figure) -> str:
    """`32 credits`, `1 credit`: for sentences and buttons."""
    return f"{number(amount)} {'credit' if _round(amount, 6) in (1, -1) else 'credits'}"


def posting(amount: Money) -> str:
    """A leg of a journal with all six decimals: `−48.000000 cr`, `+$0.018000`."""
    sign = MINUS if amount.micros < 0 else "+" if amount.micros > 0 else ""
    figure = f"{abs(amount.amount):,.6f}"
    symbol = SYMBOLS.get(amount.unit)
    return f"{sign}{symbol}{figure}" if symbol else f"{sign}{figure} {'cr' if amount.unit == 'credit' else amount.unit}"


def currency(amount: Figure, unit: str = "USD") -> str:
    """What a customer pays: always two decimals, `$65.45`, `−$13.28`."""
    return _with_symbol(number(amount, 2, 2), _unit_of(amount, unit))


def fiat(amount: Fiat) -> str:
    """Money that is paid, with its currency's own decimals: `€65.45`, `¥1,500`, `65.45 CHF`."""
    places = exponent(amount.currency)
    return _with_symbol(number(amount.amount, places, places), amount.currency)


def price(amount: Figure, unit: str) -> str:
    """What an operator asks for one of something: exact, `€49.00`, `$0.0000125`, `¥150`."""
    return _with_symbol(number(amount, exponent(unit.upper()), MOST_PRICE_DECIMALS), unit.upper())


def cost(amount: Figure, unit: str = "USD") -> str:
    """What a provider charges us: `$0.003`, `$0.0125`, `$86.40`; three to six decimals below one, else two to four."""
    small = abs(_exact(amount)) < 1
    return _with_symbol(number(amount, 3, 6) if small else number(amount, 2, 4), _unit_of(amount, unit))


def per_many(price: Figure, unit: str) -> str:
    """The price of a thousand of something, two decimals or three: `€0.95`, `€0.905`, `¥150`."""
    least = min(exponent(unit), 2)
    return _with_symbol(number(price, least, least + 1 if least else 0), unit)


def transition(before: Figure, after: Figure) -> str:
    """`48,210 → 48,178`."""
    return f"{number(before)} {ARROW} {number(after)}"


def shortfall(needed: Figure, available: Figure) -> str:
    """`You need 1,420 more credits.` is built on this figure."""
    return number(_exact(needed) - _exact(available))


# ---- ratios ----


def margin_of(price: Figure, upstream: Figure) -> Fraction | None:
    """The share of the price we keep, both in the same currency; None where nothing is charged."""
    charged = _exact(price)
    return None if charged == 0 else (charged - _exact(upstream)) / charged


def percent(ratio: Figure | None, places: int = 1) -> str:
    """`62.5%`, `−4.2%`; a dash when there is no ratio."""
    return NOTHING if ratio is None else f"{number(_exact(ratio) * 100, places, places)}%"


def share(part: Figure | None) -> str:
    """`84%`; `<1%` for what is there and would read as nothing."""
    return "<1%" if part is not None and 0 < _exact(part) < Fraction(1, 200) else percent(part, 0)


def change(before: Figure, after: Figure, places: int = 0) -> str:
    """`−13%`, `+9.4%`, `0%`; a dash when there was nothing before."""
    base = _exact(before)
    if base == 0:
        return NOTHING
    return f"{signed((_exact(after) - base) / abs(base) * 100, places, places)}%"


def points(before: Fraction | Decimal, after: Fraction | Decimal) -> str:
    """The difference of two ratios: `−0.9 pt`."""
    return f"{signed((_exact(after) - _exact(before)) * 100, 1, 1)} pt"


def margin_status(margin: Fraction | None, thin_below: Fraction = Fraction(1, 5)) -> str:
    """`good`, `thin`, `loss`, or `unpriced` when there is no margin to speak of."""
    if margin is None:
        return "unpriced"
    if margin < 0:
        return "loss"
    return "thin" if margin < thin_below else "good"


# ---- time ----


def moment(when: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    """`14:02` today, `21 Nov 14:02` this year, `21 Nov 2025 14:02` before."""
    local, today = as_utc(when).astimezone(zone), as_utc(now).astimezone(zone)
    clock = f"{local:%H:%M}"
    if local.date() == today.date():
        return clock
    return f"{_day(local)} {clock}" if local.year == today.year else f"{_day(local)} {local.year} {clock}"


def full_moment(when: datetime, zone: tzinfo = UTC) -> str:
    """For tooltips: `Saturday 21 Nov 2026, 14:02:07 UTC`."""
    local = as_utc(when).astimezone(zone)
    return f"{DAYS[local.weekday()]} {_day(local)} {local.year}, {local:%H:%M:%S} {local.tzname()}"


def date(when: datetime, zone: tzinfo = UTC) -> str:
    """`21 Nov 2026`."""
    local = as_utc(when).astimezone(zone)
    return f"{_day(local)} {local.year}"


def day(on: calendar_day) -> str:
    """A day of somebody's calendar, such as an invoice's: `21 Nov 2026`."""
    return f"{on.day} {MONTHS[on.month - 1]} {on.year}"


def short_date(when: datetime, zone: tzinfo = UTC) -> str:
    """`21 Nov`, for axes and expiries within the year."""
    return _day(as_utc(when).astimezone(zone))


def stamp(when: datetime, zone: tzinfo = UTC) -> str:
    """To the millisecond, for a request's trace: `13:51:07.104`."""
    local = as_utc(when).astimezone(zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}"


def duration(seconds: Decimal | Fraction | int) -> str:
    """How long something took: `3.4 s`, `11 s`, `2:05`, `1:02:05`."""
    exact = _exact(seconds)
    if exact < 10:
        return f"{number(exact, 1, 1)} s"
    return f"{number(exact, 0, 0)} s" if exact < 60 else clip(exact)


def between(start: datetime, end: datetime) -> str:
    """The duration from one moment to another."""
    return duration(Fraction((end - start).total_seconds()).limit_denominator(1_000_000))


def clip(seconds: Decimal | Fraction | int) -> str:
    """The length of a recording: `0:31`, `1:02:05`."""
    whole = int(_round(seconds, 0))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def age(when: datetime, now: datetime) -> str:
    """How long ago, in one unit: `6 min`, `2 h`, `1 d`."""
    seconds = max(0, int((as_utc(now) - as_utc(when)).total_seconds()))
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{count(seconds // size)} {name}"
    return f"{seconds} s"


# ---- names and sizes ----


def short_id(identifier: str, head: int = 6, tail: int = 4) -> str:
    """An id cut in the middle for the screen, prefix whole: `gen_01KAJ8…M4ZD`; what is copied is always the whole."""
    prefix, mark, body = identifier.rpartition("_")
    if len(body) <= head + tail + 1:
        return identifier
    return f"{prefix}{mark}{body[:head]}…{body[-tail:]}"


def initials(name: str) -> str:
    """Two letters for the round badge: `Mara Ito` → `MI`."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    letters = "".join(word[0] for word in (words[0], words[-1])) if len(words) > 1 else (words[0][:2] if words else "?")
    return letters.upper()


def plural(quantity: int, one: str, many: str = "") -> str:
    """`1 image`, `2 images`, `0 images`."""
    return f"{count(quantity)} {one if quantity == 1 else many or one + 's'}"


def pixels(width: int, height: int) -> str:
    """`1536 × 1152`."""
    return f"{width} {TIMES} {height}"


def file_size(size_bytes: int) -> str:
    """`812 B`, `1.2 MB`."""
    size = Fraction(size_bytes)
    for name in ("B", "KB", "MB", "GB"):
        if size < 1000 or name == "GB":
            return f"{number(size, 0, 0 if name == 'B' or size >= 100 else 1)} {name}"
        size /= 1000
    raise AssertionError("the loop always returns")


# ---- states ----

_DOTS: Mapping[str, str] = {
    "held": "queued",
    "submitting": "queued",
    "calling": "running",
    "queued": "queued",
    "running": "running",
    "storing": "running",
    "unknown": "unknown",
    "settled": "done",
    "released": "failed",
}
CANCELED = "canceled"


def dot_of(state: str, error_code: str | None = None) -> str:
    """Which state dot a generation shows; one that was canceled was released, not failed."""
    return "released" if state == "released" and error_code == CANCELED else _DOTS[state]


# ---- inside ----


def _exact(figure: Figure) -> Fraction:
    return Fraction(figure.micros, MICRO) if isinstance(figure, Money) else Fraction(figure)


def _round(figure: Figure, places: int) -> Decimal:
    exact = _exact(figure)
    scaled = Fraction(abs(exact)) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    rounded = Decimal(whole).scaleb(-places).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return -rounded if exact < 0 and whole else rounded


def _unit_of(amount: Figure, unit: str) -> str:
    return amount.unit if isinstance(amount, Money) else unit


def _with_symbol(text: str, unit: str) -> str:
    symbol = SYMBOLS.get(unit)
    sign, figure = (MINUS, text[1:]) if text.startswith(MINUS) else ("", text)
    return f"{sign}{symbol}{figure}" if symbol else f"{sign}{figure} {unit}"


def _day(local: datetime) -> str:
    return f"{local.day} {MONTHS[local.month - 1]}"
