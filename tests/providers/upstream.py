"""A provider on the other end of an in-memory wire: scripted answers, and a record of every request that arrived."""

import inspect
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.providers.port import Connection, Job, Provider, UpstreamRef
from app.providers.registry import build

Answering = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]
Step = httpx.Response | Exception | Answering

KEY = "key-that-must-not-leak"
CALLBACK = "https://pay.example/hooks/providers/p/att_1/sig"
#: One model per adapter, and what a submit of it answers when all is well.
MODELS = {
    "fal": "fal-ai/flux/schnell",
    "replicate": "black-forest-labs/flux-schnell",
    "kie": "google/nano-banana",
    "openai_compatible": "sora-2",
}
ACCEPTED: dict[str, dict[str, Any]] = {
    "fal": {"status": "IN_QUEUE", "request_id": "req-1", "queue_position": 0},
    "replicate": {"id": "req-1", "status": "starting", "urls": {}},
    "kie": {"code": 200, "msg": "success", "data": {"taskId": "req-1"}},
    "openai_compatible": {"id": "req-1", "object": "video", "status": "queued", "progress": 0},
}
#: What each answers about a job that is finished.
FINISHED: dict[str, list[dict[str, Any]]] = {
    "fal": [{"status": "COMPLETED", "logs": None}, {"images": [{"url": "https://files.example/a.png"}]}],
    "replicate": [{"id": "req-1", "status": "succeeded", "output": ["https://files.example/a.png"]}],
    "kie": [
        {
            "code": 200,
            "msg": "success",
            "data": {"state": "success", "resultJson": '{"resultUrls":["https://files.example/a.png"]}'},
        }
    ],
    "openai_compatible": [{"id": "req-1", "status": "completed", "output": {"url": "https://files.example/a.png"}}],
}


@dataclass
class Upstream:
    """Answers in the order scripted, the last step for ever; an exception is raised on the wire."""

    steps: list[Step]
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, httpx.Response):
            return httpx.Response(step.status_code, headers=step.headers, content=step.content)
        answer = step(request)
        return await answer if inspect.isawaitable(answer) else answer

    @property
    def posts(self) -> list[httpx.Request]:
        return [request for request in self.requests if request.method == "POST"]

    @property
    def keys_seen_by(self) -> set[str]:
        """The hosts that were shown our key, anywhere in a request."""
        return {r.url.host for r in self.requests if KEY in f"{r.url}{r.headers.multi_items()}{r.content!r}"}

    def body(self, index: int = 0) -> Any:
        return json.loads(self.requests[index].content)


def provider(kind: str, *steps: Step, **overrides: Any) -> tuple[Provider, Upstream]:
    """The adapter of `kind` talking to a scripted upstream at https://up.example/root."""
    upstream = Upstream(list(steps) or [httpx.Response(500)])
    connection = Connection(
        provider_id=kind,
        kind=kind,
        base_url=overrides.get("base_url", "https://up.example/root"),
        api_key=overrides.get("api_key", KEY),
        callback_secret=overrides.get("callback_secret"),
        settings=overrides.get("settings", {"output_hosts": ["files.example", "*.cdn.example"]}),
    )
    return build(connection, transport=httpx.MockTransport(upstream.handle)), upstream


def job(kind: str, **overrides: Any) -> Job:
    return Job(
        attempt_id="att_1",
        upstream_model=overrides.get("upstream_model", MODELS[kind]),
        params=overrides.get("params", {"prompt": "a lighthouse"}),
        callback_url=overrides.get("callback_url", CALLBACK),
    )


def ref(kind: str, upstream_id: str = "req-1", **urls: str | None) -> UpstreamRef:
    return UpstreamRef(upstream_id, str(urls.pop("upstream_model", None) or MODELS[kind]), **urls)


def answers(payloads: Iterable[Any]) -> list[httpx.Response]:
    return [httpx.Response(200, json=payload) for payload in payloads]
