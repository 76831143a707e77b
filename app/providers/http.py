"""The wire, for every adapter: one paid POST that is never repeated, reads that are, and files from known hosts only.

What a paid POST can end in:

    could not connect, 429, 503 with Retry-After       ProviderBusy     nothing was accepted; may be tried again
    any other 4xx                                      ProviderRefused  a plain no
    dropped, timed out, redirected, 5xx, 408, 409,
    425, 499, or an answer we cannot read              ProviderUnclear  it may have been bought; never sent again

Every call opens its own connection. A kept-alive one that the other side closed a moment ago fails exactly like a
request that was lost after it was read, and would turn an honest "not sent" into an expensive "nobody knows"; it also
lets one adapter serve any event loop and leaves nothing to close.
"""

import asyncio
import json
import logging
import math
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.request import getproxies

import httpx

from app.kernel import clock
from app.kernel.errors import ProviderBusy, ProviderError, ProviderRefused, ProviderUnclear
from app.providers.connections import Courier, KeptTransport
from app.providers.hosts import Hosts, host_name, origin_of
from app.providers.port import Connection

TIMEOUTS = httpx.Timeout(60, connect=10)
ONE_CALL = httpx.Limits()
MOST_IDLE, IDLE_SECONDS = 100, 3.0  # a server drops an idle connection after five seconds at the earliest
KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=MOST_IDLE, keepalive_expiry=IDLE_SECONDS)
CALL_SECONDS = 75  # a whole call, however slowly it trickles; shorter than anybody waits for a submission
MAX_ANSWER_BYTES = 8 * 2**20
MAX_RETRY_AFTER_SECONDS = 3600
MAX_MESSAGE_CHARACTERS = 300
RETRY_DELAYS_SECONDS = (0.3, 1.0)  # between the tries of a read

#: Failures that happen before the first byte of a request leaves us.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
#: 4xx that do not say whether the request was taken.
AMBIGUOUS = frozenset({408, 409, 425, 499})
#: Trouble with our account rather than with the request.
ACCOUNT = frozenset({401, 402, 403})
#: Why a provider said no, as our stable codes.
REFUSALS = {
    400: "provider_input_refused",
    401: "provider_key_refused",
    402: "provider_out_of_credit",
    403: "provider_key_refused",
    404: "provider_model_unknown",
    413: "provider_input_refused",
    415: "provider_input_refused",
    422: "provider_input_refused",
}

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)

# httpx logs every address it calls, and a callback address carries its own signature.
logging.getLogger("httpx").setLevel(logging.WARNING)


class AnswerTooLong(Exception):
    """An answer that goes on past any sensible length."""


#: Everything a call may fail with once the address is known to be one.
LOST = (httpx.HTTPError, TimeoutError, AnswerTooLong)


@dataclass(frozen=True, slots=True)
class Wording:
    """How a provider words its answers: its sentence in an error body, and statuses that mean something of their own.

    `code` finds the real status in the body of a provider whose HTTP status says little; `meaning` is the stable code
    of a refusal that its status does not tell, whatever that status is.
    """

    explain: Callable[[Any], str | None]
    code: Callable[[Any], int | None] = lambda _: None
    meaning: Callable[[Any], str | None] = lambda _: None
    busy: frozenset[int] = frozenset({429})
    refused: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. `payload` is the parsed body with exact numbers, None when it is not JSON."""

    status: int
    headers: httpx.Headers
    payload: Any

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after_seconds(self) -> int | None:
        return _retry_after(self.headers.get("retry-after"))


class Http:
    """One provider's base URL, key and hosts. The key goes to the operator's own URLs and nowhere else."""

    def __init__(
        self,
        name: str,
        connection: Connection,
        authorization: str,
        wording: Wording,
        *,
        own_urls: Sequence[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self.base = connection.base_url.rstrip("/")
        self._authorization = authorization
        self._wording = wording
        self.hosts = Hosts((self.base, *own_urls), connection.settings.get("output_hosts") or ())
        self._transport = transport

    async def post_once(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        query: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Buy: exactly one POST, whatever happens. The answer is the JSON object of a 2xx. `extra` are headers."""
        self.require_own(url)
        content = self.encode(body)
        headers = self.headers(url) | {"content-type": "application/json", **(extra or {})}
        try:
            answer = await self._call("POST", url, headers, content=content, query=query)
        except NOT_SENT as error:
            raise ProviderBusy(f"{self.name} could not be reached; nothing was sent.") from error
        except LOST as error:
            raise ProviderUnclear(
                f"{self.name} did not answer the submission ({type(error).__name__}); it may have been accepted."
            ) from error
        if answer.ok and isinstance(answer.payload, dict):
            return answer.payload
        raise self.verdict(answer)

    def verdict(self, answer: Answer) -> ProviderError:
        """Which of the three errors an answer to the paid POST proves."""
        status, wait = answer.status, answer.retry_after_seconds
        why = self._why(answer)
        if 400 <= status < 500 and self._wording.meaning(answer.payload):
            return self._refused(answer)
        if status in self._wording.busy or (status == 503 and wait is not None):
            return ProviderBusy(
                f"{self.name} is busy and took nothing.", retry_after_seconds=wait, status=status, upstream_message=why
            )
        if status in self._wording.refused or (400 <= status < 500 and status not in AMBIGUOUS):
            return self._refused(answer)
        return ProviderUnclear(
            f"{self.name} gave an answer that does not say whether it took the job (status {status}).",
            status=status,
            upstream_message=why,
        )

    async def get(self, url: str, *, method: str = "GET", with_key: bool = True) -> Answer:
        """Ask, and ask again if need be: for calls that change nothing when repeated.

        Answers any 2xx or 4xx and any error that is JSON; `ProviderBusy` for what a later try may mend,
        `ProviderRefused` before anything is sent when `url` is on a host the operator did not configure.
        """
        self.require_own(url)
        headers = self.headers(url) if with_key else {}
        trouble: Exception | None = None
        details: dict[str, Any] = {}
        for delay in (*RETRY_DELAYS_SECONDS, None):
            try:
                answer = await self._call(method, url, headers)
            except LOST as error:
                trouble, details = error, {}
            else:
                trouble, details = None, {"status": answer.status}
                if answer.status < 500 or answer.payload is not None or answer.retry_after_seconds is not None:
                    return self._usable(answer)
            if delay is not None:
                await asyncio.sleep(delay)
        raise ProviderBusy(f"{self.name} does not answer at the moment.", **details) from trouble

    def _usable(self, answer: Answer) -> Answer:
        if 300 <= answer.status < 400:
            raise ProviderBusy(f"{self.name} answered with a redirect; check its base URL.", status=answer.status)
        wait = answer.retry_after_seconds
        if answer.status in self._wording.busy or (answer.status == 503 and wait is not None):
            raise ProviderBusy(f"{self.name} asks us to slow down.", retry_after_seconds=wait, status=answer.status)
        return answer

    async def read(self, url: str) -> dict[str, Any]:
        """The JSON object at `url`, which is about a job we have bought."""
        return self.about_job(await self.get(url))

    def about_job(self, answer: Answer) -> dict[str, Any]:
        """The answer's JSON object. A refused key counts as busy: the job is bought, and a key can be mended."""
        if answer.status in ACCOUNT:
            refused = self._refused(answer)
            raise ProviderBusy(refused.message, code=refused.stable_code, **refused.details)
        if answer.status == 404:
            raise ProviderRefused(f"{self.name} does not know this job, or no longer.", code="provider_job_unknown")
        return self.understood(answer)

    def understood(self, answer: Answer) -> dict[str, Any]:
        """The answer's JSON object, or the error it stands for; a refused key is said to be one."""
        if answer.ok and isinstance(answer.payload, dict):
            return answer.payload
        if 400 <= answer.status < 500:
            raise self._refused(answer)
        raise ProviderBusy(f"{self.name} gave an answer we cannot read (status {answer.status}).", status=answer.status)

    async def credentials(self, url: str, *, with_key: bool = True) -> dict[str, Any]:
        """The JSON object at `url` that callbacks are verified with; `ProviderBusy` when it cannot be had."""
        answer = await self.get(url, with_key=with_key)
        if answer.ok and isinstance(answer.payload, dict):
            return answer.payload
        raise ProviderBusy(f"{self.name} does not say what its callbacks are signed with.", status=answer.status)

    def own(self, url: object) -> str | None:
        """`url` if the key may go there, otherwise None."""
        return url if isinstance(url, str) and self.hosts.is_own(url) else None

    def headers(self, url: str) -> dict[str, str]:
        """The key, if `url` is on a host it may go to."""
        if not (self._authorization.isascii() and self._authorization.isprintable()):
            raise ProviderRefused(
                f"The key of {self.name} contains characters no key has.", code="provider_key_refused"
            )
        return {"authorization": self._authorization} if self.hosts.is_own(url) else {}

    @property
    def is_public(self) -> bool:
        """False when the provider runs on this very machine, as the sandbox does."""
        origin = origin_of(self.base)
        return origin is None or origin[1] not in ("localhost", "127.0.0.1", "::1")

    def as_sent(self, body: Mapping[str, Any]) -> Any:
        """The body as the provider reads it, to compare with what it says it was sent."""
        return _parsed(self.encode(body))

    def client(self, *, keep: bool = False) -> httpx.AsyncClient:
        """A client for one call, or with `keep` for many, whose connections it keeps for a moment.

        It uses an operator's outbound proxy, but never for the sandbox on this machine.
        """
        transport, limits = self._transport, KEPT if keep else ONE_CALL
        if keep and transport is None and not (self.is_public and getproxies()):
            kept = KeptTransport(_trust_store(), keep=MOST_IDLE, expiry_seconds=IDLE_SECONDS)
            return Courier(kept, timeout=TIMEOUTS, trust_env=False)
        return httpx.AsyncClient(
            timeout=TIMEOUTS,
            limits=limits,
            transport=transport,
            follow_redirects=False,
            verify=_trust_store(),
            trust_env=self.is_public,
        )

    async def _call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        content: bytes | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        async with (
            asyncio.timeout(CALL_SECONDS),
            self.client() as client,
            client.stream(method, url, headers=headers, content=content, params=query) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise AnswerTooLong
            return self._answer(response, bytes(body))

    def _answer(self, response: httpx.Response, body: bytes) -> Answer:
        payload = _parsed(body)
        said = self._wording.code(payload) if response.is_success else None
        return Answer(said or response.status_code, response.headers, payload)

    def _refused(self, answer: Answer) -> ProviderRefused:
        why = self._why(answer)
        status = answer.status
        if status == 403 and why and "balance" in why.lower():
            status = 402
        return ProviderRefused(
            f"{self.name} refused the request: {why or f'status {answer.status}'}",
            code=self._wording.meaning(answer.payload) or REFUSALS.get(status, "provider_refused"),
            status=answer.status,
            upstream_message=why,
        )

    def _why(self, answer: Answer) -> str | None:
        """The provider's own sentence, cut to a length a page can show."""
        said = self._wording.explain(answer.payload)
        return " ".join(said.split())[:MAX_MESSAGE_CHARACTERS] if said else None

    def foreign(self, url: str) -> ProviderRefused:
        """The refusal to follow `url`."""
        return ProviderRefused(
            f"{self.name} pointed us to {host_name(url)}, which is not one of its configured hosts.",
            code="provider_foreign_host",
        )

    def require_own(self, url: str) -> None:
        if origin_of(self.base) is None:
            raise ProviderRefused(
                f"The base URL of {self.name} is not a web address; correct it on the provider page.",
                code="provider_address",
            )
        if not self.hosts.is_own(url):
            raise self.foreign(url)

    def encode(self, body: Mapping[str, Any]) -> bytes:
        try:
            return json.dumps(body, default=json_number, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise ProviderRefused(
                f"The parameters for {self.name} cannot be written as JSON; nothing was sent.", code=REFUSALS[422]
            ) from error


@cache
def _trust_store() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def json_number(value: object) -> int | float:
    """A parameter is a quantity and not money: upstream reads the same digits from the float."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _retry_after(header: str | None) -> int | None:
    """Whole seconds from a number or a date; None when absent or unreadable."""
    if header is None:
        return None
    if _SECONDS.fullmatch(header.strip()):
        seconds = math.ceil(Decimal(header.strip()))
    else:
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = int((moment.replace(tzinfo=moment.tzinfo or UTC) - clock.now()).total_seconds()) + 1
    return min(max(seconds, 0), MAX_RETRY_AFTER_SECONDS)
