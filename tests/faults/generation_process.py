"""One process of the fault suite: `python -m tests.faults.generation_process …`.

It starts one generation and carries it to its end, unless FAREBOX_FAULT kills it on the way.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from app import services as building
from app.generation.advance import advance
from app.generation.start import Ask, start
from app.kernel.ids import new_id
from app.services import Services
from tests.support.house import settings_for

STEPS = 400


async def begin(services: Services, workspace_id: str, model: str, given: dict[str, object]) -> None:
    ask = Ask(workspace_id, model, given, origin="api", request_id=new_id("req"))
    started = await start(services.desk, ask)
    await carry(services, started.generation_id)


async def carry(services: Services, generation_id: str) -> None:
    for _ in range(STEPS):
        step = await advance(services.desk, generation_id)
        if step.wait_seconds is None:
            return
        await asyncio.sleep(min(step.wait_seconds, 0.1))
    raise SystemExit(f"{generation_id} is stuck in {step.state}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--database", required=True)
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--workspace", default="")
    parser.add_argument("--model", default="flux-schnell")
    parser.add_argument("--input", default="{}")
    args = parser.parse_args()
    services = building.build(settings_for(args.home, args.database, args.sandbox, args.secret), carry=False)
    services.start()
    try:
        asyncio.run(begin(services, args.workspace, args.model, json.loads(args.input)))
    finally:
        services.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
