"""What a provider says one of its models takes, as a draft of parameters for the model editor."""

from collections.abc import Mapping
from typing import Any

from app.catalogue.schema_import import Imported, import_schema
from app.generation.desk import Desk
from app.kernel.errors import InvalidInput
from app.providers.port import Described


async def ask_for_schema(
    desk: Desk, provider_id: str, upstream_model: str, current: Mapping[str, Any] | None = None
) -> Imported:
    """Fetch the description from the provider and read it. Buys nothing and changes nothing.

    Raises InvalidInput for a provider that publishes none (`schema_unpublished`) or for inputs we cannot read, and
    ProviderBusy or ProviderRefused as the provider answers.
    """
    name = upstream_model.strip()
    if not name:
        raise InvalidInput("Say which model: its id at the provider.", param="upstream_model")
    provider = await desk.providers.get(provider_id)
    if not isinstance(provider, Described):
        raise InvalidInput(
            "This provider does not publish what its models take; paste a schema instead.", code="schema_unpublished"
        )
    return import_schema(await provider.schema(name), current)
