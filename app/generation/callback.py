"""A provider calls back. Verified twice (our address, its signature), used only as a hint to look."""

from collections.abc import Mapping

from sqlalchemy import Connection, RowMapping, select

from app.generation import rows
from app.generation.desk import Desk
from app.generation.submit import accept
from app.kernel.errors import NotAllowed, NotFound
from app.providers.port import UpstreamRef


async def receive(
    desk: Desk, provider_id: str, attempt_id: str, signature: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Take a callback in. It may bring the upstream id of an attempt whose submit answer was lost.

    Raises NotFound for an address that is not ours, NotAllowed for a body the provider did not sign or one about
    another job. Whatever the body says about results is ignored: they are re-read from the provider.
    """
    if not desk.is_callback(provider_id, attempt_id, signature):
        raise NotFound("There is nothing here.", code="not_found")
    provider = await desk.providers.get(provider_id)
    callback = await provider.read_callback(headers, body, desk.clock())
    attempt = await desk.read(_attempt, attempt_id)
    if attempt["upstream_id"] not in (None, callback.upstream_id):
        raise NotAllowed("This callback is about another job.", code="callback_mismatch")
    if attempt["upstream_id"] is None:
        await _take_up(desk, attempt, callback.upstream_id)
    desk.work.wake(attempt["generation_id"])


async def _take_up(desk: Desk, attempt: RowMapping, upstream_id: str) -> None:
    generation = await desk.read(rows.generation, attempt["generation_id"])
    offer = desk.offers.of_version(generation["version_id"])
    await accept(desk, generation, attempt, UpstreamRef(upstream_id, attempt["upstream_model"]), offer)


def _attempt(connection: Connection, attempt_id: str) -> RowMapping:
    found = connection.execute(select(rows.ATTEMPT).where(rows.ATTEMPT.c.id == attempt_id)).mappings().first()
    if found is None:
        raise NotFound("There is nothing here.", code="not_found")
    return found
