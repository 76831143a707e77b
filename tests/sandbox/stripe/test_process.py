"""Killed at any moment, the sandbox's Stripe forgets nothing it answered and finishes what it began."""

import json
import sys
import traceback

import pytest
import stripe

from app.sandbox.__main__ import main
from tests.sandbox.callers import until
from tests.sandbox.stripe.orders import look, session, session_params
from tests.support.listener import listening
from tests.support.sandbox import free_port
from tests.support.stripe_sandbox import WEBHOOK_SECRET, running_stripe


def test_what_was_begun_goes_on_after_a_kill(tmp_path):
    with listening() as heard:
        heard.status = 503
        with running_stripe(tmp_path, heard.url, speed=2) as sandbox, sandbox.talking() as client:
            made = client.v1.checkout.sessions.create(session_params(), {"idempotency_key": "k1"})
            sandbox.pay(made.id, iban="DE89370400440532013000")
            heard.next()
        heard.all(0.2)
        heard.status = 200
        with running_stripe(tmp_path, heard.url, speed=50) as sandbox, sandbox.talking() as client:
            again = client.v1.checkout.sessions.create(session_params(), {"idempotency_key": "k1"})
            assert again.id == made.id, "the stored answer outlived the process"
            until(lambda: look(client, made.id).payment_status == "paid")
            until(lambda: not client.v1.events.list({"delivery_success": False}).data)
    events = [
        stripe.Webhook.construct_event(call.body, call.headers["stripe-signature"], WEBHOOK_SECRET)
        for call in heard.all(0.1)
    ]
    assert {"checkout.session.completed", "checkout.session.async_payment_succeeded"} <= {e.type for e in events}


def test_a_session_that_ran_out_meanwhile_is_expired_at_the_next_start(tmp_path):
    with running_stripe(tmp_path) as sandbox, sandbox.talking() as client:
        made = session(client)
        sandbox.ctl("clock", advance=0)
    with running_stripe(tmp_path) as sandbox, sandbox.talking() as client:
        sandbox.ctl("clock", advance=25 * 3600)
        until(lambda: look(client, made.id).status == "expired")


def test_the_launchers_endpoint_is_made_once_and_follows_the_address(tmp_path):
    with running_stripe(tmp_path, "http://127.0.0.1:9/old") as sandbox:
        first = sandbox.look()["endpoints"]
    with running_stripe(tmp_path, "http://127.0.0.1:9/new") as sandbox:
        second = sandbox.look()["endpoints"]

    assert [each["id"] for each in first] == [each["id"] for each in second]
    assert (second[0]["url"], second[0]["secrets"]) == ("http://127.0.0.1:9/new", [WEBHOOK_SECRET])


@pytest.mark.parametrize("key", ["sk_live_" + "51abc", "pk_test_" + "51abc"])
def test_a_key_that_could_be_real_is_refused_at_the_start(tmp_path, monkeypatch, key):
    shared = tmp_path / "stripe.json"
    shared.write_text(json.dumps({"secret_key": key}))
    words = ["--port", str(free_port()), "--data", str(tmp_path), "--stripe", str(shared)]
    monkeypatch.setattr(sys, "argv", ["sandbox", *words])

    with pytest.raises(ValueError, match="must begin with sk_test_") as refused:
        main()

    assert key not in "".join(traceback.format_exception(refused.value))
