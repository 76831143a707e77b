"""Whether an EU VAT id belongs to anybody, asked of the Commission's VIES service over its REST interface.

Only a plain yes or no counts. Everything else, an outage of one member state above all, is "unavailable", and the
seller's policy decides what that means for the tax.
"""

from dataclasses import dataclass
from typing import Any, Final

import httpx

from app.invoicing.parties import TaxIdCheck
from app.kernel.clock import Clock

URL: Final = "https://ec.europa.eu/taxation_customs/vies/rest-api/check-vat-number"
TIMEOUT_SECONDS: Final = 8.0
_NOTHING: Final = ("", "---")
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Vies:
    """`transport` replaces the network in tests."""

    clock: Clock
    url: str = URL
    transport: httpx.AsyncBaseTransport | None = None

    async def check(self, vat_id: str, asked_by: str = "") -> TaxIdCheck:
        """Ask about `vat_id` on behalf of our own (`asked_by`): then the answer has a number that proves it."""
        asked = {"countryCode": vat_id[:2], "vatNumber": vat_id[2:]}
        if asked_by:
            asked |= {"requesterMemberStateCode": asked_by[:2], "requesterNumber": asked_by[2:]}
        try:
            async with httpx.AsyncClient(transport=self.transport, timeout=TIMEOUT_SECONDS) as client:
                answer = await client.post(self.url, json=asked)
            said = answer.json()
        except (httpx.HTTPError, ValueError):
            said = {}
        return self._read(said if isinstance(said, dict) else {})

    def _read(self, said: dict[str, Any]) -> TaxIdCheck:
        at = self.clock().isoformat()
        if _error(said) == "INVALID_INPUT":
            return TaxIdCheck("vies", "invalid", at)
        if not isinstance(said.get("valid"), bool) or _error(said):
            return TaxIdCheck("vies", "unavailable", at)
        result = "valid" if said["valid"] else "invalid"
        proof, name, address = (_text(said.get(key)) for key in ("requestIdentifier", "name", "address"))
        return TaxIdCheck("vies", "valid" if result == "valid" else "invalid", at, proof, name, address)


def _error(said: dict[str, Any]) -> str:
    """The first error's code. A dead member state may come with "valid": false, which must not count."""
    errors = said.get("errorWrappers")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return str(errors[0].get("error") or "UNKNOWN")
    told = str(said.get("userError") or "VALID")
    return "" if told in {"VALID", "INVALID"} else told


def _text(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "" if text in _NOTHING else " ".join(text.split())[:_LONGEST]
