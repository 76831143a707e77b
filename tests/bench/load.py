"""A load of one request, again and again, or of many different ones, over so many kept connections. What asks is a
compiled program (`wrk.py`): anything slower would measure itself."""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
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


#: Each request stands in the file as it goes over the wire, after a line that says how long it is.
VOLLEY = """
local requests = io.open(REQUESTS, "rb")
function request() return requests:read(tonumber(requests:read("*l"))) end
function done(summary, latency)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.timeout + e.status
  io.write(string.format(
    '\\n{"answered": %d, "p50": %f, "p99": %f, "failed": %d}\\n',
    summary.requests, latency:percentile(50), latency:percentile(99), failed))
end
"""


class Load(NamedTuple):
    """What came of it."""

    per_second: float
    p50_ms: float


class Volley(NamedTuple):
    """How long answers were waited for. wrk counts in what a slow answer kept from being asked meanwhile, so that the
    slowest look no better than they were."""

    answered: int
    p50_ms: float
    p99_ms: float


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
        return _said(asked, program, seconds)


def _said(asked: Sequence[str | Path], program: wrk.Program, seconds: int) -> dict[str, float]:
    patience = seconds + 2 * PATIENCE_SECONDS
    said = subprocess.run(asked, env=program.env, check=True, capture_output=True, text=True, timeout=patience).stdout
    found: dict[str, float] = json.loads(said.strip().rpartition("\n")[2])
    return found


def volley(url: str, requests: Iterable[bytes], *, clients: int, seconds: int) -> Volley:
    """Send `requests`, each of them once at most, for so long: there must be more of them than can be answered. Raises
    when an answer was an error or did not come, and `NotThere`."""
    program = wrk.installed()
    with tempfile.TemporaryDirectory() as name:
        script, all_ = Path(name) / "ask.lua", Path(name) / "requests"
        with all_.open("wb") as file:
            file.writelines(b"%d\n%b" % (len(request), request) for request in requests)
        script.write_text(f"local REQUESTS = {_text(str(all_))}\n{VOLLEY}")
        asked = [
            program.path, "--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s",
            "--timeout", f"{PATIENCE_SECONDS:g}s", "--script", script, url,
        ]  # fmt: skip
        said = _said(asked, program, seconds)
    if said["failed"]:
        raise RuntimeError(f"not every request to {url} was answered well: {said}")
    return Volley(int(said["answered"]), said["p50"] / 1e3, said["p99"] / 1e3)


def _typed(headers: dict[str, str]) -> dict[str, str]:
    return {"content-type": "application/json", **headers}


def _script(body: Path, headers: dict[str, str]) -> str:
    given = ", ".join(f"[{_text(name)}] = {_text(value)}" for name, value in headers.items())
    return f"local BODY, HEADERS = {_text(str(body))}, {{{given}}}\n{SCRIPT}"


def _text(value: str) -> str:
    """As Lua writes it; headers and paths hold nothing that JSON writes otherwise."""
    return json.dumps(value)
