"""The test cards and test accounts of Stripe's documentation, and how each behaves when it is charged."""

from collections.abc import Mapping
from dataclasses import dataclass

#: Behaviours, beside the decline codes below.
PAYS, ASKS_ONCE, ASKS_ALWAYS, ASKS_THEN_DECLINES = "pays", "asks_once", "asks_always", "asks_then_declines"
DISPUTED, INQUIRED, NOT_RECEIVED = "disputed", "inquired", "not_received"
REFUND_WAITS, REFUND_FAILS = "refund_waits", "refund_fails"
DEBIT_PAYS, DEBIT_FAILS = "debit_pays", "debit_fails"

#: Behaviours under which money is taken at once.
TAKES = {PAYS, DISPUTED, INQUIRED, NOT_RECEIVED, REFUND_WAITS, REFUND_FAILS}
ASKS = {ASKS_ONCE, ASKS_ALWAYS, ASKS_THEN_DECLINES}
DEBITS = {DEBIT_PAYS, DEBIT_FAILS}

#: Decline code: the error's own code and its sentence.
DECLINES: Mapping[str, tuple[str, str]] = {
    "generic_decline": ("card_declined", "Your card was declined."),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "Your card was declined."),
    "stolen_card": ("card_declined", "Your card was declined."),
    "fraudulent": ("card_declined", "Your card was declined."),
    "card_velocity_exceeded": (
        "card_declined",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ),
    "expired_card": ("expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "Your card's security code is incorrect."),
    "incorrect_number": ("incorrect_number", "Your card number is incorrect."),
    "processing_error": (
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    "try_again_later": ("card_declined", "Your card was declined."),
    "issuer_not_available": ("card_declined", "Your card was declined."),
    "do_not_honor": ("card_declined", "Your card was declined."),
    "do_not_try_again": ("card_declined", "Your card was declined."),
    "pickup_card": ("card_declined", "Your card was declined."),
    "invalid_account": ("card_declined", "Your card was declined."),
    "revocation_of_authorization": ("card_declined", "Your card was declined."),
    "transaction_not_allowed": ("card_declined", "Your card was declined."),
    "authentication_required": (
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
}

#: Decline code: what Stripe advises the merchant to do. No entry, no advice.
ADVICE: Mapping[str, str] = {
    "insufficient_funds": "try_again_later",
    "processing_error": "try_again_later",
    "try_again_later": "try_again_later",
    "issuer_not_available": "try_again_later",
    "lost_card": "do_not_try_again",
    "stolen_card": "do_not_try_again",
    "pickup_card": "do_not_try_again",
    "fraudulent": "do_not_try_again",
    "do_not_try_again": "do_not_try_again",
    "invalid_account": "do_not_try_again",
    "revocation_of_authorization": "do_not_try_again",
    "expired_card": "confirm_card_data",
    "incorrect_cvc": "confirm_card_data",
    "incorrect_number": "confirm_card_data",
}

BEHAVIOURS = {*TAKES, *ASKS, *DEBITS, *DECLINES}


@dataclass(frozen=True, slots=True)
class Card:
    number: str
    token: str  # the id by which an API request names it
    behaviour: str
    title: str
    brand: str = "visa"
    country: str = "US"

    @property
    def last4(self) -> str:
        return self.number[-4:]


CARDS = (
    Card("4242424242424242", "pm_card_visa", PAYS, "Pays"),
    Card("5555555555554444", "pm_card_mastercard", PAYS, "Pays, Mastercard", "mastercard"),
    Card("378282246310005", "pm_card_amex", PAYS, "Pays, American Express", "amex"),
    Card("4000002760000016", "pm_card_de", PAYS, "Pays, issued in Germany", country="DE"),
    Card("4000002500000003", "pm_card_fr", PAYS, "Pays, issued in France", country="FR"),
    Card("4000008260000000", "pm_card_gb", PAYS, "Pays, issued in the United Kingdom", country="GB"),
    Card("4000003920000003", "pm_card_jp", PAYS, "Pays, issued in Japan", country="JP"),
    Card("4000002500003155", "pm_card_authenticationRequiredOnSetup", ASKS_ONCE, "Asks for 3-D Secure the first time"),
    Card("4000002760003184", "pm_card_authenticationRequired", ASKS_ALWAYS, "Asks for 3-D Secure every time"),
    Card("4000000000003220", "pm_card_threeDSecure2Required", ASKS_ALWAYS, "3-D Secure 2 required"),
    Card(
        "4000008400001629",
        "pm_card_threeDSecureRequiredChargeDeclined",
        ASKS_THEN_DECLINES,
        "Asks for 3-D Secure, then declines",
    ),
    Card("4000000000000002", "pm_card_chargeDeclined", "generic_decline", "Declined"),
    Card("4000000000009995", "pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "Insufficient funds"),
    Card("4000000000009987", "pm_card_chargeDeclinedLostCard", "lost_card", "Lost card"),
    Card("4000000000009979", "pm_card_chargeDeclinedStolenCard", "stolen_card", "Stolen card"),
    Card("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card", "Expired card"),
    Card("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "Wrong security code"),
    Card("4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error", "Processing error"),
    Card(
        "4000000000006975",
        "pm_card_chargeDeclinedVelocityLimitExceeded",
        "card_velocity_exceeded",
        "Too many attempts",
    ),
    Card("4100000000000019", "pm_card_chargeDeclinedFraudulent", "fraudulent", "Blocked as fraudulent"),
    Card("4000000000000341", "pm_card_chargeCustomerFail", "do_not_honor", "Can be saved, is declined when charged"),
    Card("4000000000000259", "pm_card_createDispute", DISPUTED, "Pays, then disputed as fraudulent"),
    Card("4000000000002685", "pm_card_createDisputeProductNotReceived", NOT_RECEIVED, "Pays, then “not received”"),
    Card("4000000000001976", "pm_card_createDisputeInquiry", INQUIRED, "Pays, then an inquiry"),
    Card("4000000000007726", "pm_card_pendingRefund", REFUND_WAITS, "Pays; a refund takes a while"),
    Card("4000000000005126", "pm_card_refundFail", REFUND_FAILS, "Pays; a refund fails afterwards"),
)

_BY_NUMBER = {card.number: card for card in CARDS}
_BY_TOKEN = {card.token: card for card in CARDS}
_BY_TOKEN |= {card.token.replace("pm_card_", "pm_card_visa_"): card for card in CARDS if card.behaviour in DECLINES}
_BY_TOKEN |= {"pm_card_radarBlock": _BY_NUMBER["4100000000000019"]}
#: Old-style tokens name the same cards.
_BY_TOKEN |= {f"tok_{token.removeprefix('pm_card_')}": card for token, card in tuple(_BY_TOKEN.items())}


def by_number(number: str) -> Card | None:
    return _BY_NUMBER.get("".join(letter for letter in number if letter.isdigit()))


def by_token(token: str) -> Card | None:
    return _BY_TOKEN.get(token)


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account for SEPA direct debit: the money comes, or does not, days after the order."""

    iban: str
    behaviour: str
    title: str

    @property
    def country(self) -> str:
        return self.iban[:2]

    @property
    def last4(self) -> str:
        return self.iban[-4:]


ACCOUNTS = (
    Account("DE89370400440532013000", DEBIT_PAYS, "The debit succeeds"),
    Account("AT611904300234573201", DEBIT_PAYS, "The debit succeeds, Austria"),
    Account("FR1420041010050500013M02606", DEBIT_PAYS, "The debit succeeds, France"),
    Account("DE62370400440532013001", DEBIT_FAILS, "The debit fails"),
    Account("AT861904300235473202", DEBIT_FAILS, "The debit fails, Austria"),
)


def by_iban(iban: str) -> Account | None:
    wanted = "".join(iban.split()).upper()
    return next((account for account in ACCOUNTS if account.iban == wanted), None)
