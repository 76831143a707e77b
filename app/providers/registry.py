"""Every provider kind there is: one file and one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from app.kernel.errors import InvalidInput
from app.providers import fal, kie, openai_compatible, replicate
from app.providers.port import Connection, Provider


@dataclass(frozen=True, slots=True)
class Adapter:
    """A kind of provider and what it needs to be told; `settings` are the defaults of its editable settings."""

    name: str
    base_url: str
    settings: Mapping[str, Any]
    make: Callable[[Connection, httpx.AsyncBaseTransport | None], Provider]


ADAPTERS: Mapping[str, Adapter] = {
    "fal": Adapter(fal.NAME, fal.BASE_URL, fal.SETTINGS, fal.Fal),
    "replicate": Adapter(replicate.NAME, replicate.BASE_URL, replicate.SETTINGS, replicate.Replicate),
    "kie": Adapter(kie.NAME, kie.BASE_URL, kie.SETTINGS, kie.Kie),
    "openai_compatible": Adapter(
        openai_compatible.NAME,
        openai_compatible.BASE_URL,
        openai_compatible.SETTINGS,
        openai_compatible.OpenAiCompatible,
    ),
}


def build(connection: Connection, *, transport: httpx.AsyncBaseTransport | None = None) -> Provider:
    """The adapter for a configured provider. It holds no open connection: build one whenever you need one."""
    adapter = ADAPTERS.get(connection.kind)
    if adapter is None:
        raise InvalidInput(
            f"There is no provider kind {connection.kind!r}; there are {', '.join(sorted(ADAPTERS))}.", param="kind"
        )
    return adapter.make(connection, transport)
