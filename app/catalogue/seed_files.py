"""The seed catalogue as values: `seed/*.toml` read, shared parameters filled in, and order taken from the file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from app.catalogue.offers import Limits
from app.kernel.money import Money

FOLDER = Path(__file__).parent / "seed"
PROVIDERS = "providers.toml"
SHARED = "shared.toml"


@dataclass(frozen=True, slots=True)
class SeedProvider:
    """The keys open the sandbox and nothing else. `root` is where the sandbox plays it; without a `name` it is called
    like its kind."""

    id: str
    kind: str
    root: str
    name: str | None
    sandbox_key: str
    sandbox_callback_secret: str | None


@dataclass(frozen=True, slots=True)
class SeedCost:
    rule: dict[str, Any]
    source: str
    observed_at: datetime
    verified: bool


@dataclass(frozen=True, slots=True)
class SeedRoute:
    """A further way to serve a model, by another provider at a cost of its own."""

    provider: str
    upstream: str
    priority: int
    cost: SeedCost


@dataclass(frozen=True, slots=True)
class SeedModel:
    """One model, its first route, and that one's dated cost; `others` serve it too. `credit_cost` in credits, as text,
    where there is no rule."""

    alias: str
    title: str
    description: str
    modality: str
    operation: str
    sort: int
    example: dict[str, Any]
    limits: Limits
    provider: str
    upstream: str
    mapping: dict[str, str | None]
    settings: dict[str, Any]
    param_schema: dict[str, Any]
    pricing_rule: dict[str, Any] | None
    credit_cost: str | None
    cost: SeedCost
    others: tuple[SeedRoute, ...]


@cache
def seed_providers() -> tuple[SeedProvider, ...]:
    """The providers of the seed catalogue."""
    return tuple(
        SeedProvider(
            id=row["id"],
            kind=row["kind"],
            root=row.get("sandbox_root", row["kind"]),
            name=row.get("name"),
            sandbox_key=row["sandbox_key"],
            sandbox_callback_secret=row.get("sandbox_callback_secret"),
        )
        for row in _read(FOLDER / PROVIDERS)["provider"]
    )


@cache
def seed_models() -> tuple[SeedModel, ...]:
    """Every seeded model, in catalogue order."""
    shared = _read(FOLDER / SHARED)
    files = [_read(path) for path in sorted(FOLDER.glob("*.toml")) if path.name not in (PROVIDERS, SHARED)]
    models = [_model(row, file, shared) for file in files for row in file["model"]]
    return tuple(sorted(models, key=lambda model: model.sort))


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _model(row: Mapping[str, Any], file: Mapping[str, Any], shared: Mapping[str, Any]) -> SeedModel:
    limits, cost = row.get("limits", {}), row["cost"]
    per_day = limits.get("credits_per_day")
    credit_cost = row.get("credit_cost")
    return SeedModel(
        alias=row["alias"],
        title=row["title"],
        description=row["description"],
        modality=row["modality"],
        operation=row.get("operation", ""),
        sort=row["sort"],
        example=row["example"],
        limits=Limits(
            limits.get("requests_per_minute"),
            limits.get("concurrent_jobs"),
            None if per_day is None else Money.from_exact(Decimal(per_day)).micros,
        ),
        provider=row.get("provider", file["provider"]),
        upstream=row["upstream"],
        mapping=row.get("mapping", {}),
        settings=row.get("settings", {}),
        param_schema=_schema(row, file, shared),
        pricing_rule=row.get("price"),
        credit_cost=None if credit_cost is None else str(credit_cost),
        cost=_cost(cost),
        others=tuple(
            SeedRoute(other["provider"], other["upstream"], other["priority"], _cost(other["cost"]))
            for other in row.get("others", ())
        ),
    )


def _cost(row: Mapping[str, Any]) -> SeedCost:
    return SeedCost(row["rule"], row["source"], _midnight(row["observed_at"]), row["verified"])


def _schema(row: Mapping[str, Any], file: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter given as text names a shared one. Required is what must be said: no default and not optional."""
    properties = {
        name: {**(shared[given] if isinstance(given, str) else given), "x-order": order}
        for order, (name, given) in enumerate(row["params"].items(), start=1)
    }
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": list(row["required"])}
    if "sizes" in row:
        schema["x-size"] = file["sizes"][row["sizes"]]
    if "megapixel_divisor" in row:
        schema["x-megapixel-divisor"] = row["megapixel_divisor"]
    if "fps" in row:
        schema["x-fps"] = row["fps"]
    if "output_tokens" in row:
        schema["x-output-tokens"] = row["output_tokens"]
    if "image_tokens" in row:
        schema["x-image-tokens"] = file["image_tokens"][row["image_tokens"]]
    if "image_input_tokens" in row:
        schema["x-image-input-tokens"] = row["image_input_tokens"]
    return schema


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
