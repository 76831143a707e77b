"""`python -m app.sandbox --port 3900 --data .farebox/sandbox`: fal, Replicate, kie.ai and Stripe on loopback."""

import argparse
import asyncio
import ipaddress
import os
import signal
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server

from app.sandbox.server import build
from app.sandbox.stripe.server import Config

DEFAULT_PORT = 3900


def main() -> None:
    options = _options()
    if not _is_loopback(options.host):
        raise SystemExit(f"The sandbox accepts any key, so it serves loopback only, not {options.host}.")
    if options.speed <= 0:
        raise SystemExit("--speed must be above zero.")
    asyncio.run(_serve(options))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may lead anywhere


def _options() -> argparse.Namespace:
    what = "Emulates fal, Replicate, kie.ai and Stripe."
    parser = argparse.ArgumentParser(prog="python -m app.sandbox", description=what)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="default: %(default)s")
    parser.add_argument("--data", type=Path, required=True, help="where the book, the keys and the files are kept")
    parser.add_argument("--speed", type=float, default=1.0, help="2 is twice as fast as real (default: %(default)s)")
    parser.add_argument("--stripe", type=Path, help="a JSON file with secret_key, webhook_url and webhook_secret")
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    app = build(options.data, options.speed, Config.read(options.stripe) if options.stripe else None)
    server = Server(app, address=options.host, port=options.port, interface=Interfaces.ASGI, log_enabled=False)
    for name in (signal.SIGTERM, signal.SIGINT):
        # Nothing needs a farewell: the book is written as things happen, and open jobs go on after a restart.
        asyncio.get_running_loop().add_signal_handler(name, os._exit, 0)
    address = f"http://{options.host}:{options.port}"
    print(f"Sandbox on {address} (fal, replicate, kie, stripe), books in {options.data}", flush=True)
    await server.serve()


if __name__ == "__main__":
    main()
