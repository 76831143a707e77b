"""A load of one request, again and again, over so many kept connections. What asks is a compiled program (`wrk.py`):
anything slower would measure itself."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.bench import wrk

PATIENCE_SECONDS = 30.0
LONGEST_SECONDS = 10
#: What goes wrong is counted by its kind; anything but 2xx and 3xx is a `status`.
SCRIPT = """
wrk.method = "POST"
wrk.body = io.open(BODY, "rb"):read("*a")
for name, value in pairs(HEADERS) do wrk.headers[name] = value end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "micros": %d, "p50": %f, "failed": %d, "status": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), e.connect + e.read + e.write + e.timeout, e.status))
end
"""


class Load(NamedTuple):
    """What came of it."""

    per_second: float
    p50_ms: float


def load(url: str, body: bytes, headers: dict[str, str], *, clients: int, seconds: int) -> Load:
    """POST `body` there for so long, longer where hardly anything was answered in that time. Raises when an answer was
    a refusal or did not come, and `NotThere`."""
    first = httpx.post(url, content=body, headers=_typed(headers), timeout=PATIENCE_SECONDS, trust_env=False)
    if not first.is_success:
        raise RuntimeError(f"{url} answered {first.status_code}: {first.text[:500]}")
    while True:
        found = _asked(url, body, headers, clients, seconds)
        if found["failed"] or found["status"]:
            raise RuntimeError(f"not every request to {url} was answered well: {found}")
        if found["requests"] >= clients or seconds > LONGEST_SECONDS:
            return Load(found["requests"] * 1e6 / found["micros"], found["p50"] / 1e3)
        seconds *= 4


def _asked(url: str, body: bytes, headers: dict[str, str], clients: int, seconds: int) -> dict[str, float]:
    program = wrk.installed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "body").write_bytes(body)
        (folder / "ask.lua").write_text(_script(folder / "body", _typed(headers)))
        asked = [
            program.path, "--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s",
            "--timeout", f"{PATIENCE_SECONDS:g}s", "--script", folder / "ask.lua", url,
        ]  # fmt: skip
        said = subprocess.run(
            asked, env=program.env, check=True, capture_output=True, text=True, timeout=seconds + 2 * PATIENCE_SECONDS
        ).stdout
    found: dict[str, float] = json.loads(said.strip().rpartition("\n")[2])
    return found


def _typed(headers: dict[str, str]) -> dict[str, str]:
    return {"content-type": "application/json", **headers}


def _script(body: Path, headers: dict[str, str]) -> str:
    given = ", ".join(f"[{_text(name)}] = {_text(value)}" for name, value in headers.items())
    return f"local BODY, HEADERS = {_text(str(body))}, {{{given}}}\n{SCRIPT}"


def _text(value: str) -> str:
    """As Lua writes it; headers and paths hold nothing that JSON writes otherwise."""
    return json.dumps(value)
