"""An example of a model that answers in the same exchange, as curl says it: a dry run, then the request. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from app.catalogue.operations import ADDRESSES
from app.generation.dialogue import body_of

HEADERS = '  -H "Authorization: Bearer $FAREBOX_KEY" \\\n'


def example_of(operation: str, host: str, alias: str, given: Mapping[str, Any]) -> str:
    """The program for a chat, an embedding or a transcription."""
    address = host + ADDRESSES[operation]
    if operation == "transcription":
        fields = [f'  -F {name}="{value}"' for name, value in {"model": alias, **given}.items()]
        return " \\\n".join([f"curl {address}", HEADERS.rstrip(" \\\n"), '  -F file="@recording.mp3"', *fields])
    body = json.dumps(_body(operation, alias, given), ensure_ascii=False).replace("'", "'\\''")
    dry, run = (_curl(where) for where in (f'"{address}?dryRun=true"', address))
    return f"request='{body}'\n\n# What it would cost; nothing runs\n{dry}\n\n# Run it\n{run}"


def _body(operation: str, alias: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for in OpenAI's shape: a prompt and instructions become messages."""
    return {"model": alias, **(body_of(given) if operation == "chat" else given)}


def _curl(address: str) -> str:
    return f'curl {address} \\\n{HEADERS}  -H "Content-Type: application/json" \\\n  -d "$request"'
