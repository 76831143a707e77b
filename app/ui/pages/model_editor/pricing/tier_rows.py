"""The tiers as rows. Pure."""

from collections.abc import Mapping
from typing import Any

from app.catalogue.judging import Placed
from app.ui.pages.model_editor.json_values import items, mapping
from app.ui.pages.model_editor.pricing.condition_rows import condition_row
from app.ui.pages.model_editor.pricing.figure_rows import figures
from app.ui.pages.model_editor.pricing.rows import TierRow
from app.ui.pages.model_editor.pricing.sight import Sight
from app.ui.pages.model_editor.problem_rows import fix_words
from app.ui.pages.model_editor.rows import option


def tier_row(index: int, given: object, sight: Sight) -> TierRow:
    tier, path = mapping(given), f"tiers[{index}]"
    match = mapping(tier.get("match"))
    place, live = _live_tier(sight, tier.get("match"))
    own = _own_problem(sight, path)
    fix, fix_id = fix_words(own)
    found = next((one for one in sight.findings if one.path == path), None)
    return TierRow(
        index=index,
        number=str(index + 1),
        conditions=[
            condition_row("tiers", index, str(name), what, f"{path}.match.{name}", sight)
            for name, what in match.items()
        ],
        prices=figures(
            sight, mapping(tier.get("price")), mapping(live.get("price")) if live else None, f"{path}.price"
        ),
        free=[option(one.name) for one in sight.schema.parameters if one.name not in match],
        changed=live is None or live.get("price") != tier.get("price") or place != index,
        wrong=sight.problem(path, within=True) is not None,
        problem=own.message if own else "",
        fix=fix,
        fix_id=fix_id,
        note=found.message if found and found.kind in ("unreachable", "unchanged") else "",
    )


def _own_problem(sight: Sight, path: str) -> Placed | None:
    """A problem of the tier that no condition and no figure of it shows itself."""
    shown = (f"{path}.match.", f"{path}.price.")
    inside = [one for one in sight.problems if one.path == path or one.path.startswith((f"{path}.", f"{path}["))]
    return next((one for one in inside if not one.path.startswith(shown)), None)


def _live_tier(sight: Sight, match: object) -> tuple[int, Mapping[str, Any] | None]:
    """The tier on sale that asks the same, with its place; −1 and None where there is none."""
    for place, one in enumerate(items(mapping(sight.live).get("tiers"))):
        if isinstance(one, Mapping) and one.get("match") == match:
            return place, one
    return -1, None
