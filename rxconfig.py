"""What Reflex needs to know at build time and at start; everything else is in `app/settings.py`.

`api_url` is baked into the bundle, so another port or public address means another build.
"""

import os

import reflex as rx
from reflex.constants import StateManagerMode

from app.ui.theme import THEME

PORT = int(os.environ.get("FAREBOX_PORT") or 3000)
PUBLIC_URL = os.environ.get("FAREBOX_PUBLIC_URL", "").rstrip("/") or f"http://localhost:{PORT}"
REDIS_URL = os.environ.get("REDIS_URL") or None

#: Foreign websocket origins get 403. On loopback people type either name of the machine.
ORIGINS = [PUBLIC_URL, *(f"http://{name}:{PORT}" for name in ("localhost", "127.0.0.1", "[::1]"))]

config = rx.Config(
    app_name="app",
    app_module_import="app.app",
    frontend_port=PORT,
    backend_port=PORT,
    backend_host="127.0.0.1",
    api_url=PUBLIC_URL,
    deploy_url=PUBLIC_URL,
    cors_allowed_origins=ORIGINS,
    redis_url=REDIS_URL,
    # Pages keep drafts in the database, so a tab's state need not survive a restart; on disk it would also hold the
    # session cookie of every tab.
    state_manager_mode=StateManagerMode.REDIS if REDIS_URL else StateManagerMode.MEMORY,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    plugins=[rx.plugins.RadixThemesPlugin(theme=THEME), rx.plugins.TailwindV4Plugin()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
