"""LiteLLM's proxy as a yardstick: one worker, no database, in an environment of its own that is made once."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.run.paths import ROOT
from tests.bench.row import NotThere
from tests.support.sandbox import free_port

VERSION = "1.106.2"
KEY = "sk-bench-yardstick"
HOME = ROOT / ".farebox" / "bench" / f"litellm-{VERSION}"
INSTALL_SECONDS, START_SECONDS = 900, 300
CONFIG = """\
model_list:
  - model_name: gpt-4o-mini
    litellm_params: {{model: openai/gpt-4o-mini, api_base: "{upstream}/v1", api_key: sk-x}}
  - model_name: gpt-image-1-mini
    litellm_params: {{model: openai/gpt-image-1-mini, api_base: "{upstream}/v1", api_key: sk-x}}
general_settings: {{master_key: {key}}}
"""


def installed() -> Path:
    """The folder of its programs; `FAREBOX_BENCH_LITELLM` names one that is there already."""
    if given := os.environ.get("FAREBOX_BENCH_LITELLM"):
        return Path(given)
    programs = HOME / "bin"
    if not (HOME / "complete").exists():
        commands = (
            [sys.executable, "-m", "venv", "--clear", str(HOME)],
            [str(programs / "python"), "-m", "pip", "install", "-q", f"litellm[proxy]=={VERSION}"],
        )
        for command in commands:
            try:
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
            except (subprocess.SubprocessError, OSError) as error:
                raise NotThere(f"LiteLLM {VERSION} could not be installed: {error}") from error
        (HOME / "complete").touch()
    return programs


@contextmanager
def running_litellm(folder: Path, upstream: str) -> Iterator[str]:
    """Its address, with one worker, every model led to `upstream`."""
    programs, port = installed(), free_port()
    config = folder / "litellm.yaml"
    config.write_text(CONFIG.format(upstream=upstream, key=KEY))
    command = [str(programs / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "NO_PROXY": "127.0.0.1"}
    with (folder / "litellm.log").open("wb") as log:
        process = subprocess.Popen([*command, "--num_workers", "1"], env=env, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/health/liveliness", process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise NotThere("LiteLLM did not start")
