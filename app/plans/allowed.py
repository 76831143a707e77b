"""What a customer's plans allow of one request: model, quality, resolution, duration, the month's quota. PURE.

A plan says so with features whose lookup key is a word of ours:

    model:veo-3.1        on or off      with any of these, only the models that are on may be used
    limit:resolution     "720p"         the most that may be asked for, of any model
    limit:duration       {"most": "8", "otherwise": "downgrade"}   asked for more, it is made less and the customer told
    quota:videos         metered, with a usage limit that is not soft

Where several plans promise the same, the wider promise counts. A workspace without a plan is not restricted.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from app.kernel.errors import InvalidInput, NotAllowed
from app.kernel.text import t
from app.pricing.parameters import Parameter, ParamSchema

MODEL, LIMIT, QUOTA = "model:", "limit:", "quota:"
REFUSE, DOWNGRADE = "refuse", "downgrade"
QUOTA_USED: Final = "plan_quota_used"
#: What a limit is about, and what models call it.
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "quality": ("quality",),
    "resolution": ("resolution", "video_size", "image_size", "size"),
    "duration": ("duration", "duration_seconds", "seconds"),
}
QUALITIES: Final = ("draft", "low", "standard", "medium", "hd", "high", "ultra")
_K: Final = re.compile(r"(\d+(?:\.\d+)?)\s*k", re.IGNORECASE)
_SIZE: Final = re.compile(r"(\d+)\s*[x×]\s*(\d+)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Limit:
    """The most of a role; `model` None is every model."""

    role: str
    most: str
    otherwise: str
    plan: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """So much of a metered feature until its period ends."""

    name: str
    limit: int
    used: Decimal
    resets: str
    plan: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What all live plans of a customer come to. `models` None is every model; `is_paused`: all of them are."""

    plans: tuple[str, ...]
    models: frozenset[str] | None = None
    limits: tuple[Limit, ...] = ()
    quotas: tuple[Quota, ...] = ()
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A parameter that was made less than was asked."""

    parameter: str
    asked: Any
    given: Any
    plan: str

    def to_json(self) -> dict[str, Any]:
        return {"parameter": self.parameter, "asked": self.asked, "given": self.given, "plan": self.plan}

    @property
    def sentence(self) -> str:
        given, asked = str(self.given), str(self.asked)
        return t("allowance.plan.less", plan=self.plan, parameter=self.parameter, given=given, asked=asked)


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is stable; `param` the parameter that asks for too much."""

    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    refusal: Refusal | None = None
    changes: tuple[Change, ...] = ()


def decide(terms: Terms | None, alias: str, schema: ParamSchema, params: Mapping[str, Any]) -> Decision:
    """Whether this request is covered, and what of it is made less."""
    if terms is None:
        return Decision()
    named = " and ".join(terms.plans)
    if terms.is_paused:
        return Decision(Refusal("subscription_paused", f"Your subscription of {named} is paused. Resume it to go on."))
    if terms.models is not None and alias not in terms.models:
        return Decision(Refusal("not_in_plan", f"{named} does not include {alias}.", "model"))
    spent = next((quota for quota in terms.quotas if quota.used >= quota.limit), None)
    if spent is not None:
        said = f"The {spent.limit:,} {spent.name} of {spent.plan} are used up. {spent.resets}".rstrip()
        return Decision(Refusal(QUOTA_USED, said))
    changes = []
    for parameter, limit in _concerned(terms.limits, alias, schema):
        asked = params.get(parameter.name)
        if asked is None or not _exceeds(parameter, asked, limit):
            continue
        less = _most_allowed(parameter, limit) if limit.otherwise == DOWNGRADE else None
        if less is None:
            said = f"{limit.plan} allows {parameter.name} up to {limit.most}, not {asked}."
            return Decision(Refusal("not_in_plan", said, parameter.name))
        changes.append(Change(parameter.name, asked, less, limit.plan))
    return Decision(changes=tuple(changes))


def refuse(refusal: Refusal, elsewhere: Sequence[str]) -> NotAllowed:
    """The refusal, with the plans that would allow it."""
    hint = f" It is part of {_listed(elsewhere)}." if elsewhere else ""
    return NotAllowed(refusal.message + hint, param=refusal.param, code=refusal.code, plans=list(elsewhere))


def widest(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Of limits on the same thing the one that allows the most."""
    found: dict[tuple[str, str | None], Limit] = {}
    for limit in limits:
        known = found.get((limit.role, limit.model))
        if known is None or rank(limit.role, limit.most) > rank(limit.role, known.most):
            found[limit.role, limit.model] = limit
    return tuple(found.values())


def read_limit(lookup_key: str, static: str | None, config: Mapping[str, Any] | None, plan: str) -> Limit:
    """A limit as a feature says it. `InvalidInput` for a role we do not know or a limit that cannot be compared."""
    role = lookup_key.removeprefix(LIMIT)
    said = dict(config or {})
    most, otherwise = str(said.get("most", static or "")), str(said.get("otherwise", REFUSE))
    if role not in ROLES or otherwise not in (REFUSE, DOWNGRADE):
        raise InvalidInput(f"{lookup_key}: {most or 'nothing'} is no limit of {', '.join(ROLES)}.", param="lookup_key")
    rank(role, most)
    model = said.get("model")
    return Limit(role, most, otherwise, plan, None if model is None else str(model))


def rank(role: str, value: object) -> Decimal:
    """Where a value stands among others of its role; `InvalidInput` for one that has no place."""
    text = str(value).strip().lower()
    if role == "quality":
        if text in QUALITIES:
            return Decimal(QUALITIES.index(text))
        raise InvalidInput(f"{value} is no quality: say one of {', '.join(QUALITIES)}.", param=role)
    if size := _SIZE.search(text):
        return Decimal(min(int(size[1]), int(size[2])))
    if role == "resolution" and (thousands := _K.search(text)):
        return Decimal({1: 1080, 2: 1440, 4: 2160, 8: 4320}.get(int(Decimal(thousands[1])), 2160))
    if number := _NUMBER.search(text):
        return Decimal(number[0])
    raise InvalidInput(f"{value} cannot be compared with others of {role}.", param=role)


def _concerned(limits: Sequence[Limit], alias: str, schema: ParamSchema) -> Iterable[tuple[Parameter, Limit]]:
    """Each limit that holds for this model, with the parameter it is about; one for the model alone comes first."""
    seen = set()
    for limit in sorted(limits, key=lambda one: one.model is None):
        if limit.model not in (None, alias):
            continue
        parameter = next((schema.by_name[name] for name in ROLES[limit.role] if name in schema.by_name), None)
        if parameter is not None and parameter.name not in seen:
            seen.add(parameter.name)
            yield parameter, limit


def _exceeds(parameter: Parameter, asked: object, limit: Limit) -> bool:
    try:
        return rank(limit.role, asked) > rank(limit.role, limit.most)
    except InvalidInput:
        return False  # a value without a place among the others, such as `auto`: it has no size to be limited


def _most_allowed(parameter: Parameter, limit: Limit) -> Any:
    """The largest value that the model knows and the plan allows; None when there is none."""
    if not parameter.enum:
        try:
            return parameter.canonical(limit.most)
        except ValueError:
            return None
    fitting = [
        value for value in parameter.enum if _has_place(limit.role, value) and not _exceeds(parameter, value, limit)
    ]
    return max(fitting, key=lambda value: rank(limit.role, value), default=None)


def _has_place(role: str, value: object) -> bool:
    try:
        rank(role, value)
    except InvalidInput:
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
