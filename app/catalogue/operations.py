"""What a model does, as the API names it. A model says so itself where its modality leaves a choice. Pure."""

from collections.abc import Mapping

#: The operations of each modality; the first is meant where a model names none.
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "image": ("images",),
    "video": ("videos",),
    "audio": ("speech", "transcription"),
    "text": ("chat",),
    "embedding": ("embeddings",),
    "world": ("worlds",),
}
#: What may be carried by a workflow: held, submitted, followed and delivered as files.
AS_JOBS = ("images", "videos", "speech", "worlds")
#: Kinds of provider that answer in the same exchange: everything but a job needs one of them.
AT_ONCE = frozenset({"openai_compatible"})
#: Where each is served in one exchange.
ADDRESSES: Mapping[str, str] = {
    "images": "/v1/images/generations",
    "videos": "/v1/videos",
    "speech": "/v1/audio/speech",
    "worlds": "/v1/generations",
    "chat": "/v1/chat/completions",
    "embeddings": "/v1/embeddings",
    "transcription": "/v1/audio/transcriptions",
}
MODALITIES = tuple(OPERATIONS)


def operation_of(modality: str, named: str) -> str:
    """The operation a model was given, or the usual one of its modality."""
    return named or OPERATIONS[modality][0]
