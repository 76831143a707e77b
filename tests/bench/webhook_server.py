"""The API in a process of its own, as a server runs it: chores apply what comes in while more is coming.

`python -m tests.bench.webhook_server --home DIR --database URL --stripe URL --port N`
"""

import argparse
import asyncio
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server

from app import services as building
from app.api.assemble import build_api
from app.services import prepare_to_serve
from tests.support.till import settings_for


async def serve(options: argparse.Namespace) -> None:
    services = building.build(settings_for(options.home, options.database, options.stripe))
    options.home.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(services.start)
    api = build_api(services)
    prepare_to_serve()
    server = Server(api, address="127.0.0.1", port=options.port, interface=Interfaces.ASGI, log_enabled=False)
    try:
        await server.serve()
    finally:
        await asyncio.to_thread(services.stop)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--database", required=True)
    parser.add_argument("--stripe", required=True)
    parser.add_argument("--port", required=True, type=int)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
