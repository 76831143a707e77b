"""Faults of the next requests, ordered through the control page."""

from dataclasses import dataclass
from typing import Any

from app.sandbox.stripe.world import World

#: Each fault, and what happens.
KNOWN = {
    "401": "The key is refused.",
    "409": "Answered 409, as if another request with the same key were under way; nothing is done or stored.",
    "429": "Answered 429; nothing is done or stored.",
    "500": "Answered 500 and stored under the key, so that a repetition gets it again; nothing is done.",
    "500-after-accept": "Done, but answered 500, and that is stored under the key.",
    "503": "Answered 503; nothing is done or stored, so that a repetition works.",
    "hang": "Done at once, answered only after `seconds`.",
    "hang-before-accept": "Silence for `seconds`, then the connection is closed; nothing is done.",
    "drop-before-accept": "The connection is closed without an answer; nothing is done.",
    "drop-after-accept": "Done, then the connection is closed without an answer; a repetition gets the stored answer.",
}
DEFAULT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    seconds: float = DEFAULT_SECONDS


NONE = Fault("")


def order(world: World, name: str, *, match: str = "", times: int = 1, seconds: float = DEFAULT_SECONDS) -> None:
    """Spoil the next `times` requests whose "METHOD /path" contains `match`."""
    if name not in KNOWN:
        raise ValueError(f"There is no fault {name!r}. Known faults: {', '.join(KNOWN)}.")
    if times < 1:
        raise ValueError("times must be at least 1")
    waiting = {"fault": name, "match": match, "left": times, "seconds": seconds}
    world.store.set("faults", [*pending(world), waiting])


def pending(world: World) -> list[dict[str, Any]]:
    return list(world.store.setting("faults", []))


def take(world: World, method: str, path: str) -> Fault:
    """The fault that waits for this request, if any; used up by it."""
    waiting = pending(world)
    for each in waiting:
        if each["match"] in f"{method} {path}":
            each["left"] -= 1
            world.store.set("faults", [other for other in waiting if other["left"] > 0])
            return Fault(each["fault"], float(each["seconds"]))
    return NONE
