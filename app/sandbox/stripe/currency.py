"""Which amounts Stripe takes: whole numbers of a currency's smallest unit, with its own exceptions."""

from app.sandbox.stripe.errors import Refused

# fmt: off
ZERO_DECIMAL = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
#: Sent with two decimals that must be zero.
WHOLE_ONLY = {"isk", "ugx"}
THREE_DECIMAL = {"bhd", "jod", "kwd", "omr", "tnd"}
TWO_DECIMAL = {
    "aed", "ars", "aud", "bgn", "bmd", "brl", "cad", "chf", "cny", "cop", "czk", "dkk",
    "egp", "eur", "gbp", "hkd", "huf", "idr", "ils", "inr", "kes", "mad", "mxn",
    "myr", "ngn", "nok", "nzd", "pen", "php", "pkr", "pln", "qar", "ron", "sar",
    "sek", "sgd", "thb", "try", "twd", "uah", "usd", "zar",
}
# fmt: on
KNOWN = ZERO_DECIMAL | WHOLE_ONLY | THREE_DECIMAL | TWO_DECIMAL

LARGEST = 99_999_999
#: The least that is worth charging; half a unit where nothing is listed.
LEAST = {
    "jpy": 50,
    "gbp": 30,
    "dkk": 250,
    "nok": 300,
    "sek": 300,
    "czk": 1500,
    "pln": 200,
    "hkd": 400,
    "mxn": 1000,
    "huf": 17_500,
    "thb": 1000,
    "aed": 200,
    "ron": 200,
    "bgn": 100,
    "krw": 500,
    "isk": 10_000,
    "bhd": 200,
    "kwd": 200,
    "jod": 400,
    "omr": 200,
    "tnd": 2000,
}


def least(currency: str) -> int:
    return LEAST.get(currency, 50)


def check(amount: int, currency: str, param: str) -> None:
    """Raises what Stripe says to an amount it cannot charge."""
    if currency not in KNOWN:
        raise Refused(
            f"Invalid currency: {currency}. Stripe currently supports these: {', '.join(sorted(KNOWN))}",
            param="currency",
        )
    if amount < 0:
        raise Refused("This value must be greater than or equal to 0.", code="parameter_invalid_integer", param=param)
    if (currency in THREE_DECIMAL and amount % 10) or (currency in WHOLE_ONLY and amount % 100):
        raise Refused(
            f"Invalid amount for {currency}: it must be divisible by {10 if currency in THREE_DECIMAL else 100}.",
            param=param,
        )
    if amount < least(currency):
        raise Refused(
            f"The amount must be at least {text(least(currency), currency)}.", code="amount_too_small", param=param
        )
    if amount > LARGEST:
        raise Refused(f"Amount must be no more than {text(LARGEST, currency)}.", code="amount_too_large", param=param)


def decimals(currency: str) -> int:
    """How many of the digits Stripe counts come after the point."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def text(amount: int, currency: str) -> str:
    """Such as `€19.99` or `JPY 1,200`, for people."""
    places = decimals(currency)
    whole, rest = divmod(abs(amount), 10**places)
    figure = f"{whole:,}" + (f".{rest:0{places}}" if places else "")
    sign = "−" if amount < 0 else ""
    mark = {"eur": "€", "usd": "$", "gbp": "£"}.get(currency)
    return f"{sign}{mark}{figure}" if mark else f"{sign}{currency.upper()} {figure}"
