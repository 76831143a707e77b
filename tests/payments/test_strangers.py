"""What strangers send to the doors of money: whatever it is, it is answered, not broken by."""

import json
from typing import Any

import httpx

from tests.payments.test_api import ask, bearer, body, cookie, form
from tests.support.till import Till

ODD_TEXTS = ("", " ", "\0", "a\0b", "\ud800", "x" * 70_000, "../../etc/passwd", "' OR 1=1 --", "=1+1", "\u202e", "NaN")
ODD_VALUES = (*ODD_TEXTS, None, True, -1, 0, 1e308, 10**40, [], {}, [[]], {"a": {"b": 1}})
ODD_PATHS = ("%00", "a%00b", "%ED%A0%80", "x" * 3_000, "..%2f..%2fsecret.key", "%27%20OR%201=1", "ord_" + "0" * 26)
DOORS = (
    "/v1/orders/{}",
    "/v1/orders?limit={}",
    "/v1/statement?from={}",
    "/v1/statement?month={}",
    "/payments/proofs/{}",
    "/download/invoices/{}.pdf",
    "/download/invoices/{}.html",
    "/download/invoices/x/{}",
    "/download/invoices.csv?year={}",
    "/download/invoices.csv?search={}",
    "/download/account.csv?from={}&to={}",
    "/download/statement.csv?month={}&show={}",
    "/top-up?cs={}",
)


def answers(till: Till, asked: list[dict[str, Any]]) -> list[httpx.Response]:
    """All of it at one door, which is built once."""

    async def all_of_them() -> list[httpx.Response]:
        async with till.browser() as client:
            return [await client.request(**one) for one in asked]

    return till.run(all_of_them())


def test_whatever_is_asked_is_answered(till: Till) -> None:
    person, program = cookie(till, till.user_id), {**bearer(till), "Idempotency-Key": "k"}
    asked: list[dict[str, Any]] = [
        {"method": "GET", "url": door.replace("{}", odd), "headers": program if door.startswith("/v1") else person}
        for door in DOORS
        for odd in ODD_PATHS
    ]
    asked += [
        {"method": "POST", "url": "/v1/orders", "content": json.dumps(body(till, **{name: odd})), "headers": program}
        for name in ("package_version", "currency", "accept_terms", "method")
        for odd in ODD_VALUES
    ]
    asked += [
        {"method": "POST", "url": "/payments/checkout", "data": form(till, **{name: odd}), "headers": person}
        for name in ("package_version", "currency", "terms", "key")
        for odd in ODD_TEXTS
        if odd != "\ud800"  # no form can say it
    ]
    broken = [
        (one["url"][:80], str(one.get("content") or one.get("data"))[:200], answer.text[:200])
        for one, answer in zip(asked, answers(till, asked), strict=True)
        if answer.status_code >= 500
    ]
    assert broken == []
    assert {order.gross.minor for order in till.cashier.orders_of()} <= {1_190}  # any printable key is a key


def test_what_belongs_to_another_workspace_is_not_there(one_till: Till) -> None:
    till = one_till
    theirs = till.cashier.manual.request(till.choice())
    proof = till.cashier.proofs.keep(
        theirs.id, "p.pdf", b"%PDF-1.7", workspace_id=till.workspace_id, actor=till.user_id
    )
    _, stranger = till.customer(name="Stranger")
    headers = cookie(till, stranger)
    file = {"file": ("p.pdf", b"%PDF-1.7", "application/pdf")}
    answers = {
        "download a proof": ask(till, "GET", f"/payments/proofs/{proof.id}", headers=headers),
        "upload a proof": ask(till, "POST", f"/payments/orders/{theirs.id}/proof", files=file, headers=headers),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 404)
    assert len(till.cashier.proofs.of_order(theirs.id)) == 1
