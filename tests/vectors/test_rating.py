"""Figures of other billing systems, one case a line in rating.json: what our rating, proration and wallets must answer.

`FAREBOX_VECTORS` names another file of the same shape, to try more cases.
"""

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from app.billing import commitment, proration, wallet_rules, waterfall
from app.billing.commitment import Commitment
from app.billing.wallet_rules import BonusSlab, Credits
from app.billing.waterfall import Discount, Line
from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.metering.aggregate import Aggregation, Reading, Span, aggregate
from app.metering.expression import compile_expression
from app.pricing.charge import BillingModel, Charge, Tier, Transform, cost, cost_of_buckets, percentage
from app.pricing.scale import Banding

FILE = Path(os.environ.get("FAREBOX_VECTORS", Path(__file__).parent / "rating.json"))
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
START = datetime(2026, 4, 1, tzinfo=UTC)

Given = Mapping[str, Any]
Answer = dict[str, Any]


def charge_of(given: Given, **more: Any) -> Charge:
    model = BillingModel(given.get("model", "TIERED" if "tiers" in given else "FLAT_FEE"))
    divide_by = given.get("divide_by", given.get("package"))
    return Charge(
        model,
        Decimal(str(given.get("amount", 0))),
        tuple(tier_of(tier) for tier in given.get("tiers", ())),
        Banding(given.get("tier_mode", "SLAB").lower()),
        Transform(Decimal(divide_by), given.get("round") == "down") if divide_by else None,
        **more,
    )


def tier_of(tier: Given) -> Tier:
    up_to = None if tier["up_to"] is None else Decimal(tier["up_to"])
    return Tier(up_to, Decimal(tier["unit_amount"]), Decimal(tier.get("flat_amount") or 0))


def currency(given: Given) -> str:
    return given.get("currency", "usd").upper()


def text(fiat: Fiat) -> str:
    return f"{fiat.amount:f}"


def rate(given: Given) -> Answer:
    found = cost(charge_of(given), Fraction(given["qty"]))
    return {
        "cost": found.amount,
        "rounded": text(Fiat.from_exact(found.amount, currency(given))),
        "effective_unit": found.effective_unit,
        "tier_unit": found.tier_unit,
        "tier_index": found.tier,
    }


def rate_buckets(given: Given) -> Answer:
    return {"cost": cost_of_buckets(charge_of(given), [Fraction(each) for each in given["buckets"]])}


def rounded(given: Given) -> Answer:
    return {"rounded": text(Fiat.from_exact(Fraction(given["amount"]), currency(given)))}


def subtotal(given: Given) -> Answer:
    amounts = given["line_amounts"]
    if len(amounts) == 2 and amounts[1].startswith("x"):  # one amount, so many times
        amounts = [amounts[0]] * int(amounts[1][1:])
    assert len(amounts) == given["n"]
    return {"subtotal": text(waterfall.settle([Line(Fraction(each)) for each in amounts], currency(given)).subtotal)}


def true_up(given: Given) -> Answer:
    missing = Commitment(Fraction(given["commitment"])).shortfall(Fraction(given["used"]))
    return {"true_up": text(Fiat.from_exact(missing, currency(given)))}


def tax(given: Given) -> Answer:
    taxable = Fiat.parse(given["taxable"], currency(given))
    return {"tax": text(waterfall.tax_of(taxable, Decimal(given["percent"])))}


def discount_of(written: str) -> Discount:
    if written.endswith("%"):
        return Discount(percent=Decimal(written[:-1]))
    return Discount(off=Decimal(written))


def line_of(given: Given) -> Line:
    discounts = tuple(map(discount_of, given.get("line_discounts", ())))
    return Line(Fraction(given["amount"]), given["type"] == "USAGE", discounts)


def invoice(given: Given) -> Answer:
    due = waterfall.settle(
        [line_of(line) for line in given["lines"]],
        currency(given),
        discounts=[discount_of(written) for written in given["invoice_discount"]],
        wallets=[("w", Fraction(given["wallet"]))],
    )
    return {
        "subtotal": due.subtotal.amount,
        "discount": due.discount.amount,
        "credits": due.credits.amount,
        "total": due.total.amount,
    }


def credit_adjust(given: Given) -> Answer:
    wallets = [(name, Fraction(worth)) for name, worth in given["wallets"]]
    due = waterfall.settle([line_of(line) for line in given["lines"]], currency(given), wallets=wallets)
    return {
        "applied": [line.credits.amount for line in due.lines],
        "debits": {name: spent.amount for name, spent in due.debits.items()},
    }


def wallet_convert(given: Given) -> Answer:
    return {"balance": wallet_rules.worth(Fraction(given["credits"]), Fraction(given["conversion_rate"]))}


def wallet_debit(given: Given) -> Answer:
    amount = Fraction(given.get("debit", given.get("credit")))
    change = wallet_rules.positive(amount) * (-1 if "debit" in given else 1)
    credits = Fraction(given["credits"]) + change
    return {"credits": credits, "balance": wallet_rules.worth(credits, Fraction(given["conversion_rate"]))}


def lot_of(given: Given) -> Credits:
    expiry = given.get("expiry")
    priority = 0 if given.get("first") else given.get("priority")
    amount = Fraction(given.get("credits", given.get("amount")))
    return Credits(given["id"], amount, priority, datetime.fromisoformat(expiry) if expiry else None)


def wallet_lots(given: Given) -> Answer:
    left = wallet_rules.spend([lot_of(lot) for lot in given["lots"]], Fraction(given["debit"]))
    return {"remaining": left, "balance": sum(left.values())}


def om_burn(given: Given) -> Answer:
    return {"balances": wallet_rules.spend([lot_of(lot) for lot in given["grants"]], Fraction(given["usage"]))}


def wallet_realtime(given: Given) -> Answer:
    limit = given.get("entitlement_limit")
    allowed = None if limit is None else Fraction(limit)
    used = sum(
        (
            cost(
                charge_of(each),
                commitment.beyond(Fraction(each["qty"]), allowed) if each.get("entitled") else Fraction(each["qty"]),
            ).amount
            for each in given["usage"]
        ),
        Fraction(0),
    )
    return {"usage": used, "real_time": Fraction(given["wallet"]) - used}


def bonus(given: Given) -> Answer:
    slabs = [
        BonusSlab(Fraction(each["threshold"]), Fraction(each["value"]), each["type"] != "flat", each["op"])
        for each in given["slabs"]
    ]
    return {"bonus": wallet_rules.bonus(slabs, Fraction(given["purchase"]))}


def entitlement(given: Given) -> Answer:
    usage = Fraction(given["usage"])
    billable = commitment.beyond(usage, None if given["limit"] is None else Fraction(given["limit"]))
    amount = Fiat.from_exact(cost(charge_of(given), billable).amount, currency(given))
    return {"billable": billable, "adjusted": usage - billable, "amount": text(amount)}


def ent_grants(given: Given) -> Answer:
    over = commitment.beyond_each((Fraction(allowed), Fraction(used)) for allowed, used in given["grants"])
    return {"overage": over, "cost": over * Fraction(given["unit"])}


def commit_window(given: Given) -> Answer:
    agreed = Commitment(Fraction(given["commit"]), Fraction(given["overage"]), given["true_up"])
    used = [cost(charge_of({"amount": given["unit"]}), Fraction(each)).amount for each in given["windows"]]
    return {"total": commitment.over_windows(agreed, used)}


def proration_day(given: Given) -> Answer:
    start, end, at = (date.fromisoformat(given[name]) for name in ("start", "end", "at"))
    old, new = Fraction(given["old_total"]), Fraction(given["new_total"])
    change = proration.change(start, end, at, old=old, new=new, currency=currency(given))
    return {
        "coefficient": change.part,
        "credit": text(change.credit),
        "charge": text(change.charge),
        "net": text(change.net),
    }


def times(given: Given) -> list[datetime]:
    return [datetime.fromisoformat(given[name]) for name in ("start", "end", "at")]


def proration_span(given: Given) -> Answer:
    return {"charge": text(proration.part_of(Fraction(given["amount"]), *times(given), currency(given)))}


def credit_cap(given: Given) -> Answer:
    figures = (Fraction(given[name]) for name in ("potential", "original", "previous"))
    return {"credit": proration.capped_credit(*figures)}


def grant_proration(given: Given) -> Answer:
    return {"credits": proration.granted(Fraction(given["credits"]), *times(given))}


def expr(given: Given) -> Answer:
    return {"quantity": compile_expression(given["expr"]).of(given["properties"])}


def agg(given: Given) -> Answer:
    how = Aggregation(given["type"])
    if "formula" in given.get("note", "") or how is Aggregation.WEIGHTED_SUM:
        span = Span(START, START + timedelta(days=30))
        readings = [Reading(START, Fraction(3)), Reading(START + timedelta(days=20), Fraction(6))]
        assert aggregate(how, readings, span=span) == 3 + 6 * Fraction(10, 30)
        return {"formula": "Σ v·(end−t)/(end−start)"}
    if "per_day" in given:
        return {"value": aggregate(how, [Reading(START)] * sum(given["per_day"]))}
    readings = [
        Reading(START + timedelta(seconds=place), Fraction(value), value)
        if how is not Aggregation.COUNT_UNIQUE
        else Reading(START, name=value)
        for place, value in enumerate(given["values"])
    ]
    return {"value": aggregate(how, readings, multiplier=Fraction(given.get("multiplier", 1)))}


def lago_tiers(mode: str) -> Callable[[Given], Answer]:
    def run(given: Given) -> Answer:
        charge = charge_of({**given, "tier_mode": mode}, flat_at_zero=True)
        return {"cost": cost(charge, Fraction(given["qty"])).amount}

    return run


def lago_package(given: Given) -> Answer:
    paid = commitment.beyond(Fraction(given["qty"]), Fraction(given["free"]))
    return {"cost": cost(charge_of({**given, "model": "PACKAGE"}), paid).amount}


def lago_percentage(given: Given) -> Answer:
    rate, amount, free, fixed = (Fraction(given[name]) for name in ("rate", "aggregation", "free_amount", "fixed"))
    events, free_events = given["events"], given["free_events"]
    return {"cost": percentage(rate, amount, events, free_amount=free, free_events=free_events, fixed=fixed)}


GROUPS: dict[str, Callable[[Given], Answer]] = {
    "rate": rate,
    "rate_buckets": rate_buckets,
    "round": rounded,
    "subtotal": subtotal,
    "true_up": true_up,
    "tax": tax,
    "invoice": invoice,
    "credit_adjust": credit_adjust,
    "wallet_convert": wallet_convert,
    "wallet_debit": wallet_debit,
    "wallet_lots": wallet_lots,
    "wallet_realtime": wallet_realtime,
    "bonus": bonus,
    "entitlement": entitlement,
    "ent_grants": ent_grants,
    "commit_window": commit_window,
    "proration_day": proration_day,
    "proration_span": proration_span,
    "credit_cap": credit_cap,
    "grant_proration": grant_proration,
    "expr": expr,
    "agg": agg,
    "lago_graduated": lago_tiers("SLAB"),
    "lago_volume": lago_tiers("VOLUME"),
    "lago_package": lago_package,
    "lago_percentage": lago_percentage,
    "om_burn": om_burn,
}


def same(expected: Any, found: Any) -> bool:
    """Figures are compared as figures where ours is one, and to the letter where ours is text."""
    if isinstance(expected, dict):
        return expected.keys() == found.keys() and all(same(expected[key], found[key]) for key in expected)
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    if isinstance(found, Fraction | Decimal) and not isinstance(expected, bool | None):
        return Fraction(expected) == Fraction(found)
    return bool(expected == found)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['group']}: {vector['id']}")
def test_we_answer_what_other_systems_answer(vector):
    answer, expected = GROUPS[vector["group"]], vector["expect"]
    if "error" in expected:
        with pytest.raises(InvalidInput):
            answer(vector["input"])
        return
    found = answer(vector["input"])
    assert same(expected, {name: found[name] for name in expected}), f"{found} instead of {expected}"


def test_every_group_is_there():
    assert {vector["group"] for vector in VECTORS} == set(GROUPS)
