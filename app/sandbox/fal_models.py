"""What the sandbox's fal says a model takes: an OpenAPI for each endpoint, written the way fal writes them."""

from collections.abc import Mapping
from typing import Any

from app.sandbox.plan import AUDIO, IMAGE, kind_of

_SIZES = ["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
_SEED = {
    "anyOf": [{"type": "integer"}, {"type": "null"}],
    "title": "Seed",
    "description": "The same seed again.",
}
_IMAGE: Mapping[str, Any] = {
    "prompt": {"type": "string", "title": "Prompt", "examples": ["A lighthouse"], "description": "What to draw."},
    "image_size": {
        "anyOf": [{"$ref": "#/components/schemas/ImageSize"}, {"type": "string", "enum": _SIZES}],
        "title": "Image Size",
        "default": "landscape_4_3",
    },
    "num_images": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1, "title": "Num Images"},
    "output_format": {"type": "string", "enum": ["jpeg", "png"], "default": "jpeg", "title": "Output Format"},
    "seed": _SEED,
    "sync_mode": {"type": "boolean", "default": False, "title": "Sync Mode"},
}
_VIDEO: Mapping[str, Any] = {
    "prompt": {"type": "string", "title": "Prompt", "description": "What happens."},
    "image_url": {"type": "string", "title": "Image Url", "description": "The first frame."},
    "duration": {"type": "string", "enum": ["5", "10"], "default": "5", "title": "Duration"},
    "resolution": {"type": "string", "enum": ["480p", "720p", "1080p"], "default": "720p", "title": "Resolution"},
    "seed": _SEED,
}
_AUDIO: Mapping[str, Any] = {
    "text": {"type": "string", "title": "Text", "maxLength": 5000, "minLength": 1},
    "voice_setting": {"allOf": [{"$ref": "#/components/schemas/VoiceSetting"}], "title": "Voice Setting"},
    "output_format": {"type": "string", "enum": ["url", "hex"], "default": "hex", "title": "Output Format"},
}
_SHARED = {
    "ImageSize": {
        "type": "object",
        "title": "ImageSize",
        "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
    },
    "VoiceSetting": {"type": "object", "title": "VoiceSetting", "properties": {"voice_id": {"type": "string"}}},
}


def listed(endpoint: str) -> dict[str, Any]:
    """The endpoint's entry in the platform's list, its OpenAPI expanded."""
    kind = kind_of(endpoint)
    given = _IMAGE if kind == IMAGE else _AUDIO if kind == AUDIO else _VIDEO
    name = "".join(part.capitalize() for part in endpoint.replace(".", "").replace("-", "/").split("/")[1:]) + "Input"
    inputs = {
        "type": "object",
        "title": name,
        "required": ["text" if kind == AUDIO else "prompt"],
        "properties": given,
        "x-fal-order-properties": list(given),
    }
    body = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}, "required": True}
    openapi = {
        "openapi": "3.0.4",
        "info": {"title": f"Queue OpenAPI for {endpoint}", "version": "1.0.0"},
        "components": {"schemas": {**_SHARED, name: inputs}},
        "paths": {
            f"/{endpoint}/requests/{{request_id}}/status": {"get": {}},
            f"/{endpoint}": {"post": {"requestBody": body}},
        },
    }
    metadata = {"display_name": endpoint.rpartition("/")[2], "category": kind, "status": "active"}
    return {"endpoint_id": endpoint, "metadata": metadata, "openapi": openapi}
