"""The door to Stripe: the official client, our error tree, and nothing that decides about money.

Every write carries an idempotency key of ours, so that asking again after a lost answer is asking the same. Errors:
`ProviderBusy` nothing happened · `ProviderRefused` never as asked · `ProviderUnclear` it may have happened, look.

The client is loaded with the first thing asked: it is a tenth of a start, and few starts sell anything at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import httpx

from app.kernel.errors import NotFound, ProviderBusy, ProviderError, ProviderRefused, ProviderUnclear
from app.kernel.fiat import Fiat, psp_minor
from app.payments import stripe_read
from app.payments.stripe_keys import StripeKeys
from app.payments.verdict import Proof

if TYPE_CHECKING:
    import stripe
    from stripe.params import CustomerCreateParams
    from stripe.params.checkout import SessionCreateParams, SessionCreateParamsLineItem

#: The version of Stripe's API that this code was written against; the webhook endpoint must have the same.
API_VERSION: Final = "2026-10-28.endive"
TIMEOUT_SECONDS: Final = 20.0
RETRIES: Final = 2
EXPAND_SESSION: Final = ["payment_intent.latest_charge"]
EXPAND_INTENT: Final = ["latest_charge"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageLine:
    """A line of the hosted page."""

    name: str
    amount: Fiat


@dataclass(frozen=True, slots=True)
class SessionAsk:
    """Everything a hosted page is asked for with. Asking twice with one `key` must be asking the same."""

    key: str
    order_id: str
    workspace_id: str
    customer_id: str
    lines: Sequence[PageLine]
    save_card: bool
    expires_at: datetime
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    session_id: str
    url: str


class StripeDoor:
    """One Stripe account. Clients belong to the event loop that made them, so each loop has its own."""

    name: Final = stripe_read.PROVIDER

    def __init__(self, keys: StripeKeys, install: Callable[[], str]) -> None:
        self.keys = keys
        self._install = install
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Client] = WeakKeyDictionary()

    @property
    def livemode(self) -> bool:
        return self.keys.livemode

    @property
    def install(self) -> str:
        """Which Farebox this is: written on everything we make at Stripe, because accounts are shared."""
        return self._install()

    @property
    def client(self) -> "stripe.StripeClient":
        """The client of this event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = _client(self.keys)
        return self._clients[loop].api

    async def close(self) -> None:
        """Close this event loop's connections; the next request opens new ones."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.http.close_async()  # type: ignore[no-untyped-call]

    def marks(self, order_id: str | None, workspace_id: str) -> dict[str, str]:
        """The metadata that says whose this is."""
        order = {stripe_read.ORDER: order_id} if order_id else {}
        return {**order, stripe_read.WORKSPACE: workspace_id, stripe_read.INSTALL: self.install}

    async def create_customer(self, workspace_id: str, *, name: str, email: str | None, times_deleted: int = 0) -> str:
        """The workspace as a customer of this account; the same one however often it is asked, until it is deleted."""
        params: CustomerCreateParams = {"name": name, "metadata": self.marks(None, workspace_id)}
        if email:
            params["email"] = email
        key = f"customer:{self.install}:{workspace_id}" + (f":{times_deleted}" if times_deleted else "")
        made = await write(self.client.v1.customers.create_async(params, {"idempotency_key": key}))
        return made.id

    async def is_gone(self, customer_id: str) -> bool:
        """Whether a customer was deleted, or is of an account that these keys are not for."""
        try:
            found = await read(self.client.v1.customers.retrieve_async(customer_id), customer_id)
        except NotFound:
            return True
        return bool(found.to_dict().get("deleted"))

    async def open_session(self, ask: SessionAsk) -> OpenSession:
        """A page on which this order can be paid; `NotFound` when the customer is gone."""
        params = _session_params(ask, self.marks(ask.order_id, ask.workspace_id))
        options: stripe.RequestOptions = {"idempotency_key": ask.key}
        made = await write(self.client.v1.checkout.sessions.create_async(params, options))
        if not made.url:
            raise stripe_read.Unreadable(f"Stripe made the checkout session {made.id} without an address.")
        return OpenSession(made.id, made.url)

    async def find_session(self, customer_id: str, order_id: str) -> OpenSession | None:
        """An open page of this order that we lost sight of when its creation was not answered."""
        listed = await read(
            self.client.v1.checkout.sessions.list_async({"customer": customer_id, "status": "open", "limit": 100})
        )
        for session in (found.to_dict() for found in listed.data):
            if (session["metadata"] or {}).get(stripe_read.ORDER) == order_id and session["url"]:
                return OpenSession(session["id"], session["url"])
        return None

    async def session(self, session_id: str) -> Proof:
        """A checkout session as it is now."""
        found = await read(
            self.client.v1.checkout.sessions.retrieve_async(session_id, {"expand": EXPAND_SESSION}), session_id
        )
        return stripe_read.of_session(found.to_dict())

    async def intent(self, payment_id: str) -> Proof:
        """A PaymentIntent as it is now."""
        found = await read(
            self.client.v1.payment_intents.retrieve_async(payment_id, {"expand": EXPAND_INTENT}), payment_id
        )
        return stripe_read.of_intent(found.to_dict())

    async def close_session(self, session_id: str) -> None:
        """Take the page away. One that was paid or had run out meanwhile is `ProviderRefused`: look at it."""
        await write(self.client.v1.checkout.sessions.expire_async(session_id))


class _Client(NamedTuple):
    api: "stripe.StripeClient"
    http: "stripe.HTTPXClient"


def _client(keys: StripeKeys) -> _Client:
    import stripe

    stripe.enable_telemetry = False  # otherwise the client writes an id into the home directory and sends it along
    http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
    if keys.is_loopback:
        http._client_async = httpx.AsyncClient(trust_env=False)  # a proxy of the environment knows no loopback
    api = stripe.StripeClient(
        keys.secret_key,
        stripe_version=API_VERSION,
        base_addresses={"api": keys.base},
        max_network_retries=RETRIES,
        http_client=http,
    )
    return _Client(api, http)


def _session_params(ask: SessionAsk, marks: Mapping[str, str]) -> "SessionCreateParams":
    params: SessionCreateParams = {
        "mode": "payment",
        "customer": ask.customer_id,
        "client_reference_id": ask.order_id,
        "metadata": dict(marks),
        "payment_intent_data": {"metadata": dict(marks)},
        "line_items": [_line(line) for line in ask.lines],
        "expires_at": int(ask.expires_at.timestamp()),
        "success_url": ask.success_url,
        "cancel_url": ask.cancel_url,
        # Whatever the account's own settings say: the amount is ours, and so is the invoice.
        "automatic_tax": {"enabled": False},
        "adaptive_pricing": {"enabled": False},
        "allow_promotion_codes": False,
        "invoice_creation": {"enabled": False},
    }
    if ask.save_card:
        params["payment_intent_data"]["setup_future_usage"] = "off_session"
    return params


def _line(line: PageLine) -> "SessionCreateParamsLineItem":
    return {
        "quantity": 1,
        "price_data": {
            "currency": line.amount.currency.lower(),
            "unit_amount": psp_minor(line.amount),
            "product_data": {"name": line.name},
        },
    }


# --- errors: the same words for every provider


async def read(call: Awaitable[T], what: str = "") -> T:
    """A question: whatever goes wrong, nothing has happened. `NotFound` when Stripe does not know the object."""
    return await _ask(call, ProviderBusy, what)


async def write(call: Awaitable[T]) -> T:
    """A request that changes something: no answer means that it may have happened."""
    return await _ask(call, ProviderUnclear, "")


async def _ask(call: Awaitable[T], lost: Callable[..., ProviderError], what: str) -> T:
    import stripe

    try:
        return await call
    except stripe.RateLimitError as error:
        raise ProviderBusy(f"Stripe is busy: {error.user_message or error}") from error
    except stripe.IdempotencyError as error:
        raise ProviderUnclear(f"Stripe knows this request with other figures: {error}", code="key_reused") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise ProviderRefused(f"Stripe does not accept our key: {error}", code="provider_key") from error
    except stripe.CardError as error:
        raise ProviderRefused(str(error.user_message or error), code="card_declined", **_decline(error)) from error
    except stripe.InvalidRequestError as error:
        if error.http_status == 404 or error.code == "resource_missing":
            raise NotFound(
                f"Stripe does not know {what or error.param or 'this object'}.", code="not_at_provider"
            ) from error
        raise ProviderRefused(f"Stripe refused: {error}", param=error.param, stripe_code=error.code) from error
    except stripe.APIConnectionError as error:
        raise lost(f"Stripe could not be reached: {_network(error)}", code="provider_unreachable") from error
    except stripe.StripeError as error:
        raise lost(f"Stripe answered {error.http_status}: {error}", code="provider_failed") from error


def _network(error: "stripe.APIConnectionError") -> str:
    """What the network said, in one line and without the library's advice."""
    said = " ".join(str(error).split())
    return said.rpartition("(Network error: ")[2].removesuffix(")")


def _decline(error: "stripe.CardError") -> dict[str, Any]:
    told = getattr(error, "error", None)
    intent = getattr(told, "payment_intent", None)
    return {
        "decline_code": getattr(told, "decline_code", None),
        "stripe_code": error.code,
        "payment_id": None if intent is None else intent["id"],
    }
