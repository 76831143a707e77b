"""What a new model begins with: parameters and a rule that fit its modality and can be published as they are. Pure."""

from typing import Any

_PROMPT = {"type": "string", "title": "Prompt", "maxLength": 4000, "x-order": 1}
_SEED = {
    "type": "integer",
    "minimum": 0,
    "maximum": 2147483647,
    "title": "Seed",
    "description": "The same seed and prompt give the same result again.",
    "x-advanced": True,
    "x-order": 9,
}


def starting_schema(modality: str) -> dict[str, Any]:
    """A `paramSchema` for a modality; InvalidInput is never due here, the tests parse every one."""
    properties: dict[str, Any] = {"prompt": dict(_PROMPT)}
    required = ["prompt"]
    match modality:
        case "image":
            properties["num_images"] = {
                "type": "integer", "minimum": 1, "maximum": 4, "default": 1, "title": "Images", "x-meter": "image",
                "x-order": 2,
            }  # fmt: skip
            properties["seed"] = dict(_SEED)
        case "video":
            properties["duration"] = {
                "type": "integer", "enum": [5, 10], "default": 5, "title": "Seconds", "x-meter": "second", "x-order": 2,
            }  # fmt: skip
            properties["aspect_ratio"] = {
                "type": "string", "enum": ["16:9", "9:16", "1:1"], "default": "16:9", "title": "Shape", "x-order": 3,
            }  # fmt: skip
        case "audio":
            text = {"type": "string", "title": "Text", "maxLength": 5000, "x-meter": "character", "x-order": 1}
            properties, required = {"text": text}, ["text"]
        case "text":
            properties["prompt"] = {**_PROMPT, "maxLength": 100000, "x-meter": "character"}
            properties["max_tokens"] = {
                "type": "integer", "minimum": 1, "maximum": 8192, "default": 1024, "title": "Longest answer",
                "x-meter": "output_token", "x-order": 2,
            }  # fmt: skip
        case _:
            properties["seed"] = dict(_SEED)
    return {"type": "object", "properties": properties, "required": required}


#: The keys a new model's one figure is for, by modality; `rule_edits.starting_rule` uses the same units.
PRICE_UNIT = {
    "image": "perImage",
    "video": "perSecond",
    "audio": "per1kCharacters",
    "text": "per1kOutputTokens",
    "world": "perWorld",
}
