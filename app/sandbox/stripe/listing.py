"""Lists and expanded members, the same for every kind of object."""

from collections.abc import Callable, Mapping
from typing import Any

from app.sandbox.stripe.errors import bad_parameter, missing
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World

SHOWN, MOST = 10, 100
DEEPEST = 4
_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
#: Prefixes of the ids that may be written out.
_EXPANDABLE = {"cus", "pi", "ch", "pm", "seti", "re", "dp", "txn"}

Condition = tuple[str, str, Any]
#: Members that are only present when they are asked for by `expand`.
Extra = Callable[[World, Thing], Any]


def page(world: World, kind: str, url: str, given: Mapping[str, Any], where: list[Condition] | None = None) -> Thing:
    """A list object: newest first, filtered by `created` and the given conditions, with Stripe's cursors."""
    limit = given.get("limit", SHOWN)
    if not 1 <= limit <= MOST:
        raise bad_parameter(f"Invalid limit: it must be between 1 and {MOST}", "limit", "parameter_invalid_integer")
    for cursor in ("starting_after", "ending_before"):
        if cursor in given and world.store.find(given[cursor], kind) is None:
            raise missing(kind, given[cursor], cursor)
    found = world.store.page(
        kind,
        [*(where or []), *_created(given.get("created"))],
        limit=limit,
        after=given.get("starting_after"),
        before=given.get("ending_before"),
    )
    return wrapped(found.things, url, has_more=found.has_more)


def wrapped(things: list[Thing], url: str, *, has_more: bool = False) -> Thing:
    return {"object": "list", "data": things, "has_more": has_more, "url": url}


def same(given: Mapping[str, Any], *names: str) -> list[Condition]:
    """Conditions for the filters that were given."""
    return [(name, "=", given[name]) for name in names if name in given]


def _created(given: Any) -> list[Condition]:
    if given is None:
        return []
    if isinstance(given, int):
        return [("created", "=", given)]
    return [("created", _COMPARISONS[name], value) for name, value in given.items()]


def expand(world: World, body: Thing, paths: list[str], extras: Mapping[tuple[str, str], Extra]) -> Thing:
    """The same answer with the members named by `expand[]` written out."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise bad_parameter(f"You cannot expand more than {DEEPEST} levels of a property: {path}", "expand")
        _open(world, body, steps, extras, path)
    return body


def _open(world: World, node: Any, steps: list[str], extras: Mapping[tuple[str, str], Extra], path: str) -> None:
    if isinstance(node, list):
        for each in node:
            _open(world, each, steps, extras, path)
        return
    if not isinstance(node, dict) or not steps:
        return
    name = steps[0]
    extra = extras.get((str(node.get("object")), name))
    if extra:
        node[name] = extra(world, node)
    elif name not in node:
        raise bad_parameter(f"This property cannot be expanded ({path}).", "expand")
    elif isinstance(node[name], str):
        found = world.store.find(node[name]) if node[name].partition("_")[0] in _EXPANDABLE else None
        if found is None:
            raise bad_parameter(f"This property cannot be expanded ({path}).", "expand")
        node[name] = found
    _open(world, node[name], steps[1:], extras, path)
