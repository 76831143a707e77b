"""The provider form: text in, a checked `ProviderForm` out. Pure."""

from collections.abc import Mapping
from typing import Any

from app.catalogue.provider_access import ProviderCard, ProviderForm
from app.catalogue.provider_kinds import KINDS
from app.generation.submit import SUBMIT_TIMEOUT_SECONDS, UNKNOWN_DEADLINE_SECONDS
from app.kernel.errors import InvalidInput
from app.kernel.text import t
from app.providers.hosts import origin_of

#: Fields of the form; a setting's field carries its name.
ADDRESSES = ("api_url", "jwks_url")
SECONDS = {"unknown_deadline_seconds": UNKNOWN_DEADLINE_SECONDS, "submit_timeout_seconds": SUBMIT_TIMEOUT_SECONDS}
TEXTS = ("name", "base_url", "api_key", "callback_secret", *ADDRESSES, "output_hosts", *SECONDS)
LONGEST = 4_000
MOST_SECONDS = 7 * 24 * 3600

Values = dict[str, str]


def values_of(card: ProviderCard) -> Values:
    """What the form starts with. Keys are never among it: an empty key field keeps the stored one."""
    settings = card.settings
    return {
        "name": card.name,
        "base_url": card.base_url,
        "api_key": "",
        "callback_secret": "",
        **{name: str(settings.get(name) or "") for name in ADDRESSES},
        "output_hosts": "\n".join(settings.get("output_hosts") or []),
        **{name: str(settings.get(name) or "") for name in SECONDS},
    }


def real(values: Values, kind: str) -> Values:
    """The form with the address and settings of the provider's public service."""
    known = KINDS[kind]
    settings = known.settings
    return {
        **values,
        "base_url": known.base_url,
        **{name: str(settings.get(name) or "") for name in ADDRESSES},
        "output_hosts": "\n".join(settings.get("output_hosts") or []),
    }


def form_of(
    values: Values, card: ProviderCard, *, remove_key: bool = False, remove_secret: bool = False
) -> ProviderForm:
    """Raises InvalidInput whose `param` is the field's name."""
    return ProviderForm(
        name=values["name"],
        base_url=values["base_url"],
        api_key=_secret(values["api_key"], remove_key),
        callback_secret=_secret(values["callback_secret"], remove_secret),
        settings=_settings(values, card.settings),
        enabled=card.enabled,
    )


def switched(card: ProviderCard, enabled: bool) -> ProviderForm:
    """The provider as it is, on or off."""
    return ProviderForm(name=card.name, base_url=card.base_url, settings=card.settings, enabled=enabled)


def field_of(param: str | None) -> str:
    """The field an error belongs to; "" when it belongs to the whole form."""
    name = (param or "").removeprefix("settings.")
    return name if name in TEXTS else ""


def _secret(text: str, remove: bool) -> str | None:
    return "" if remove else text.strip() or None


def _settings(values: Values, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Settings this form does not show are kept as they are."""
    settings = {name: value for name, value in stored.items() if name not in {*ADDRESSES, *SECONDS, "output_hosts"}}
    settings |= {name: values[name].strip() for name in ADDRESSES if values[name].strip()}
    settings |= {name: _seconds(name, values[name]) for name in SECONDS if values[name].strip()}
    hosts = values["output_hosts"].replace(",", " ").split()
    for host in hosts:
        _check_host(host)
    return settings | ({"output_hosts": hosts} if hosts else {})


def _seconds(name: str, text: str) -> int:
    clean = text.strip()
    if not (clean.isascii() and clean.isdigit() and 1 <= int(clean) <= MOST_SECONDS):
        raise InvalidInput(t("admin_providers.wrong.seconds", most=f"{MOST_SECONDS:,}"), param=name)
    return int(clean)


def _check_host(host: str) -> None:
    """A name, `*.` and a name with a dot, or a whole origin: what the adapters compare with."""
    bare = host.removeprefix("*.")
    wild = bare != host
    known = origin_of(host) is not None if "://" in host else origin_of(f"https://{bare}") is not None
    if (
        not known
        or (":" in bare and "://" not in host)
        or "/" in bare.partition("://")[2]
        or (wild and "." not in bare)
    ):
        raise InvalidInput(t("admin_providers.wrong.host", host=host), param="output_hosts")
