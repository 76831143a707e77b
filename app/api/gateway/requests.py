"""`/v1/requests`: the log for programs. A page by filters, one request in full, its kept payload, all of it as CSV."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from app.accounts.keys import KeyHolder
from app.api.downloads import csv_file
from app.api.gateway import common, present
from app.api.gateway.common import Gateway
from app.generation import requests, story
from app.generation.request_log import Payload, RequestLog
from app.generation.requests import Line
from app.generation.story import AttemptStory, Story
from app.generation.views import Filter
from app.kernel.errors import InvalidInput
from app.kernel.ids import is_id
from app.kernel.money import Money

#: The log's words, and ours for them. A request that is under way has only ours.
STATUS: Mapping[str, str] = {
    "completed": "completed",
    "upstream_failure": "failed",
    "cancelled": "canceled",
    "rejected": requests.REJECTED,
    "queued": "queued",
    "running": "running",
    "unknown": "unknown",
}
FILTERS = frozenset(
    {"status", "model", "key_id", "created_after", "created_before", "before", "limit", "summary", "format"}
)
WORD = {ours: word for word, ours in STATUS.items()}
NO_STORE = {"Cache-Control": "no-store"}


def router(gateway: Gateway, log: RequestLog) -> APIRouter:
    """Every route needs an API key and tells of that key's workspace only."""
    api = APIRouter(prefix="/v1", tags=["Farebox"])
    Key = Annotated[KeyHolder, Depends(gateway.authenticate)]

    @api.get("/requests", summary="Your requests, newest first: also those that were rejected")
    async def index(
        key: Key,
        request: Request,
        status: Annotated[str | None, Query(description=", ".join(STATUS))] = None,
        model: Annotated[str | None, Query(max_length=120)] = None,
        key_id: str | None = None,
        created_after: Annotated[str | None, Query(description="A moment (ISO 8601 or Unix seconds)")] = None,
        created_before: str | None = None,
        before: Annotated[str | None, Query(description="The last_id of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=requests.MAX_PAGE)] = requests.PAGE,
        summary: Annotated[bool, Query(description="Without input, quotes and attempts")] = False,
        form: Annotated[str, Query(alias="format", description="json or csv")] = "json",
    ) -> Response:
        common.only_filters(request, FILTERS)
        wanted = Filter(
            workspace_id=key.workspace_id,
            status=_status(status),
            model=_visible(model),
            api_key_id=_id(key_id, "key", "key_id"),
            since=requests.moment_of(created_after, "created_after") if created_after else None,
            until=requests.moment_of(created_before, "created_before") if created_before else None,
            before=_cursor(before),
            limit=limit,
        )
        if form == "csv":
            return await csv_file(requests.csv_text(gateway.desk.db, wanted), "requests")
        if form != "json":
            raise InvalidInput("format is one of json, csv.", param="format")
        found = await gateway.desk.read(requests.page, wanted)
        said = present.listing([_line(line, gateway, short=summary) for line in found])
        more = {"has_more": len(found) == limit, "last_id": found[-1].id if found else None}
        return JSONResponse(said | more, headers=NO_STORE)

    @api.get("/requests/{any_id}", summary="One request: attempts, timing, usage, quote, ledger entries")
    async def show(any_id: str, key: Key) -> JSONResponse:
        line = await gateway.desk.read(requests.find, key.workspace_id, any_id)
        said = _line(line, gateway, short=False)
        if line.seen is not None:
            told = await gateway.desk.read(story.story, line.seen.id, key.workspace_id)
            said |= await asyncio.to_thread(_in_full, told, gateway)
        kept = await asyncio.to_thread(log.payload, key.workspace_id, line.request_id)
        return JSONResponse(said | {"payloads": _payload(kept)}, headers=NO_STORE)

    @api.delete("/requests/{any_id}/payloads", summary="Delete what was kept of a request and its answer")
    async def forget(any_id: str, key: Key) -> JSONResponse:
        request_id = any_id
        if is_id(any_id, "gen"):
            request_id = (await gateway.desk.read(requests.find, key.workspace_id, any_id)).request_id
        await asyncio.to_thread(log.delete_payload, key.workspace_id, request_id)
        return JSONResponse({"object": "request.payloads", "id": request_id, "deleted": True})

    return api


def _line(line: Line, gateway: Gateway, *, short: bool) -> dict[str, Any]:
    row, error = line.row, line.error
    charged = present.charged(line.seen) if line.seen is not None else Money(0)
    said: dict[str, Any] = {
        "id": line.request_id,
        "object": "request",
        "generation_id": line.seen.id if line.seen is not None else None,
        "status": WORD[line.status],
        "model": line.model,
        "key_id": row["api_key_id"],
        "created_at": present.unix(row["created_at"]),
        "completed_at": present.unix(row["finished_at"]) if line.seen is not None else present.unix(row["created_at"]),
        "duration_ms": line.took_ms,
        "cost": None if charged is None else gateway.wire.currency(charged),
        "cost_currency": present.CURRENCY,
        "credits": None if charged is None else present.number(charged.amount),
        "error_code": error[0] if error else None,
        "error_message": error[1] if error else None,
    }
    if line.seen is None:
        return said | {"attempts": 0, "http_status": row["status"], "path": row["path"], "repeats": row["repeats"]}
    attempt = line.seen.attempt
    said |= {"attempts": attempt["number"] if attempt else 0, "modality": row["modality"], "origin": row["origin"]}
    if not short:
        said |= {"input": row["params"], "estimate": row["estimate"], "final": row["final"]}
        said["metadata"] = present.metadata(line.seen, gateway.wire)
    return said


def _in_full(told: Story, gateway: Gateway) -> dict[str, Any]:
    """What a customer may know of the road: no cost, none of the provider's own words."""
    own = tuple(f"ws:{told.seen.row['workspace_id']}:{name}" for name in ("prepaid", "receivable", "debt"))
    lines = (told.seen.row["final"] or {"lines": ()})["lines"]
    return {
        "usage": {line["metric"]: line["quantity"] for line in lines if line["type"] == "usage"},
        "price_version": told.version_number,
        "hold": None
        if told.hold is None
        else {"credits": present.number(Money(int(told.seen.row["hold_micros"])).amount)},
        "attempt_list": [_attempt(attempt, gateway) for attempt in told.attempts],
        "events": [
            {"at": event["created_at"].isoformat(), "kind": event["kind"]}
            for event in told.events
            if not event["operator_only"]
        ],
        "ledger": [
            {
                "journal_id": journal.id,
                "kind": journal.kind,
                "posted_at": journal.at.isoformat(),
                "credits": present.number(-sum((leg.amount.amount for leg in legs), start=Money(0).amount)),
            }
            for journal in told.journals
            if (legs := [leg for leg in journal.entries if leg.account in own])
        ],
    }


def _attempt(attempt: AttemptStory, gateway: Gateway) -> dict[str, Any]:
    row = attempt.row
    sent, ended = row["sent_at"], row["updated_at"]
    is_over = row["state"] in ("delivered", "failed", "refused", "canceled")
    return {
        "number": row["number"],
        "provider": row["provider_id"],
        "provider_name": attempt.provider_name,
        "model": row["upstream_model"],
        "status": row["state"],
        "started_at": sent.isoformat() if sent else None,
        "duration_ms": int((ended - sent).total_seconds() * 1000) if sent and is_over else None,
    }


def _payload(kept: Payload | None) -> dict[str, Any] | None:
    return None if kept is None else {"request": kept.request, "response": kept.response, "http_status": kept.status}


def _status(word: str | None) -> str | None:
    if word is None:
        return None
    if word not in STATUS:
        raise InvalidInput(f"status is one of {', '.join(STATUS)}.", param="status")
    return STATUS[word]


def _visible(text: str | None) -> str | None:
    if text is not None and not text.isprintable():
        raise InvalidInput("model is the id of a model.", param="model")
    return text or None


def _id(text: str | None, kind: str, param: str) -> str | None:
    if text is not None and not is_id(text, kind):
        raise InvalidInput(f"{param} looks like {kind}_01K…", param=param)
    return text


def _cursor(text: str | None) -> str | None:
    if text is not None and not (is_id(text, "gen") or is_id(text, "req")):
        raise InvalidInput("before is the last_id of the page before.", param="before")
    return text
