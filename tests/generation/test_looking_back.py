"""What pages read of what was made: how long a model usually takes, and which models have results."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.generation.gallery import models_used
from app.generation.rows import GENERATION
from app.generation.timing import usual_seconds
from app.kernel.clock import now


async def _made(home, model: str, seconds: float) -> str:
    """A finished generation that took so long."""
    seen = await home.run(model, prompt="A red tram")
    created = now() - timedelta(seconds=seconds)
    changed = update(GENERATION).where(GENERATION.c.id == seen.id)
    with home.services.db.write() as connection:
        connection.execute(changed.values(created_at=created, finished_at=created + timedelta(seconds=seconds)))
    return str(seen.row["model_id"])


@pytest.mark.anyio
async def test_the_usual_time_is_the_median_of_the_latest_results(home):
    model_id = home.services.offers.find("flux-schnell").model_id
    with home.services.db.read() as connection:
        assert usual_seconds(connection, model_id) is None
    for seconds in (2, 9, 4):
        await _made(home, "flux-schnell", seconds)
    with home.services.db.read() as connection:
        assert usual_seconds(connection, model_id) == 4


@pytest.mark.anyio
async def test_a_model_is_in_the_gallery_once_it_has_a_result(home):
    await home.run("flux-schnell", prompt="A red tram")
    await home.run("flux-schnell", prompt="A green tram")
    await home.run("flux-dev", prompt="It fails [[fault:fail]]")
    with home.services.db.read() as connection:
        assert models_used(connection, home.workspace_id) == [("flux-schnell", "FLUX.1 schnell")]
        assert models_used(connection, "ws_other") == []
