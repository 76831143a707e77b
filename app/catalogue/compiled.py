"""From stored rows to what prices a request. Versions and cost profiles never change, so each is compiled once."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from typing import Any

from sqlalchemy import RowMapping

from app.catalogue.param_schema import parse_schema
from app.kernel.money import USD
from app.pricing.parameters import ParamSchema
from app.pricing.rate_card import RateCard, compile_rule, fixed_card
from app.pricing.rule import parse_rule

#: Enough for every live version and the pinned ones of running requests; beyond it we start afresh.
MAX_COMPILED = 2_000


@dataclass(frozen=True, slots=True)
class Published:
    """One version, ready to price. `rule` is the JSON that was published, None where the price is fixed."""

    version_id: str
    model_id: str
    number: int
    raw_schema: Mapping[str, Any]
    schema: ParamSchema
    rule: Mapping[str, Any] | None
    credit_cost_micros: int | None
    card: RateCard


class Compiler:
    """Compiles rows and remembers the results by id. Safe to share between threads."""

    def __init__(self) -> None:
        self._versions: dict[str, Published] = {}
        self._costs: dict[tuple[str, str], RateCard] = {}
        self._lock = Lock()

    def known(self, version_id: str) -> Published | None:
        """A version compiled before."""
        return self._versions.get(version_id)

    def version(self, row: RowMapping) -> Published:
        """A row of `model_version`, compiled. RuleRefused or InvalidInput when it cannot be."""
        known = self.known(row["id"])
        if known is not None:
            return known
        schema = parse_schema(row["param_schema"])
        made = Published(
            version_id=row["id"],
            model_id=row["model_id"],
            number=row["number"],
            raw_schema=row["param_schema"],
            schema=schema,
            rule=row["pricing_rule"],
            credit_cost_micros=row["credit_cost_micros"],
            card=price_card(row["pricing_rule"], row["credit_cost_micros"], schema),
        )
        with self._lock:
            if len(self._versions) >= MAX_COMPILED:
                self._versions.clear()
            self._versions[row["id"]] = made
        return made

    def cost(self, profile_id: str, rule: Mapping[str, Any], published: Published) -> RateCard:
        """What the provider charges us, in USD, under the parameters of that version."""
        key = (profile_id, published.version_id)
        known = self._costs.get(key)
        if known is not None:
            return known
        made = cost_card(rule, published.schema)
        with self._lock:
            if len(self._costs) >= MAX_COMPILED:
                self._costs.clear()
            self._costs[key] = made
        return made


def price_card(rule: Mapping[str, Any] | None, credit_cost_micros: int | None, schema: ParamSchema) -> RateCard:
    """The rule wins where there is one; a fixed price is per generation. RuleRefused when it is not safe to sell by."""
    if rule is not None:
        return compile_rule(parse_rule(rule, schema))
    if credit_cost_micros is None:
        raise ValueError("a version has a rule or a fixed price")
    return fixed_card(Decimal(credit_cost_micros).scaleb(-6), schema=schema)


def cost_card(rule: Mapping[str, Any], schema: ParamSchema) -> RateCard:
    """A cost profile in the same grammar, its figures in USD. RuleRefused when it does not fit the parameters."""
    return compile_rule(parse_rule(rule, schema), unit=USD)
