"""Every refusal Farebox can give, as one tree.

FareboxError                      stable `code`, a sentence that says what to do, optional `param` and `details`
├── Rejected                      the caller can mend it and try again
│   ├── InvalidInput              a value is wrong; `param` names it (400)
│   │   ├── UnknownParameter
│   │   └── RuleRefused           a price rule that would not be safe to sell by; carries every problem found
│   ├── NotSignedIn (401) · NotAllowed (403) · NotFound (404)
│   ├── Conflict                  true a moment ago, no longer (409)
│   │   ├── PriceChanged · PriceAboveMax · IdempotencyConflict
│   ├── LimitReached (429)
│   ├── InsufficientCredits (402)
│   ├── AmountTooLarge            more than an account or an invoice can hold; also an `OverflowError` (400)
│   └── Unpriced                  the model has no price for this combination (409)
├── ProviderError                 an upstream said no, or said something we cannot use
│   ├── ProviderBusy              nothing was accepted; trying again is safe
│   ├── ProviderRefused           never going to work as asked
│   ├── ProviderUnclear           it may or may not have happened; nobody may try again blindly
│   └── StillRunning              bought and not finished yet: ask for it, do not ask for another (504)
└── Broken                        our own fault (500): a misconfiguration or a breach of an invariant
    └── Undeliverable             a promised message that no repetition can deliver
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

MOST_BITS_TOLD: Final = 1_000


class FareboxError(Exception):
    """Base of the tree. `code` is part of the public interface and never changes once released."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.stable_code = code or self.code
        self.details: Mapping[str, Any] = details

    def __str__(self) -> str:
        return self.message


class Rejected(FareboxError):
    code = "rejected"


class InvalidInput(Rejected):
    code = "invalid_input"


class UnknownParameter(InvalidInput):
    code = "unknown_parameter"


class RuleRefused(InvalidInput):
    code = "rule_refused"


class NotSignedIn(Rejected):
    code = "not_signed_in"


class NotAllowed(Rejected):
    code = "not_allowed"


class NotFound(Rejected):
    code = "not_found"


class Conflict(Rejected):
    code = "conflict"


class PriceChanged(Conflict):
    code = "price_changed"


class PriceAboveMax(Conflict):
    code = "price_above_max"


class IdempotencyConflict(Conflict):
    code = "idempotency_conflict"


class Unpriced(Conflict):
    code = "unpriced"


class LimitReached(Rejected):
    """A rate, concurrency or daily limit; `details["retry_after_seconds"]` says when to come back."""

    code = "limit_reached"


class InsufficientCredits(Rejected):
    """`details` carries `required` and `available` in micro-credits."""

    code = "insufficient_credits"


class AmountTooLarge(Rejected, OverflowError):
    """`details["amount"]` is the figure in the smallest unit, as far as it can be told."""

    code = "amount_too_large"

    @classmethod
    def of(cls, smallest: int, unit: str) -> "AmountTooLarge":
        """What an amount in the smallest unit is too large for."""
        figure = str(smallest) if smallest.bit_length() < MOST_BITS_TOLD else "A figure beyond reason"
        said = f"{figure} of the smallest unit of {unit} is more than an account or an invoice can hold."
        return cls(said, amount=figure, unit=unit)


class ProviderError(FareboxError):
    code = "provider_error"


class ProviderBusy(ProviderError):
    """Nothing was accepted upstream; `details["retry_after_seconds"]` when the provider said so."""

    code = "provider_busy"


class ProviderRefused(ProviderError):
    code = "provider_refused"


class ProviderUnclear(ProviderError):
    code = "provider_unclear"


class StillRunning(ProviderError):
    """It was bought and is not finished: ask for it, do not ask for another."""

    code = "still_running"


class Broken(FareboxError):
    code = "internal_error"


class Undeliverable(Broken):
    code = "undeliverable"
