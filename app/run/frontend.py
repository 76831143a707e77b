"""The front end: compiled by Reflex, bundled by bun (from a wheel), and only when its inputs changed."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from app.run.paths import ROOT, VENV, WEB, fingerprint, venv_program
from app.run.processes import Processes
from app.run.progress import step

MARK = WEB / "farebox.key"
CLIENT = WEB / "build" / "client"

#: Pages may show anything the rooms below them know, so all of `app` counts, less what no page can reach.
_INPUTS = [ROOT / name for name in ("app", "assets", "reflex.lock", "rxconfig.py", "requirements.txt")]
_UNREACHED = [ROOT / "app" / name for name in ("run", "sandbox", "api", "jobs", "cli.py", "demo.py", "__main__.py")]


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """`base`, with our own programs first on the PATH and Reflex kept from calling anybody.

    Some shells and images ask Python not to keep what it compiled; our sources would be compiled at every start again,
    and that is a fifth of it.
    """
    return {
        **{name: value for name, value in base.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "PATH": os.pathsep.join([str(VENV / "bin"), base.get("PATH", os.defpath)]),
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "PYTHONUNBUFFERED": "1",
    }


def ensure(ours: Processes, env: Mapping[str, str]) -> None:
    """Build the front end for the port and address in `env`; free when the present build fits."""
    if fits(_address(env)):
        return
    MARK.unlink(missing_ok=True)
    with step("Building the front end") as shown:
        command = [venv_program("reflex"), "export", "--frontend-only", "--no-zip"]
        ours.finish(
            "build",
            command,
            {**env, **_registry(env), "FAREBOX_BUILD": "1"},
            lambda _: shown.note(f"{_since(shown.started)} s"),
        )
    MARK.write_text(_key(_address(env)))  # taken again: the build itself may write reflex.lock and assets/external


def fits(address: str) -> bool:
    """Whether there is a build of the present sources that calls its server at `address`."""
    return (CLIENT / "index.html").exists() and MARK.exists() and MARK.read_text() == _key(address)


def serving(base: Mapping[str, str], web: Path = WEB) -> dict[str, str]:
    """The environment in which the app serves the front end already built in `web` instead of compiling it again.

    The two underscored names are Reflex's own; its version is pinned and the browser tests start the app this way.
    """
    return {
        **environment(base),
        "REFLEX_ENV_MODE": "prod",
        "REFLEX_WEB_WORKDIR": str(web),
        "__REFLEX_SKIP_COMPILE": "true",
        "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
    }


def server(host: str, port: int) -> list[str]:
    """The command that serves the app: pages, API and worker in one process."""
    at = ["--host", host, "--port", str(port), "--workers", "1"]
    patience = ["--http1-header-read-timeout", "10000", "--workers-kill-timeout", "5"]
    python = [venv_program("python"), "-m", "granian"]
    return [*python, "--interface", "asgi", "--factory", *at, *patience, "app.app:app"]


def _address(env: Mapping[str, str]) -> str:
    """What `rxconfig.py` bakes into the pages."""
    return env.get("FAREBOX_PUBLIC_URL", "").rstrip("/") or f"http://localhost:{env.get('FAREBOX_PORT') or 3000}"


def _key(address: str) -> str:
    return fingerprint(_INPUTS, address, without=_UNREACHED)


def _registry(env: Mapping[str, str]) -> dict[str, str]:
    """The package registry npm is configured with, where there is npm: otherwise Reflex probes for one."""
    npm = shutil.which("npm")
    if npm is None or env.get("NPM_CONFIG_REGISTRY"):
        return {}
    asked = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, check=False)
    address = asked.stdout.strip()
    return {"NPM_CONFIG_REGISTRY": address} if asked.returncode == 0 and address.startswith("http") else {}


def _since(started: float) -> int:
    return round(time.monotonic() - started)
