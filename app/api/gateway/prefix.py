"""`/openai/v1` is another name of the OpenAI-shaped part of `/v1`, for clients that were written for it."""

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/openai/v1/"
SHAPED = ("chat/", "completions", "embeddings", "images/", "videos", "audio/", "models")


class OpenAiPrefix:
    """Middleware: the path without the first part, where OpenAI has such a path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith(PREFIX) and path[len(PREFIX) :].startswith(SHAPED):
            scope = {**scope, "path": path[len("/openai") :], "raw_path": path[len("/openai") :].encode()}
        await self.app(scope, receive, send)
