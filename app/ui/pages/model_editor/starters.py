"""What a new model begins with: parameters and a rule that fit its modality and can be published as they are. Pure."""

from typing import Any

from app.pricing.units import UNITS
from app.ui.pages.model_editor.json_values import figure_in
from app.ui.pages.model_editor.pricing.rule_edits import Rule

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


#: The keys a new model's one figure is for, by modality.
PRICE_UNIT = {
    "image": "perImage",
    "video": "perSecond",
    "audio": "per1kCharacters",
    "text": "per1kOutputTokens",
    "embedding": "per1kInputTokens",
    "world": "perWorld",
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
        case "embedding":
            text = {"type": "string", "title": "Text", "maxLength": 32000, "x-meter": "character", "x-order": 1}
            return {"type": "object", "properties": {"input": text}, "required": ["input"], "x-output-tokens": 0}
        case _:
            properties["seed"] = dict(_SEED)
    return {"type": "object", "properties": properties, "required": required}


def starting_rule(modality: str, credits: str = "") -> Rule:
    """A rule to begin with: one figure in the unit that modality is usually sold by."""
    unit = {
        "image": "image",
        "video": "second",
        "audio": "character",
        "text": "token",
        "embedding": "token",
        "world": "world",
    }[modality]
    keys = [key.key for key in UNITS[unit].choices[-1]]
    amount = figure_in(credits) if credits else 10
    return {
        "type": "formula",
        "billingMode": "charge_on_complete",
        "unit": unit,
        "price": {key: amount for key in keys if key not in UNITS[unit].optional},
    }
