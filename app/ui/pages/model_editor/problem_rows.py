"""What stands beside the lines of a JSON editor: problems with their fixes, edges of changed lines. Pure."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from app.catalogue.judging import Placed
from app.kernel.text import t
from app.ui.pages.model_editor.rows import ProblemRow


def fix_words(problem: Placed | None) -> tuple[str, str]:
    """The words and the id of a problem's one-click fix; empty where there is none."""
    if problem is None or not problem.suggestion:
        return "", ""
    return t("model_editor.fix.use", value=problem.suggestion), f"{problem.part}|{problem.path}"


def problem_rows(problems: Sequence[Placed]) -> list[ProblemRow]:
    """The cards under the lines."""
    rows = []
    for one in problems:
        fix, fix_id = fix_words(one)
        rows.append(ProblemRow(id=fix_id, line=one.line, path=one.path, message=one.message, fix=fix))
    return rows


def changed_lines(before: str, after: str) -> list[int]:
    """The lines of `after`, from 1, that are not in `before`."""
    matcher = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return [
        line + 1
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag in ("replace", "insert")
        for line in range(start, end)
    ]
