"""The only door to the remote Flexprice: its SDK, loaded when first needed, and its refusals in our words.

Two things can go wrong, and they are different branches: nobody can be reached there (`Unreachable`: nothing is wrong
with what was sent, and everything waits), or one thing is refused (`Refused`: the others go on).
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import httpx
import orjson
from pydantic import ValidationError

from app.kernel.errors import Broken, ProviderBusy, ProviderRefused

if TYPE_CHECKING:
    from flexprice import Flexprice

PACKAGE: Final = "flexprice"
TIMEOUT_SECONDS: Final = 20.0
CONNECT_SECONDS: Final = 5.0
LONGEST_REASON: Final = 300
MOST_LISTED: Final = 200
NOT_FOUND: Final = 404
#: Answers that say nothing about what was sent: the key, the rate, the server itself.
OF_THE_HOUSE: Final = frozenset({401, 402, 403, 405, 407, 408, 421, 425, 426, 429})
T = TypeVar("T")


class Unreachable(ProviderBusy):
    """The remote cannot be used at present; everything waits."""

    code = "mirror_unreachable"


class Refused(ProviderRefused):
    """The remote takes everything but this. `details["status"]` is what it answered."""

    code = "mirror_refused"


class RemoteSubscription(NamedTuple):
    """`ours` is what it says its id is here."""

    id: str
    state: str
    plan_id: str | None
    ours: str | None


class RemoteInvoice(NamedTuple):
    """Amounts as the remote writes them."""

    id: str
    subscription_id: str | None
    state: str
    currency: str
    total: str | None
    period_start: datetime | None
    period_end: datetime | None


class RemoteUsage(NamedTuple):
    amount: object
    currency: str


class Remote:
    """One account at a remote. Calls block: they belong into a thread, and never into a transaction."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        #: How often it has said something, a refusal too.
        self.answers = 0
        self._key = key
        self._sdk: Flexprice | None = None
        self._http: httpx.Client | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of its connections."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._sdk = self._http = None

    def ask(self) -> None:
        """Something harmless, to see whether it answers and knows the key."""
        self._call(lambda sdk: sdk.plans.query_plan(limit=1), always_there=True)

    # --- customers

    def put_customer(self, said: Mapping[str, Any], known: str | None) -> str:
        """See to it that this customer is there as we say; their id there. Whoever is there already is taken over."""
        found = known or self.customer(said["external_id"])
        if found is None:
            return self._made(self._call(lambda sdk: sdk.customers.create_customer(**said), always_there=True))
        changed = {name: value for name, value in said.items() if name != "external_id"}
        return self._made(self._call(lambda sdk: sdk.customers.update_customer(id=found, **changed)))

    def customer(self, external_id: str) -> str | None:
        """The id there of the customer we call so; None when there is none."""
        found = self._found(lambda sdk: sdk.customers.get_customer_by_external_id(external_id=external_id))
        return None if found is None else self._made(found)

    # --- plans and subscriptions

    def plan(self, lookup_key: str) -> str | None:
        """The plan that is called so there."""
        listed = self._call(lambda sdk: sdk.plans.query_plan(lookup_key=lookup_key, limit=10))
        found = [item for item in listed.items or () if item.lookup_key == lookup_key and item.id]
        return str(found[0].id) if found else None

    def has_plan(self, plan_id: str) -> bool:
        return self._found(lambda sdk: sdk.plans.get_plan(id=plan_id)) is not None

    def subscription(self, remote_id: str) -> RemoteSubscription | None:
        found = self._found(lambda sdk: sdk.subscriptions.get_subscription(id=remote_id))
        return None if found is None else _subscription(found)

    def subscriptions_of(self, external_id: str) -> list[RemoteSubscription]:
        """What the customer has there, page by page."""
        every: list[RemoteSubscription] = []
        while len(every) % MOST_LISTED == 0:
            page = self._subscriptions_from(external_id, len(every))
            every += page
            if not page:
                break
        return every

    def _subscriptions_from(self, external_id: str, offset: int) -> list[RemoteSubscription]:
        listed = self._call(
            lambda sdk: sdk.subscriptions.query_subscription(
                external_customer_id=external_id, limit=MOST_LISTED, offset=offset
            )
        )
        return [_subscription(item) for item in listed.items or ()]

    def make_subscription(self, said: Mapping[str, Any]) -> RemoteSubscription:
        return _subscription(self._call(lambda sdk: sdk.subscriptions.create_subscription(**said)))

    def pause(self, remote_id: str) -> None:
        self._call(lambda sdk: sdk.subscriptions.pause_subscription(id=remote_id))

    def resume(self, remote_id: str) -> None:
        self._call(lambda sdk: sdk.subscriptions.resume_subscription(id=remote_id))

    def cancel(self, remote_id: str) -> None:
        """End it now."""
        self._call(lambda sdk: sdk.subscriptions.cancel_subscription(id=remote_id, cancellation_type="immediate"))

    def change_plan(self, remote_id: str, plan: str, row: Mapping[str, Any]) -> None:
        """Move it to another plan at once, in the rhythm it has here. Prorating is each side's own affair."""
        self._call(
            lambda sdk: sdk.subscriptions.execute_subscription_change(
                id=remote_id,
                target_plan_id=plan,
                billing_cadence="RECURRING",
                billing_cycle=row["billing_cycle"],
                billing_period=row["billing_period"],
                billing_period_count=row["billing_period_count"],
                proration_behavior="create_prorations",
            )
        )

    # --- usage and what it comes to

    def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Take these in; whoever has them already knows them by their ids."""
        self._call(lambda sdk: sdk.events.ingest_events_bulk(events=list(events)), always_there=True)  # type: ignore[arg-type]

    def usage(self, remote_id: str, start: datetime, end: datetime) -> RemoteUsage:
        """What a period of a subscription comes to there so far."""
        found = self._call(
            lambda sdk: sdk.subscriptions.get_subscription_usage(
                subscription_id=remote_id, start_time=start, end_time=end
            )
        )
        return RemoteUsage(found.amount, str(found.currency or "").upper())

    def invoice(self, remote_id: str) -> RemoteInvoice | None:
        found = self._found(lambda sdk: sdk.invoices.get_invoice(id=remote_id))
        return None if found is None else _invoice(found)

    def invoices_of(self, remote_subscription: str) -> list[RemoteInvoice]:
        """The newest invoices of a subscription that are stated there."""
        listed = self._call(
            lambda sdk: sdk.invoices.query_invoice(
                subscription_id=remote_subscription, invoice_status=["FINALIZED"], skip_line_items=True, limit=20
            )
        )
        return [_invoice(item) for item in listed.items or () if item.id]

    # --- calling

    def _client(self) -> "Flexprice":
        with self._lock:
            if self._sdk is None:
                try:
                    from flexprice import Flexprice  # with the first call: whoever has no mirror never loads it
                except ImportError as error:
                    raise Broken(f"The package {PACKAGE} cannot be loaded ({error}).") from error
                # A redirect would carry the key to whoever it names.
                patience = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS)
                self._http = httpx.Client(follow_redirects=False, timeout=patience)
                self._sdk = Flexprice(server_url=self.url, api_key_auth=self._key, client=self._http)
            return self._sdk

    def _found(self, ask: Callable[["Flexprice"], T]) -> T | None:
        """The answer; None when the remote says that there is no such thing."""
        try:
            return self._call(ask)
        except Refused as refused:
            if refused.details.get("status") == NOT_FOUND:
                return None
            raise

    def _call(self, ask: Callable[["Flexprice"], T], *, always_there: bool = False) -> T:
        """What `ask` answers. Where something is `always_there` at any Flexprice, "not found" means another address."""
        sdk = self._client()
        from flexprice.models import errors

        try:
            found = ask(sdk)
        except errors.FlexpriceError as error:
            told = _told(error.status_code, error.body or error.message, always_there)
            self.answers += isinstance(told, Refused)
            raise told from error
        except ValidationError as error:
            raise Refused(f"Its SDK does not take it: {error}"[:LONGEST_REASON]) from error
        except (httpx.HTTPError, errors.NoResponseError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}"[:LONGEST_REASON] or "no answer") from error
        self.answers += 1
        return found

    @staticmethod
    def _made(answer: Any) -> str:
        if not answer.id:
            raise Unreachable("The remote answered without an id: it may not be a Flexprice.")
        return str(answer.id)


def _told(status: int, body: str, always_there: bool) -> ProviderBusy | ProviderRefused:
    """Whose fault it is by the status; the remote's own sentence where it gives one."""
    said = _sentence(body)
    if not 400 <= status < 500 or status in OF_THE_HOUSE or (always_there and status == NOT_FOUND):
        return Unreachable(f"{status}: {said}"[:LONGEST_REASON])
    return Refused(f"{status}: {said}"[:LONGEST_REASON], status=status)


def _sentence(body: str) -> str:
    try:
        said = orjson.loads(body)
    except ValueError:
        said = None
    message = said.get("message") or said.get("error") if isinstance(said, dict) else None
    return " ".join(str(message or body or "no reason given").split())


def _subscription(found: Any) -> RemoteSubscription:
    ours = (found.metadata or {}).get("farebox_id") or found.lookup_key
    return RemoteSubscription(
        Remote._made(found), str(found.subscription_status or ""), found.plan_id or None, ours or None
    )


def _invoice(found: Any) -> RemoteInvoice:
    total = found.total if found.total is not None else found.amount_due
    return RemoteInvoice(
        Remote._made(found),
        found.subscription_id or None,
        str(found.invoice_status or ""),
        str(found.currency or "").upper(),
        None if total is None else str(total),
        found.period_start,
        found.period_end,
    )
