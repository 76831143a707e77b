"""Every business fact, written down as a bookkeeper would: these texts are the specification of `journal.py`."""

from textwrap import dedent

import pytest

from app.kernel.errors import Broken
from app.kernel.money import Money
from app.ledger import journal
from app.ledger.journal import Cash, Cost, Entry, Journal
from tests.ledger.support import credits, dollars

WS, GEN = "ws_1", "gen_1"
FAL = Cost("fal", dollars(3_000))
EUR_120 = Cash("stripe", Money(100_000_000, "EUR"), Money(20_000_000, "EUR"))


def captured(**more: object) -> Journal:
    given = {"prepaid": credits(32), "owed": credits(0), "absorbed": credits(0)} | more
    return journal.capture(WS, GEN, **given)  # type: ignore[arg-type]


FACTS = [
    pytest.param(
        journal.grant(WS, credits(100), kind="promo", ref="welcome"),
        """
        grant welcome
          expense:promo           +100.000000 credit
          ws:ws_1:prepaid         -100.000000 credit
        """,
        id="a gift is our expense",
    ),
    pytest.param(
        journal.grant(WS, credits(100), kind="paid", ref="order 7"),
        """
        grant order 7
          issued:credits:paid     +100.000000 credit
          ws:ws_1:prepaid         -100.000000 credit
        """,
        id="bought credits stand against what was issued",
    ),
    pytest.param(
        captured(),
        """
        capture gen_1
          ws:ws_1:prepaid      +32.000000 credit
          revenue:usage        -32.000000 credit
        """,
        id="a charge is revenue",
    ),
    pytest.param(
        captured(cost=FAL),
        """
        capture gen_1
          ws:ws_1:prepaid           +32.000000 credit
          revenue:usage             -32.000000 credit
          expense:provider:fal       +0.003000 USD
          payable:provider:fal       -0.003000 USD
        """,
        id="cost stands beside it in its own unit",
    ),
    pytest.param(
        captured(prepaid=credits(20), owed=credits(12)),
        """
        capture gen_1
          ws:ws_1:prepaid          +20.000000 credit
          ws:ws_1:receivable       +12.000000 credit
          revenue:usage            -32.000000 credit
        """,
        id="what credits do not cover is owed",
    ),
    pytest.param(
        captured(absorbed=credits(5)),
        """
        capture gen_1
          ws:ws_1:prepaid                +32.000000 credit
          expense:absorbed_overage        +5.000000 credit
          revenue:usage                  -37.000000 credit
        """,
        id="more than the hold is delivered at our expense",
    ),
    pytest.param(captured(prepaid=credits(0)), "capture gen_1", id="a free generation has no legs"),
    pytest.param(
        captured(prepaid=credits(0), cost=FAL),
        """
        capture gen_1
          expense:provider:fal       +0.003000 USD
          payable:provider:fal       -0.003000 USD
        """,
        id="a free generation still costs us",
    ),
    pytest.param(
        journal.early_capture(WS, GEN, prepaid=credits(32), owed=credits(0)),
        """
        early_capture gen_1
          ws:ws_1:prepaid      +32.000000 credit
          revenue:usage        -32.000000 credit
        """,
        id="charged on submit",
    ),
    pytest.param(
        journal.final(WS, GEN, prepaid_back=credits(8), owed_back=credits(0), absorbed=credits(0), cost=FAL),
        """
        final gen_1
          ws:ws_1:prepaid            -8.000000 credit
          revenue:usage              +8.000000 credit
          expense:provider:fal       +0.003000 USD
          payable:provider:fal       -0.003000 USD
        """,
        id="charged on submit and less arrived",
    ),
    pytest.param(
        journal.final(WS, GEN, prepaid_back=credits(0), owed_back=credits(0), absorbed=credits(3)),
        """
        final gen_1
          expense:absorbed_overage        +3.000000 credit
          revenue:usage                   -3.000000 credit
        """,
        id="charged on submit and more arrived",
    ),
    pytest.param(
        journal.reversal("jrn_1", "capture", captured(absorbed=credits(5), cost=FAL).entries, generation_id=GEN),
        """
        reversal jrn_1 reverses jrn_1
          ws:ws_1:prepaid                -32.000000 credit
          expense:absorbed_overage        -5.000000 credit
          revenue:usage                  +37.000000 credit
        """,
        id="a refund does not bring our cost back",
    ),
    pytest.param(
        journal.reversal("jrn_2", "unknown_upstream", journal.unknown_upstream(GEN, FAL).entries, generation_id=GEN),
        """
        reversal jrn_2 reverses jrn_2
          expense:unknown_upstream       -0.003000 USD
          payable:provider:fal           +0.003000 USD
        """,
        id="a journal of cost alone is undone whole",
    ),
    pytest.param(
        journal.adjustment(WS, credits(-5), ref="ticket 9"),
        """
        adjustment ticket 9
          correction            -5.000000 credit
          ws:ws_1:prepaid       +5.000000 credit
        """,
        id="a correction downwards",
    ),
    pytest.param(
        journal.absorbed_cost("att_1", GEN, FAL),
        """
        absorbed_cost att_1
          expense:provider:fal       +0.003000 USD
          payable:provider:fal       -0.003000 USD
        """,
        id="a failure that was billed",
    ),
    pytest.param(
        journal.unknown_upstream(GEN, FAL),
        """
        unknown_upstream gen_1
          expense:unknown_upstream       +0.003000 USD
          payable:provider:fal           -0.003000 USD
        """,
        id="nobody knows whether upstream took it",
    ),
    pytest.param(
        journal.late_cost(GEN, Cost("fal", dollars(3_500)), FAL),
        """
        late_cost gen_1
          expense:provider:fal           +0.003500 USD
          payable:provider:fal           -0.003500 USD
          payable:provider:fal           +0.003000 USD
          expense:unknown_upstream       -0.003000 USD
        """,
        id="the real cost replaces the expected one",
    ),
    pytest.param(
        journal.top_up(WS, credits(100), debt=credits(0), ref="pi_1"),
        """
        top_up pi_1
          issued:credits:paid       +100.000000 credit
          ws:ws_1:prepaid           -100.000000 credit
        """,
        id="credits that were paid for",
    ),
    pytest.param(
        journal.top_up(WS, credits(100), debt=credits(60), ref="pi_1", cash=EUR_120),
        """
        top_up pi_1
          issued:credits:paid       +100.000000 credit
          ws:ws_1:debt               -60.000000 credit
          ws:ws_1:prepaid            -40.000000 credit
          cash:stripe               +120.000000 EUR
          deferred                  -100.000000 EUR
          tax_payable                -20.000000 EUR
        """,
        id="debt has its part first, and the money stands beside it",
    ),
    pytest.param(
        journal.bonus(WS, credits(10), ref="pi_1"),
        """
        bonus pi_1
          expense:promo             +10.000000 credit
          ws:ws_1:prepaid           -10.000000 credit
        """,
        id="a bonus is a gift",
    ),
    pytest.param(
        journal.set_aside(WS, credits(40), ref="re_1"),
        """
        set_aside re_1
          ws:ws_1:prepaid           +40.000000 credit
          ws:ws_1:set_aside         -40.000000 credit
        """,
        id="credits wait outside the balance for a refund to be decided",
    ),
    pytest.param(
        journal.give_back(WS, credits(40), ref="re_1"),
        """
        give_back re_1
          ws:ws_1:set_aside         +40.000000 credit
          ws:ws_1:prepaid           -40.000000 credit
        """,
        id="the payment stays after all",
    ),
    pytest.param(
        journal.take_back(WS, credits(40), credits(60), kind="paid", ref="re_1", cash=EUR_120),
        """
        take_back re_1
          ws:ws_1:set_aside         +40.000000 credit
          ws:ws_1:debt              +60.000000 credit
          issued:credits:paid      -100.000000 credit
          cash:stripe              -120.000000 EUR
          deferred                 +100.000000 EUR
          tax_payable               +20.000000 EUR
        """,
        id="the payment went back, and some of its credits were used",
    ),
    pytest.param(
        journal.take_back(WS, credits(10), credits(0), kind="promo", ref="re_1 bonus"),
        """
        take_back re_1 bonus
          ws:ws_1:set_aside         +10.000000 credit
          expense:promo             -10.000000 credit
        """,
        id="a bonus goes back as it came",
    ),
    pytest.param(
        journal.write_off(WS, credits(60), ref="ticket 9"),
        """
        write_off ticket 9
          expense:bad_debt          +60.000000 credit
          ws:ws_1:debt              -60.000000 credit
        """,
        id="debt nobody will pay",
    ),
    pytest.param(
        journal.debit(WS, credits(5), purpose="invoice", ref="wallet_1/invoice/inv_1"),
        """
        debit wallet_1/invoice/inv_1
          ws:ws_1:prepaid            +5.000000 credit
          revenue:usage              -5.000000 credit
        """,
        id="credits pay an invoice",
    ),
    pytest.param(
        journal.owed_paid(WS, credits(60), ref="ws_1:0"),
        """
        owed_paid ws_1:0
          issued:credits:paid       +60.000000 credit
          ws:ws_1:receivable        -60.000000 credit
        """,
        id="what was used on the limit is paid",
    ),
    pytest.param(
        journal.owed_written_off(WS, credits(60), ref="ws_1:0"),
        """
        owed_written_off ws_1:0
          expense:bad_debt          +60.000000 credit
          ws:ws_1:receivable        -60.000000 credit
        """,
        id="what was used on the limit and nobody will pay",
    ),
    pytest.param(
        journal.expiry(WS, credits(25), kind="paid", ref="lot_1"),
        """
        expiry lot_1
          ws:ws_1:prepaid           +25.000000 credit
          revenue:breakage          -25.000000 credit
        """,
        id="credits that were paid for and never used are earned",
    ),
    pytest.param(
        journal.expiry(WS, credits(25), kind="promo", ref="lot_1"),
        """
        expiry lot_1
          ws:ws_1:prepaid           +25.000000 credit
          expense:promo             -25.000000 credit
        """,
        id="a gift nobody used was none",
    ),
]


@pytest.mark.parametrize(("fact", "expected"), FACTS)
def test_facts_are_written_like_this(fact: Journal, expected: str) -> None:
    assert " ".join(fact.text().split()) == " ".join(dedent(expected).split())


def test_every_fact_of_the_module_has_its_text() -> None:
    told = {param.values[0].kind for param in FACTS}  # type: ignore[union-attr]
    kinds = {value for name, value in vars(journal).items() if name.isupper() and isinstance(value, str)}
    assert told == kinds


@pytest.mark.parametrize(
    "legs",
    [
        pytest.param([Entry("a", 1, "credit")], id="one leg"),
        pytest.param([Entry("a", 2, "credit"), Entry("b", -1, "credit")], id="unequal legs"),
        pytest.param([Entry("a", 1, "credit"), Entry("b", -1, "USD")], id="balanced only across units"),
    ],
)
def test_an_unbalanced_journal_refuses_to_exist(legs: list[Entry]) -> None:
    with pytest.raises(Broken, match="does not balance"):
        Journal("grant", "x", legs)


def test_legs_of_nothing_are_not_written() -> None:
    assert Journal("capture", "x", [Entry("a", 0, "credit")]).entries == ()


def test_text_shows_all_six_decimals() -> None:
    assert "+0.000001 credit" in Journal("grant", "x", [Entry("a", 1, "credit"), Entry("b", -1, "credit")]).text()
    assert Money(1).amount.as_tuple().exponent == -6
