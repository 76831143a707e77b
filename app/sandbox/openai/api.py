"""The addresses of one host. The sandbox runs two of them, so that one may fail while the other serves."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox import faults
from app.sandbox.callbacks import Message
from app.sandbox.engine import Engine
from app.sandbox.jobs import Job
from app.sandbox.openai.chat import Chat
from app.sandbox.openai.counter import Counter
from app.sandbox.openai.errors import answering, require_key, unknown_model
from app.sandbox.openai.media import Media
from app.sandbox.openai.videos import Videos

MODELS = (
    "gpt-4o-mini",
    "gpt-4.1-mini",
    "meta-llama/Llama-3.3-70B-Instruct",
    "text-embedding-3-small",
    "text-embedding-3-large",
    "gpt-image-1.5",
    "gpt-image-1-mini",
    "gpt-image-2",
    "tts-1",
    "tts-1-hd",
    "gpt-4o-mini-tts",
    "whisper-1",
    "gpt-4o-mini-transcribe",
    "sora-2",
)
SINCE = 1_721_172_741


class OpenAi:
    """`provider` is both the root of its addresses and its name in the book."""

    def __init__(self, provider: str, engine: Engine, script: faults.Script) -> None:
        self.provider = provider
        counter = Counter(provider, engine, script)
        self._chat = Chat(counter)
        self._media = Media(counter)
        self._videos = Videos(counter, engine)

    def message(self, job: Job, event: str) -> Message | None:
        """Nothing: it never calls back."""
        return None

    def forged(self, job: Job) -> Message | None:
        return None

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/v1/chat/completions", answering(self._chat.complete), methods=["POST"]),
            Route("/v1/embeddings", answering(self._chat.embed), methods=["POST"]),
            Route("/v1/images/generations", answering(self._media.generate), methods=["POST"]),
            Route("/v1/images/edits", answering(self._media.edit), methods=["POST"]),
            Route("/v1/audio/speech", answering(self._media.speak), methods=["POST"]),
            Route("/v1/audio/transcriptions", answering(self._media.transcribe), methods=["POST"]),
            Route("/v1/videos", answering(self._videos.create), methods=["POST"]),
            Route("/v1/videos", answering(self._videos.listed)),
            Route("/v1/videos/{id}", answering(self._videos.delete), methods=["DELETE"]),
            Route("/v1/videos/{id}", answering(self._videos.get)),
            Route("/v1/videos/{id}/content", answering(self._videos.content)),
            Route("/v1/models", answering(self.models)),
            Route("/v1/models/{model:path}", answering(self.model)),
        ]

    async def models(self, request: Request) -> Response:
        require_key(request)
        return JSONResponse({"object": "list", "data": [_model(name) for name in MODELS]})

    async def model(self, request: Request) -> Response:
        require_key(request)
        name = request.path_params["model"]
        if name not in MODELS:
            raise unknown_model(name)
        return JSONResponse(_model(name))


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": SINCE, "owned_by": "sandbox"}
