"""The launcher with stand-ins for what takes long: packages, migrations, the front end and the two servers."""

import json
import sys
from pathlib import Path

from app.run import frontend, launch, venv
from app.run.__main__ import main
from app.run.launch import sandbox_port

HERE = Path(__file__).parent


def stand_in(port: int, pids: Path) -> list[str]:
    return [sys.executable, str(HERE / "stand_in.py"), str(port), str(pids)]


def seed(ours, env, home):
    login = {"email": "somebody@farebox.test", "password": "secret", "api_key": "fbx_1", "workspace_id": "ws_1"}
    (home / "demo.json").write_text(json.dumps({"url": "http://localhost", "admin": login, "customer": login}))


if __name__ == "__main__":
    pids = Path(sys.argv[1])
    venv.ensure = lambda ours: None
    frontend.ensure = lambda ours, env: None
    frontend.server = lambda host, port: stand_in(port, pids)
    launch.prepare = seed
    launch.start_sandbox = lambda ours, env, home: ours.start("sandbox", stand_in(sandbox_port(env), pids), env)
    sys.exit(main(["demo"]))
