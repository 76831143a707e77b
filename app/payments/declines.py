"""What a refusal of an off-session charge means for the next one. PURE, and the only list of a bank's words.

A code nobody here knows is taken for soft: it is tried again a few times, and then the customer is asked.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final


class Decline(StrEnum):
    SOFT = "soft"  # may well work later
    HARD = "hard"  # this card will not work again, and asking again costs us the bank's trust
    AUTHENTICATE = "authenticate"  # the cardholder must be there
    GONE = "gone"  # there is no such card any more


HARD: Final = frozenset(
    {
        "card_not_supported",
        "currency_not_supported",
        "do_not_try_again",
        "expired_card",
        "fraudulent",
        "incorrect_cvc",
        "incorrect_number",
        "invalid_account",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "no_action_taken",
        "not_permitted",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "service_not_allowed",
        "stolen_card",
        "stop_payment_order",
        "testmode_decline",
        "transaction_not_allowed",
    }
)
AUTHENTICATE: Final = frozenset(
    {"authentication_required", "authentication_not_handled", "online_or_offline_pin_required"}
)
GONE: Final = frozenset({"missing_payment_method", "payment_method_unexpected_state", "resource_missing"})

#: How long to wait after the first, second and third decline in a row; after the next one it is over.
BACKOFF: Final = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))


def classify(code: str | None) -> Decline:
    """What to do about a bank's code, such as "insufficient_funds"."""
    if code in AUTHENTICATE:
        return Decline.AUTHENTICATE
    if code in GONE:
        return Decline.GONE
    return Decline.HARD if code in HARD else Decline.SOFT


def wait_after(failures: int) -> timedelta | None:
    """The waiting time after so many soft declines in a row; None when there were enough of them."""
    return BACKOFF[failures - 1] if 0 < failures <= len(BACKOFF) else None
