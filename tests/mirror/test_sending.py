"""Customers and usage at a second Farebox that plays the remote: there once, under our ids."""

import secrets

import pytest


def told(sdk, customer):
    """The ids of the events that the remote has of a customer."""
    found = sdk.events.list_raw_events(external_customer_id=customer, page_size=100)
    return {one.id for one in found.events or ()}


@pytest.fixture
def name():
    """Somebody nobody else's test knows."""
    return f"who-{secrets.token_hex(6)}"


def test_a_customer_and_their_usage_stand_at_the_remote_under_our_ids(here, mirror, sdk, name):
    mirror.send()  # from here on it is on
    made = here.customer(name, email="anna@example.com")
    here.use(name, f"{name}-1", f"{name}-2", image_count=2, quality="high")
    mirror.send()
    there = sdk.customers.get_customer_by_external_id(external_id=name)
    assert (there.name, there.email, there.metadata) == (f"{name} Ltd", "anna@example.com", {"farebox_id": made.id})
    assert told(sdk, name) == {f"{name}-1", f"{name}-2"}
