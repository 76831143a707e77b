"""The chart of accounts: every name an entry may carry, in one place.

Debits are positive, credits negative, so an account that we owe (`ws:…:prepaid`) or earn on (`revenue:usage`) stands
below zero. Customer accounts are kept in the wallet's unit, `provider` accounts in USD.
"""

REVENUE_USAGE = "revenue:usage"
EXPENSE_PROMO = "expense:promo"  # credits we gave away
EXPENSE_ABSORBED_OVERAGE = "expense:absorbed_overage"  # delivered beyond what the customer could be charged
EXPENSE_UNKNOWN_UPSTREAM = "expense:unknown_upstream"  # an upstream job that may or may not have happened
CORRECTION = "correction"  # an operator's adjustment, up or down

PREPAID, RECEIVABLE = "prepaid", "receivable"
PROVIDER_EXPENSE, PROVIDER_PAYABLE = "expense:provider:", "payable:provider:"


def prepaid(workspace_id: str) -> str:
    """What we owe a workspace in credits it has not used."""
    return f"ws:{workspace_id}:{PREPAID}"


def receivable(workspace_id: str) -> str:
    """What a workspace owes us for credits used on its limit."""
    return f"ws:{workspace_id}:{RECEIVABLE}"


def issued(kind: str) -> str:
    """The other side of credits handed out against money or a plan: `issued:credits:paid`."""
    return f"issued:credits:{kind}"


def provider_expense(provider_id: str) -> str:
    return PROVIDER_EXPENSE + provider_id


def provider_payable(provider_id: str) -> str:
    return PROVIDER_PAYABLE + provider_id
