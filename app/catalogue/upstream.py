"""From our parameters to the provider's: rename, leave out, nest, and add what is always sent. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from app.catalogue.offers import RouteOffer

SIZE = re.compile(r"(\d+)x(\d+)")


def to_upstream(route: RouteOffer, params: Mapping[str, Any]) -> dict[str, Any]:
    """The input to send on this route for coerced parameters. A parameter without a value is not sent."""
    sent: dict[str, Any] = {}
    for name, value in (route.settings.get("constants") or {}).items():
        _put(sent, name, value)
    objects = route.settings.get("size_objects") or ()
    for name, value in params.items():
        theirs = route.mapping.get(name, name)
        if theirs is None or value is None:
            continue
        _put(sent, theirs, _size(value) if name in objects else value)
    return sent


def _size(value: Any) -> Any:
    """`"1536x1024"` as an object; a named size such as `square_hd` stays as it is."""
    found = SIZE.fullmatch(value) if isinstance(value, str) else None
    return {"width": int(found[1]), "height": int(found[2])} if found else value


def _put(target: dict[str, Any], path: str, value: Any) -> None:
    """`voice_setting.voice_id` goes into the object `voice_setting`."""
    *parents, last = path.split(".")
    for parent in parents:
        target = target.setdefault(parent, {})
    target[last] = value
