"""A process that starts one generation and carries it to its end, unless it is killed at a named point on the way."""

import asyncio
from pathlib import Path

from app import services as building
from app.generation.advance import advance
from app.generation.start import Ask, start
from app.kernel.ids import new_id
from app.services import Services
from tests.support.forking import die_at, forking, seen_off
from tests.support.house import settings_for
from tests.support.seeded import SECRET_KEY

STEPS = 400
MODEL = "flux-1.1-pro"  # on Replicate, whose list gives lost jobs back


async def begin(services: Services, workspace_id: str, given: dict[str, object]) -> None:
    ask = Ask(workspace_id, MODEL, given, origin="api", request_id=new_id("req"))
    started = await start(services.desk, ask)
    await carry(services, started.generation_id)


async def carry(services: Services, generation_id: str) -> None:
    for _ in range(STEPS):
        step = await advance(services.desk, generation_id)
        if step.wait_seconds is None:
            return
        await asyncio.sleep(min(step.wait_seconds, 0.1))
    raise SystemExit(f"{generation_id} is stuck in {step.state}")


def main(home: Path, database: str, sandbox: str, secret: str, task: tuple[str, dict[str, object]], fault: str) -> None:
    die_at(fault)
    services = building.build(settings_for(home, database, sandbox, secret), carry=False)
    services.start()
    try:
        asyncio.run(begin(services, *task))
    finally:
        services.stop()


def run(home: Path, database: str, sandbox: str, workspace: str, given: dict[str, object], fault: str) -> int:
    """One process with one generation: its exit code, minus the signal that ended it."""
    arguments = (home, database, sandbox, SECRET_KEY, (workspace, given), fault)
    process = forking().Process(target=main, args=arguments)
    process.start()
    return seen_off(process)
