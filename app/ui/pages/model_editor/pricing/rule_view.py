"""What stands around the rule's JSON: problems, changed lines, and what drives the matrix. Pure."""

from dataclasses import dataclass, field

from app.catalogue.judging import Judged, Written, text_of
from app.catalogue.workbench import Bench
from app.kernel.text import t
from app.ui.pages.model_editor.problem_rows import changed_lines, problem_rows
from app.ui.pages.model_editor.rows import ProblemRow


@dataclass(frozen=True)
class RuleView:
    """`has_live` says whether there is a rule on sale to differ from."""

    problems: list[ProblemRow] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    note: str = ""
    has_live: bool = False
    since: str = ""


def rule_view(judged: Judged, written: Written, bench: Bench) -> RuleView:
    """The middle column."""
    text = written.pricing_rule or ""
    live = bench.live.pricing_rule if bench.live else None
    marked = changed_lines(text_of(live), text) if live is not None else []
    return RuleView(
        problems=problem_rows(judged.of("pricing_rule")),
        has_live=live is not None,
        changed=marked,
        note=_driven_note(judged, bench),
        since=t("model_editor.json.since", number=bench.live_number) if marked else "",
    )


def _driven_note(judged: Judged, bench: Bench) -> str:
    if judged.driven_by == "draft":
        return t("model_editor.json.saved")
    where = _until(judged)
    match judged.driven_by:
        case "rest":
            names = ", ".join(t(f"model_editor.json.entry.{name}", number=index + 1) for name, index in judged.ignored)
            return t("model_editor.json.ignores", where=where, names=names)
        case "last":
            return t("model_editor.json.last", where=where)
        case "live":
            return t("model_editor.json.live", where=where, number=bench.live_number)
        case _:
            return t("model_editor.json.nothing", where=where)


def _until(judged: Judged) -> str:
    """What has to be fixed first: the lines of the part that comes first."""
    part = judged.problems[0].part
    lines = list(dict.fromkeys(one.line for one in judged.of(part)))
    match part:
        case "credit_cost":
            return t("model_editor.json.until_price")
        case "param_schema":
            return t("model_editor.json.until_schema", line=lines[0])
        case _ if len(lines) == 2:
            return t("model_editor.json.until_both", first=lines[0], second=lines[1])
        case _ if len(lines) > 2:
            return t("model_editor.json.until_lines", count=len(lines))
        case _:
            return t("model_editor.json.until_line", line=lines[0])
