"""What the sandbox says about a Replicate model: its page, its version, and its inputs as an OpenAPI schema."""

import hashlib
from collections.abc import Mapping
from typing import Any

from app.sandbox.plan import AUDIO, IMAGE, kind_of

Property = Mapping[str, Any]

_PROMPT: Property = {"type": "string", "title": "Prompt", "description": "What to make"}
_SEED: Property = {"type": "integer", "title": "Seed", "description": "Set it to get the same output again"}


def _enum(title: str, values: list[str], default: str) -> Property:
    return {"enum": values, "type": "string", "title": title, "default": default, "description": title}


def _number(title: str, low: int, high: int, default: int) -> Property:
    return {
        "type": "integer",
        "title": title,
        "minimum": low,
        "maximum": high,
        "default": default,
        "description": title,
    }


_RATIOS = ["1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21"]
_PICTURE: Mapping[str, Property] = {
    "prompt": _PROMPT,
    "aspect_ratio": _enum("Aspect ratio", _RATIOS, "1:1"),
    "output_format": _enum("Output format", ["webp", "jpg", "png"], "webp"),
    "output_quality": _number("Output quality", 0, 100, 80),
    "seed": _SEED,
}
_FLUX: Mapping[str, Property] = {
    **_PICTURE,
    "num_outputs": _number("Number of outputs", 1, 4, 1),
    "megapixels": _enum("Megapixels", ["1", "0.25"], "1"),
    "go_fast": {"type": "boolean", "title": "Go fast", "default": True, "description": "Run faster predictions"},
}
_CLIP: Mapping[str, Property] = {
    "prompt": _PROMPT,
    "image": {"type": "string", "title": "Image", "format": "uri", "description": "First frame"},
    "duration": _number("Duration", 2, 12, 5),
    "resolution": _enum("Resolution", ["480p", "720p", "1080p"], "720p"),
    "aspect_ratio": _enum("Aspect ratio", ["16:9", "4:3", "1:1", "3:4", "9:16", "21:9"], "16:9"),
    "camera_fixed": {"type": "boolean", "title": "Camera fixed", "default": False, "description": "Hold still"},
    "seed": _SEED,
}
_SPEECH: Mapping[str, Property] = {
    "text": {"type": "string", "title": "Text", "description": "What to say"},
    "voice_id": {"type": "string", "title": "Voice", "default": "Wise_Woman", "description": "Who says it"},
}
_BANANA: Mapping[str, Property] = {
    **_PICTURE,
    "resolution": _enum("Resolution", ["1K", "2K", "4K"], "1K"),
    "image_input": {
        "type": "array",
        "items": {"type": "string", "format": "uri"},
        "title": "Images",
        "default": [],
        "description": "Pictures to work from",
    },
}

KNOWN: Mapping[str, Mapping[str, Property]] = {
    "black-forest-labs/flux-schnell": _FLUX,
    "black-forest-labs/flux-dev": {**_FLUX, "guidance": {"type": "number", "title": "Guidance", "default": 3}},
    "black-forest-labs/flux-1.1-pro": {
        **_PICTURE,
        "width": {"type": "integer", "title": "Width", "minimum": 256, "maximum": 1440},
        "height": {"type": "integer", "title": "Height", "minimum": 256, "maximum": 1440},
        "prompt_upsampling": {"type": "boolean", "title": "Prompt upsampling", "default": False},
    },
    "black-forest-labs/flux-1.1-pro-ultra": _PICTURE,
    "black-forest-labs/flux-kontext-pro": _PICTURE,
    "black-forest-labs/flux-kontext-max": _PICTURE,
    "google/nano-banana-2": _BANANA,
    "bytedance/seedance-1-lite": _CLIP,
    "bytedance/seedance-1-pro": _CLIP,
    "minimax/speech-02-turbo": _SPEECH,
}


def version_of(model: str) -> str:
    """64 hexadecimal digits that stay the same for a model."""
    return hashlib.sha256(f"sandbox {model}".encode()).hexdigest()


def model_of_version(version: str) -> str | None:
    """The known model behind a version id."""
    return next((model for model in KNOWN if version_of(model) == version), None)


def listing(model: str, base: str) -> dict[str, Any]:
    """The model object, its latest version with `openapi_schema` included."""
    owner, _, name = model.partition("/")
    return {
        "url": f"https://replicate.com/{model}",
        "owner": owner,
        "name": name,
        "description": f"{name}, as the sandbox plays it",
        "visibility": "public",
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 0,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": {
            "id": version_of(model),
            "created_at": "2026-01-15T12:00:00.000000Z",
            "cog_version": "0.16.2",
            "openapi_schema": _openapi(model),
        },
    }


def _openapi(model: str) -> dict[str, Any]:
    """Written as cog writes it: an enum is a schema of its own, referred to through `allOf`."""
    properties: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for order, (name, given) in enumerate(_properties(model).items()):
        shown = dict(given)
        if "enum" in shown:
            schemas[name] = {key: shown.pop(key) for key in ("enum", "type", "title")} | {
                "description": "An enumeration."
            }
            shown["allOf"] = [{"$ref": f"#/components/schemas/{name}"}]
        properties[name] = {**shown, "x-order": order}
    required = [name for name in ("prompt", "text") if name in properties]
    uri = {"type": "string", "format": "uri"}
    several = "num_outputs" in properties
    schemas["Input"] = {"type": "object", "title": "Input", "required": required, "properties": properties}
    schemas["Output"] = {"type": "array", "items": uri, "title": "Output"} if several else {**uri, "title": "Output"}
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {},
        "components": {"schemas": schemas},
    }


def _properties(model: str) -> Mapping[str, Property]:
    if model in KNOWN:
        return KNOWN[model]
    kind = kind_of(model)
    return _FLUX if kind == IMAGE else _SPEECH if kind == AUDIO else _CLIP
