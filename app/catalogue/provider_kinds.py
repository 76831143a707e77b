"""The kinds of provider we have an adapter for, and where their public service lives.

A provider page starts from these; the operator may change every address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """`settings` are those of the real service; a host in `output_hosts` may start with `*.`."""

    kind: str
    name: str
    base_url: str
    settings: Mapping[str, Any] = field(default_factory=dict)


KINDS = {
    kind.kind: kind
    for kind in (
        ProviderKind(
            "fal",
            "fal",
            "https://queue.fal.run",
            {
                "api_url": "https://api.fal.ai",
                "jwks_url": "https://rest.fal.ai/.well-known/jwks.json",
                "output_hosts": ["v3.fal.media", "v3b.fal.media", "fal.media", "*.fal.media"],
            },
        ),
        ProviderKind(
            "replicate",
            "Replicate",
            "https://api.replicate.com/v1",
            {"output_hosts": ["replicate.delivery", "*.replicate.delivery"]},
        ),
        ProviderKind(
            "kie",
            "kie.ai",
            "https://api.kie.ai",
            {"output_hosts": ["*.aiquickdraw.com", "*.redpandaai.co"]},
        ),
        ProviderKind(
            "openai_compatible",
            "OpenAI-compatible",
            "https://api.openai.com/v1",
            {"output_hosts": [], "call_seconds": 600, "idle_seconds": 120, "submit_timeout_seconds": 660},
        ),
    )
}


def provider_kind(kind: str) -> ProviderKind:
    """The kind by name; InvalidInput for one we have no adapter for."""
    if kind not in KINDS:
        raise InvalidInput(f"There is no provider kind {kind!r}. Choose one of {', '.join(KINDS)}.", param="kind")
    return KINDS[kind]
