"""What the API says about a generation, a price and a model. Cost never leaves: `cost` on the wire is the customer's
price in `cost_currency`, because that is how the published clients read it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping

from app.catalogue.offers import Offer
from app.generation.views import Seen
from app.kernel.money import MICRO, USD, Money, plain, round_to
from app.pricing.quote import Quote

CURRENCY = USD


@dataclass(frozen=True, slots=True)
class Wire:
    """How amounts and files are written: what one credit is worth (micro-USD) and how a file's link is made."""

    credit_value_micros: int
    file_url: Callable[[str], str]  # by file id
    provider_name: Callable[[str], str]  # by provider id

    def currency_micros(self, credits: Money) -> int:
        """Credits as micro-units of the list currency, rounded once."""
        return int(round_to(Decimal(credits.micros) * self.credit_value_micros / MICRO))

    def currency(self, credits: Money) -> float | int:
        return number(Decimal(self.currency_micros(credits)).scaleb(-6))


def number(exact: Decimal) -> float | int:
    """A decimal as a JSON number: whole ones as integers, others in their shortest exact notation."""
    return int(exact) if exact == exact.to_integral_value() else float(plain(exact))


def unix(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def charged(seen: Seen) -> Money | None:
    micros = seen.row["charged_micros"]
    return None if micros is None else Money(int(micros))


def estimated(seen: Seen) -> Money:
    return Money(int(seen.row["estimate"]["total_micros"]))


def metadata(seen: Seen, wire: Wire) -> dict[str, Any]:
    """The `metadata` of every media answer."""
    attempt = seen.attempt
    final = charged(seen)
    amount = final if final is not None else estimated(seen)
    said: dict[str, Any] = {
        "model": seen.alias,
        "executed_model": f"{attempt['provider_id']}/{attempt['upstream_model']}" if attempt else None,
        "provider": attempt["provider_id"] if attempt else None,
        "provider_name": wire.provider_name(attempt["provider_id"]) if attempt else None,
        "upstream_id": attempt["upstream_id"] if attempt else None,
        "cost" if final is not None else "cost_estimate": wire.currency(amount),
        "cost_currency": CURRENCY,
        "credits": number(amount.amount),
        "generation_id": seen.id,
        "request_id": seen.row["request_id"],
    }
    if less := (seen.row["estimate"] or {}).get("less"):
        said["downgraded"] = less
    if final is None:
        said["credits_held"] = number(Money(int(seen.row["hold_micros"])).amount)
    return said


def generation(seen: Seen, wire: Wire) -> dict[str, Any]:
    """The native `generation` object."""
    row = seen.row
    return {
        "id": seen.id,
        "object": "generation",
        "model": seen.alias,
        "modality": row["modality"],
        "status": seen.status,
        "progress": row["percent"] if not seen.finished else (100 if seen.status == "completed" else row["percent"]),
        "queue_position": row["queue_position"],
        "created_at": unix(row["created_at"]),
        "completed_at": unix(row["finished_at"]),
        "input": row["params"],
        "output": [output(file, wire) for file in seen.files] if seen.status == "completed" else [],
        "error": failure(seen),
        "price": {
            "estimate": row["estimate"],
            "final": row["final"],
        },
        "metadata": metadata(seen, wire),
    }


def output(file: RowMapping, wire: Wire) -> dict[str, Any]:
    micros = file["duration_micros"]
    return {
        "id": file["id"],
        "url": wire.file_url(file["id"]) if file["expired_at"] is None else None,
        "kind": file["kind"],
        "mime": file["mime"],
        "bytes": file["size_bytes"],
        "width": file["width"],
        "height": file["height"],
        "seconds": None if micros is None else number(Decimal(micros).scaleb(-6)),
        "sha256": file["sha256"],
        "expired_at": unix(file["expired_at"]),
    }


def failure(seen: Seen) -> dict[str, str] | None:
    """Why there is no result; None while there may still be one."""
    if seen.status not in ("failed", "canceled"):
        return None
    return {"code": seen.row["error_code"] or "failed", "message": seen.row["error_message"] or "It failed."}


def estimate(offer: Offer, quote: Quote, provider: str, wire: Wire) -> dict[str, Any]:
    """The documented answer to `?dryRun=true`: integer micros of the currency, and the same in credits."""
    total = wire.currency_micros(quote.total)
    return {
        "estimated": True,
        "model": offer.alias,
        "provider": provider,
        "total_cost_micros": total,
        "currency": CURRENCY,
        "components": [_component(line, wire) for line in quote.lines],
        "credits": number(quote.total.amount),
        "credits_maximum": number(quote.maximum.amount),
        "reason": quote.reason,
        "version": offer.version_number,
        "metadata": {
            "model": offer.alias,
            "provider": provider,
            "provider_name": wire.provider_name(provider),
            "cost_estimate": wire.currency(quote.total),
            "cost_currency": CURRENCY,
            "credits": number(quote.total.amount),
        },
    }


def times(one: dict[str, Any], count: int) -> dict[str, Any]:
    """An estimate of several alike, made one by one: every figure is as many times that of one."""

    def grown(said: dict[str, Any], *names: str) -> dict[str, Any]:
        return {**said, **{name: number(Decimal(str(said[name])) * count) for name in names}}

    components = [grown(line, "quantity", "billable_quantity", "total_cost", "credits") for line in one["components"]]
    whole = grown(one, "total_cost_micros", "credits", "credits_maximum")
    return whole | {
        "components": components,
        "sufficient": one["available"] >= whole["credits_maximum"],
        "metadata": grown(one["metadata"], "cost_estimate", "credits"),
    }


def _component(line: Any, wire: Wire) -> dict[str, Any]:
    unit_price = line.unit_price * wire.credit_value_micros / MICRO
    return {
        "type": line.type,
        "metric": line.metric,
        "quantity": number(line.quantity),
        "billable_quantity": number(line.billable_quantity),
        "unit_price": number(Decimal(unit_price)),
        "total_cost": wire.currency_micros(line.total),
        "credits": number(line.total.amount),
    }


def model(offer: Offer) -> dict[str, Any]:
    """One model as `GET /v1/models` lists it (OpenAI's four fields first)."""
    return {
        "id": offer.alias,
        "object": "model",
        "created": 0,
        "owned_by": offer.routes[0].provider_id if offer.routes else "farebox",
        "title": offer.title,
        "description": offer.description,
        "modality": offer.modality,
        "version": offer.version_number,
    }


def model_in_full(offer: Offer) -> dict[str, Any]:
    """With its parameters and its price, as a program needs them to build a request."""
    return model(offer) | {
        "parameters": offer.raw_schema,
        "price": {
            "type": "formula" if offer.rule is not None else "fixed",
            "rule": offer.rule,
            "credit_cost": None if offer.credit_cost_micros is None else number(Money(offer.credit_cost_micros).amount),
            "billing_mode": offer.billing_mode,
            "currency": "credit",
        },
        "limits": {
            "requests_per_minute": offer.limits.requests_per_minute,
            "concurrent_jobs": offer.limits.concurrent_jobs,
            "credits_per_day": None
            if offer.limits.credits_per_day_micros is None
            else number(Money(offer.limits.credits_per_day_micros).amount),
        },
    }


def anthropic_model(offer: Offer) -> dict[str, Any]:
    """One model as Anthropic's clients know it."""
    return {"type": "model", "id": offer.alias, "display_name": offer.title, "created_at": "1970-01-01T00:00:00Z"}


def anthropic_listing(offers: Sequence[Offer], limit: int, after: str | None, before: str | None) -> dict[str, Any]:
    """A page of models: the first ones, those behind `after`, or those just ahead of `before`; none for an unknown."""
    names = [offer.alias for offer in offers]
    start = names.index(after) + 1 if after in names else len(names) if after else 0
    end = names.index(before) if before in names else 0 if before else len(names)
    found = offers[start:end]
    page = found[-limit:] if before else found[:limit]
    models = [anthropic_model(offer) for offer in page]
    ends = {"first_id": models[0]["id"], "last_id": models[-1]["id"]} if models else {"first_id": None, "last_id": None}
    return {"data": models, "has_more": len(found) > len(page), **ends}


def listing(items: Sequence[Any]) -> dict[str, Any]:
    return {"object": "list", "data": list(items)}
