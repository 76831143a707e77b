"""The only reader of the environment. Every setting is documented here and printed by `python -m app doctor`.

In demo mode (`FAREBOX_DEMO=1`, what `make run` sets) secrets are made per installation and only loopback is served.
In production a missing secret stops the start with one sentence naming the setting.

Paying by card needs `STRIPE_SECRET_KEY` and `STRIPE_WEBHOOK_SECRET` (with `STRIPE_WEBHOOK_SECRET_PREVIOUS` while the
secret is being changed); without them cards are not offered. `STRIPE_TEST_MODE=1` allows a test key in production.

Mirroring to a Flexprice needs `FLEXPRICE_URL` and `FLEXPRICE_API_KEY`; taking its webhooks `FLEXPRICE_WEBHOOK_SECRET`
(with `FLEXPRICE_WEBHOOK_SECRET_PREVIOUS`).
"""

import base64
import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypedDict
from urllib.parse import urlsplit

from app.kernel.errors import Broken

STRIPE_API = "https://api.stripe.com"
#: The demo's own Stripe keys, made once; the sandbox reads the same file.
STRIPE_FILE = "stripe.json"
#: How the demo's server was started, for commands typed beside it.
DEMO_ENVIRONMENT = "demo-environment.json"
#: A proxy on this machine is believed about who calls.
LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")
_OF_DEMO = ("FAREBOX_DEMO", "FAREBOX_PORT", "FAREBOX_SANDBOX_URL")


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked once at start; nothing else reads the environment."""

    demo: bool
    host: str
    port: int
    public_url: str  # what customers and providers reach us by, without a trailing slash
    database_url: str
    home: Path  # where Farebox keeps its own files
    secret_key: str  # encrypts provider keys and signs callback addresses
    credit_value_micros: int  # list value of one credit in micro-USD
    sandbox_url: str | None
    smtp_url: str | None = field(default=None, repr=False)  # the mail server; without one mails are kept for operators
    mail_from: str = ""  # the sender, such as Farebox <billing@example.com>
    confirm_above_credits: int = 5_000  # from where the playground asks before it runs; 0: it never asks by itself
    low_balance_credits: int = 100  # where a workspace that chose nothing is told that its balance is low
    trusted_proxies: tuple[str, ...] = LOOPBACK_NETWORKS  # who may say on whose behalf they call
    metrics_token: str = field(default="", repr=False)  # who may read /metrics from elsewhere than this machine
    metrics_dir: str = ""  # where several processes of one server share their figures
    log_format: Literal["text", "json"] = "text"
    log_level: str = "INFO"
    otel_endpoint: str | None = None  # where traces go (OTLP over http)
    redis_url: str | None = field(default=None, repr=False)  # where processes share their rate limits
    keep_refused_days: int = 30  # how long requests that were refused stay in the log
    keep_payload_days: int = 7  # how long what a key's policy keeps of requests and answers stays
    files_url: str | None = None  # a bucket for stored files: s3://bucket/prefix?endpoint=…&region=…
    keep_files_days: int | None = None  # how long files are kept; None: until somebody deletes them
    upload_quota_mb: int = 5_000  # what a workspace's uploads may take in all
    stripe_secret_key: str = field(default="", repr=False)  # empty: nothing is paid by card
    stripe_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)  # and, during a change, the one before
    stripe_api_base: str = STRIPE_API
    mirror_url: str | None = None  # a Flexprice that is told customers, subscriptions and usage
    mirror_key: str = field(default="", repr=False)
    mirror_secrets: tuple[str, ...] = field(default=(), repr=False)  # of its webhooks; and the one before

    @property
    def proofs_dir(self) -> Path:
        """What customers upload to prove a transfer; apart from the files, because it is never shown."""
        return self.home / "proofs"

    @property
    def files_dir(self) -> Path:
        return self.home / "files"

    @property
    def jobs_url(self) -> str:
        """DBOS keeps its own tables: beside our SQLite file, or in our PostgreSQL database."""
        return (
            self.database_url
            if not self.database_url.startswith("sqlite")
            else f"sqlite:///{self.home / 'jobs.sqlite'}"
        )


def is_build(env: Mapping[str, str] | None = None) -> bool:
    """Whether this process only compiles the pages (FAREBOX_BUILD=1): it has no database and no secrets."""
    return (os.environ if env is None else env).get("FAREBOX_BUILD") == "1"


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings; `Broken` names the first one that is missing or wrong."""
    env = os.environ if env is None else env
    demo = env.get("FAREBOX_DEMO") == "1"
    folder = home(env)
    host = env.get("FAREBOX_HOST", "127.0.0.1")
    if demo and not _is_loopback(host):
        raise Broken(
            f"FAREBOX_HOST is {host}, but demo mode serves loopback only: unset FAREBOX_DEMO or use 127.0.0.1."
        )
    if not demo and env.get("FAREBOX_FAULT"):
        raise Broken("FAREBOX_FAULT is a test switch that kills the process: unset it.")
    return Settings(
        demo=demo,
        host=host,
        port=port(env),
        public_url=_public_url(env, demo, port(env)),
        database_url=database_url(env),
        home=folder,
        secret_key=_secret(env, demo, folder),
        credit_value_micros=_integer(env, "FAREBOX_CREDIT_MICRO_USD", 1_000),
        sandbox_url=env.get("FAREBOX_SANDBOX_URL") or None,
        smtp_url=env.get("FAREBOX_SMTP_URL") or None,
        mail_from=_sender(env),
        confirm_above_credits=_integer(env, "FAREBOX_CONFIRM_ABOVE_CREDITS", 5_000, least=0),
        low_balance_credits=_integer(env, "FAREBOX_LOW_BALANCE_CREDITS", 100),
        trusted_proxies=_proxies(env),
        metrics_token=env.get("FAREBOX_METRICS_TOKEN", ""),
        metrics_dir=env.get("PROMETHEUS_MULTIPROC_DIR", ""),
        log_format=_log_format(env),
        log_level=_log_level(env),
        otel_endpoint=env.get("FAREBOX_OTEL_ENDPOINT") or None,
        redis_url=_redis(env),
        keep_refused_days=_integer(env, "FAREBOX_KEEP_REFUSED_DAYS", 30),
        keep_payload_days=_integer(env, "FAREBOX_KEEP_PAYLOAD_DAYS", 7),
        files_url=_files(env),
        keep_files_days=_integer(env, "FAREBOX_KEEP_FILES_DAYS", 1) if env.get("FAREBOX_KEEP_FILES_DAYS") else None,
        upload_quota_mb=_integer(env, "FAREBOX_UPLOAD_QUOTA_MB", 5_000),
        **_stripe(env, demo, folder),
        **_mirror(env, _public_url(env, demo, port(env))),
    )


def _proxies(env: Mapping[str, str]) -> tuple[str, ...]:
    """`FAREBOX_TRUSTED_PROXIES`: addresses and networks, parted by commas; the proxy on this machine when unset."""
    named = env.get("FAREBOX_TRUSTED_PROXIES")
    if named is None:
        return LOOPBACK_NETWORKS
    found = tuple(part.strip() for part in named.split(",") if part.strip())
    for network in found:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise Broken(
                f"FAREBOX_TRUSTED_PROXIES names {network!r}, which is no address or network like 10.0.0.0/8."
            ) from None
    return found


def of_terminal(env: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """The environment of a command that somebody types: in a demo's folder, also what its server was started with.

    For asking and looking after. What serves customers reads only its own environment, so that a production start
    with a missing secret fails instead of becoming a demo.
    """
    env = os.environ if env is None else env
    kept = home(env) / DEMO_ENVIRONMENT
    if "FAREBOX_DEMO" in env or env.get("FAREBOX_SECRET_KEY") or not kept.exists():
        return env
    return {**json.loads(kept.read_text(encoding="utf-8")), **env}


def remember_demo(env: Mapping[str, str] | None = None) -> None:
    """Keep what `of_terminal` gives to later commands; nothing in it is secret."""
    env = os.environ if env is None else env
    said = {name: env[name] for name in _OF_DEMO if env.get(name)}
    (home(env) / DEMO_ENVIRONMENT).write_text(json.dumps(said, indent=2), encoding="utf-8")


def home(env: Mapping[str, str] | None = None) -> Path:
    """Where Farebox keeps its own files, known before the rest is checked."""
    return Path((os.environ if env is None else env).get("FAREBOX_HOME") or ".farebox").resolve()


def port(env: Mapping[str, str] | None = None) -> int:
    """Where the server listens."""
    return _integer(os.environ if env is None else env, "FAREBOX_PORT", 3000)


def database_url(env: Mapping[str, str] | None = None) -> str:
    """Where the books are; enough for what needs no secret, such as the audit."""
    env = os.environ if env is None else env
    return env.get("DATABASE_URL") or f"sqlite:///{home(env) / 'farebox.sqlite'}"


def _secret(env: Mapping[str, str], demo: bool, home: Path) -> str:
    key = env.get("FAREBOX_SECRET_KEY", "")
    stored = home / "secret.key"
    if not key and demo and stored.exists():
        key = stored.read_text().strip()
    if not key:
        raise Broken("FAREBOX_SECRET_KEY is missing: set it to a key made by `python -m app secret`.")
    return key


def _sender(env: Mapping[str, str]) -> str:
    sender = env.get("FAREBOX_MAIL_FROM", "")
    if env.get("FAREBOX_SMTP_URL") and not sender:
        raise Broken("FAREBOX_MAIL_FROM is missing: set it to the sender, such as Farebox <billing@example.com>.")
    return sender


def _log_format(env: Mapping[str, str]) -> Literal["text", "json"]:
    given = env.get("FAREBOX_LOG_FORMAT") or "text"
    if given == "json":
        return "json"
    if given != "text":
        raise Broken(f"FAREBOX_LOG_FORMAT is {given}: it is text or json.")
    return "text"


def _log_level(env: Mapping[str, str]) -> str:
    level = (env.get("FAREBOX_LOG_LEVEL") or "INFO").upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise Broken(f"FAREBOX_LOG_LEVEL is {level}: it is DEBUG, INFO, WARNING or ERROR.")
    return level


def _redis(env: Mapping[str, str]) -> str | None:
    url = env.get("REDIS_URL") or None
    if url is not None and not url.startswith(("redis://", "rediss://", "redis+unix://")):
        raise Broken("REDIS_URL must start with redis:// or rediss://, such as redis://127.0.0.1:6379/0.")
    return url


def _files(env: Mapping[str, str]) -> str | None:
    url = env.get("FILES_URL") or None
    if url is not None and not url.startswith("s3://"):
        raise Broken("FILES_URL must start with s3://, such as s3://bucket?endpoint=https://s3.example.com.")
    return url


class Stripe(TypedDict):
    stripe_secret_key: str
    stripe_webhook_secrets: tuple[str, ...]
    stripe_api_base: str


def _stripe(env: Mapping[str, str], demo: bool, home: Path) -> Stripe:
    """Keys and address of Stripe. The demo pays at its sandbox; production at Stripe and nowhere else."""
    key, base = env.get("STRIPE_SECRET_KEY", ""), env.get("STRIPE_API_BASE", "").rstrip("/")
    secrets = _both(env, "STRIPE_WEBHOOK_SECRET")
    if demo and not key:
        return _stripe_of_demo(env, base, home)
    if key and not key.startswith(("sk_test_", "rk_test_", "sk_live_", "rk_live_")):
        raise Broken("STRIPE_SECRET_KEY does not look like one: secret keys begin with sk_live_ or sk_test_.")
    is_test = "_test_" in key[:8]
    if demo and key and not is_test:
        raise Broken("STRIPE_SECRET_KEY moves real money, and this is the demo: unset one of them.")
    if not demo and is_test and env.get("STRIPE_TEST_MODE") != "1":
        raise Broken(
            "STRIPE_SECRET_KEY is a test key: anybody could buy credits with a test card. Use the live key, or set "
            "STRIPE_TEST_MODE=1 while you try things out."
        )
    if not demo and base not in ("", STRIPE_API):
        raise Broken(f"STRIPE_API_BASE is {base}, which is not Stripe: unset it.")
    return {"stripe_secret_key": key, "stripe_webhook_secrets": secrets, "stripe_api_base": base or STRIPE_API}


def _stripe_of_demo(env: Mapping[str, str], base: str, home: Path) -> Stripe:
    stored, sandbox = home / STRIPE_FILE, env.get("FAREBOX_SANDBOX_URL", "")
    if not stored.exists() or not sandbox:
        return {"stripe_secret_key": "", "stripe_webhook_secrets": (), "stripe_api_base": STRIPE_API}
    kept = json.loads(stored.read_text(encoding="utf-8"))
    return {
        "stripe_secret_key": kept["secret_key"],
        "stripe_webhook_secrets": (kept["webhook_secret"],),
        "stripe_api_base": base or f"{sandbox}/stripe",
    }


class Mirror(TypedDict):
    mirror_url: str | None
    mirror_key: str
    mirror_secrets: tuple[str, ...]


def _mirror(env: Mapping[str, str], public_url: str) -> Mirror:
    """A Flexprice to mirror to. Whoever names one means it: a missing key or package stops the start."""
    url, key = env.get("FLEXPRICE_URL", "").rstrip("/") or None, env.get("FLEXPRICE_API_KEY", "")
    secrets = _both(env, "FLEXPRICE_WEBHOOK_SECRET")
    if url is None:
        if key or secrets:
            raise Broken("FLEXPRICE_URL is missing: set it to the API's address, or unset the other FLEXPRICE_ ones.")
        return {"mirror_url": None, "mirror_key": "", "mirror_secrets": ()}
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        raise Broken(f"FLEXPRICE_URL is {url}: it begins with https://, such as https://us.api.flexprice.io/v1.")
    if f"{url}/".startswith(f"{public_url}/"):
        raise Broken(f"FLEXPRICE_URL is {url}, which is this Farebox itself: it cannot mirror itself.")
    if not key:
        raise Broken("FLEXPRICE_API_KEY is missing: set it to a key of the Flexprice at FLEXPRICE_URL, or unset both.")
    if find_spec("flexprice") is None:
        raise Broken(
            "FLEXPRICE_URL is set, but the package flexprice is not installed: "
            "pip install -r requirements-flexprice.txt, or unset it."
        )
    if any(not _is_webhook_secret(secret) for secret in secrets):
        raise Broken("FLEXPRICE_WEBHOOK_SECRET does not look like one: whsec_ and then base64.")
    return {"mirror_url": url, "mirror_key": key, "mirror_secrets": secrets}


def _is_webhook_secret(secret: str) -> bool:
    begins, _, key = secret.partition("_")
    try:
        return begins == "whsec" and len(base64.b64decode(key, validate=True)) > 0
    except ValueError:
        return False


def _both(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """A secret and, while it is being changed, the one before."""
    return tuple(secret for each in (name, f"{name}_PREVIOUS") if (secret := env.get(each, "")))


def _public_url(env: Mapping[str, str], demo: bool, port: int) -> str:
    url = env.get("FAREBOX_PUBLIC_URL", "").rstrip("/")
    if url:
        return url
    if not demo:
        raise Broken(
            "FAREBOX_PUBLIC_URL is missing: set it to the address customers open, such as https://ai.example.com."
        )
    return f"http://localhost:{port}"


def _integer(env: Mapping[str, str], name: str, default: int, *, least: int = 1) -> int:
    raw = env.get(name, "")
    try:
        value = int(raw) if raw else default
    except ValueError:
        raise Broken(f"{name} must be a whole number, not {raw!r}.") from None
    if value < least:
        raise Broken(f"{name} must be {'above zero' if least else 'zero or above'}, not {value}.")
    return value


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
