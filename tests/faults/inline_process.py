"""A process that makes one synchronous call, or sends what is due to one endpoint, unless it is killed on the way."""

import asyncio
import json
from pathlib import Path

from app import services as building
from app.generation.inline.run import run_inline
from app.generation.media import plan_media
from app.generation.start import Ask
from app.generation.text import plan_chat
from app.kernel.ids import new_id
from app.services import Services
from tests.support.forking import die_at, forking, seen_off
from tests.support.house import settings_for
from tests.support.seeded import SECRET_KEY

MODEL, PAINTER = "gpt-4o-mini", "gpt-image-1-mini"


async def chat(services: Services, workspace_id: str, text: str) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": 40}
    ask = Ask(workspace_id, MODEL, body, origin="chat", request_id=new_id("req"))
    await run_inline(services.desk, ask, plan_chat(services.desk.offers.find(MODEL), body, len(json.dumps(body))))


async def picture(services: Services, workspace_id: str, text: str) -> None:
    offer, given = services.desk.offers.find(PAINTER), {"prompt": text}
    ask = Ask(workspace_id, PAINTER, given, origin="images", request_id=new_id("req"))
    await run_inline(services.desk, ask, plan_media(services.desk, offer, given, {}, workspace_id, None))


async def send(services: Services, _workspace_id: str, _text: str) -> None:
    await services.webhooks.send()


ACTS = {"chat": chat, "picture": picture, "send": send}


def main(home: Path, database: str, sandbox: str, act: str, workspace: str, text: str, fault: str) -> None:
    die_at(fault)
    services = building.build(settings_for(home, database, sandbox, SECRET_KEY), carry=False)
    services.start()
    try:
        asyncio.run(ACTS[act](services, workspace, text))
    finally:
        services.stop()


def run(home: Path, database: str, sandbox: str, act: str, workspace: str, text: str, fault: str) -> int:
    """Its exit code, minus the signal that ended it."""
    process = forking().Process(target=main, args=(home, database, sandbox, act, workspace, text, fault))
    process.start()
    return seen_off(process)
