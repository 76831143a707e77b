"""The chart of accounts: every name an entry may carry, in one place.

Debits are positive, credits negative, so an account that we owe (`ws:…:prepaid`) or earn on (`revenue:usage`) stands
below zero. Customer accounts are kept in the wallet's unit, `provider` accounts in USD, money that came
in the currency it came in.
"""

from app.kernel.money import CREDIT

REVENUE_USAGE = "revenue:usage"
EXPENSE_PROMO = "expense:promo"  # credits we gave away
EXPENSE_ABSORBED_OVERAGE = "expense:absorbed_overage"  # delivered beyond what the customer could be charged
REVENUE_BREAKAGE = "revenue:breakage"  # credits that were paid for and ended unused
EXPENSE_BAD_DEBT = "expense:bad_debt"  # debt nobody will pay
EXPENSE_UNKNOWN_UPSTREAM = "expense:unknown_upstream"  # an upstream job that may or may not have happened
CORRECTION = "correction"  # an operator's adjustment, up or down

PREPAID, RECEIVABLE, DEBT, SET_ASIDE = "prepaid", "receivable", "debt", "set_aside"
CASH, DEFERRED, TAX_PAYABLE = "cash:", "deferred", "tax_payable"  # in the currency of the payment
PROVIDER_EXPENSE, PROVIDER_PAYABLE = "expense:provider:", "payable:provider:"


def prepaid(workspace_id: str, unit: str) -> str:
    """What we owe a workspace in credits it has not used."""
    return f"{_own(workspace_id, unit)}:{PREPAID}"


def receivable(workspace_id: str, unit: str) -> str:
    """What a workspace owes us for credits used on its limit."""
    return f"{_own(workspace_id, unit)}:{RECEIVABLE}"


def debt(workspace_id: str, unit: str) -> str:
    """What a workspace owes us for credits it used and whose payment was taken back."""
    return f"{_own(workspace_id, unit)}:{DEBT}"


def set_aside(workspace_id: str, unit: str) -> str:
    """Credits out of the balance while it is decided whether their payment goes back."""
    return f"{_own(workspace_id, unit)}:{SET_ASIDE}"


def customer(workspace_id: str, unit: str) -> tuple[str, str, str]:
    """What is the customer's of one wallet, the prepaid credits first."""
    return prepaid(workspace_id, unit), receivable(workspace_id, unit), debt(workspace_id, unit)


def _own(workspace_id: str, unit: str) -> str:
    """The customer's accounts of one wallet: a workspace may have several, each of a unit of its own."""
    return f"ws:{workspace_id}" if unit == CREDIT else f"ws:{workspace_id}:{unit}"


def issued(kind: str) -> str:
    """The other side of credits handed out: a gift is our expense, the rest stands against what was issued for it."""
    return EXPENSE_PROMO if kind == "promo" else f"issued:credits:{kind}"


def ended(kind: str) -> str:
    """The other side of credits that expired: a gift was never an expense after all, anything else is earned."""
    return EXPENSE_PROMO if kind == "promo" else REVENUE_BREAKAGE


def spent_on(purpose: str) -> str:
    """The other side of credits taken without a generation."""
    return {"invoice": REVENUE_USAGE, "manual": CORRECTION, "closed": REVENUE_BREAKAGE}[purpose]


def cash(name: str) -> str:
    """Money that came in through a provider or a bank: `cash:stripe`."""
    return CASH + name


def provider_expense(provider_id: str) -> str:
    return PROVIDER_EXPENSE + provider_id


def provider_payable(provider_id: str) -> str:
    return PROVIDER_PAYABLE + provider_id
