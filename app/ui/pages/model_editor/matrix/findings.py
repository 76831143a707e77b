"""What the matrix found, worst first, in words and with its repairs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.catalogue.judging import Judged, Priced, distinct
from app.kernel.errors import Unpriced
from app.kernel.money import MICRO, Money
from app.kernel.text import t
from app.pricing.findings import Finding
from app.pricing.matrix import Cell, Status, sample_request
from app.pricing.quote import estimate
from app.ui import present
from app.ui.pages.model_editor.matrix.grid import spoken
from app.ui.pages.model_editor.matrix.loss_fixes import Fix, fix_of_tier, fixes_of_loss
from app.ui.pages.model_editor.matrix.rows import FindingRow, FixRow

ORDER = ("unpriced", "ambiguous", "loss", "misfit", "elsewhere", "unreachable", "unchanged", "uncosted", "unproven")
TONES = {"unpriced": "loss", "ambiguous": "loss", "loss": "loss", "elsewhere": "loss", "misfit": "thin",
         "unreachable": "thin", "unchanged": "neutral", "uncosted": "neutral", "unproven": "neutral"}  # fmt: skip


@dataclass(frozen=True)
class Found:
    kind: str
    title: str
    detail: str
    fixes: tuple[Fix, ...] = ()

    @property
    def row(self) -> FindingRow:
        return FindingRow(
            tone=TONES[self.kind],
            title=self.title,
            detail=self.detail,
            fixes=[FixRow(id=fix.id, label=fix.label) for fix in self.fixes],
        )


def findings(judged: Judged, at: int, credit_value: Decimal) -> list[Found]:
    """Everything questionable about the draft, against the route shown and the others."""
    if not judged.priced:
        return []
    shown = judged.priced[min(at, len(judged.priced) - 1)]
    cells = distinct(shown.matrix)
    found = [made for one in shown.matrix.findings if (made := _found(judged, shown, cells, one, credit_value))]
    if shown.misfit:
        found.append(Found("misfit", t("model_editor.finding.misfit"), shown.misfit))
    for other in judged.priced:
        losses = [cell for cell in distinct(other.matrix) if cell.status is Status.LOSS]
        if other is not shown and losses and other.cost:
            title = t("model_editor.finding.elsewhere", provider=other.cost.provider_name)
            found.append(Found("elsewhere", title, t("model_editor.finding.elsewhere_detail", count=len(losses))))
    return sorted(found, key=lambda one: ORDER.index(one.kind))


def worst_loss(cells: Sequence[Cell], credit_value: Decimal) -> Cell | None:
    """The combination that loses most on one request."""
    losing = [cell for cell in cells if cell.status is Status.LOSS]
    return max(losing, key=lambda cell: lost(cell, credit_value), default=None)


def lost(cell: Cell, credit_value: Decimal) -> Fraction:
    """Credits lost on one request: what it costs us in credits, less its price."""
    cost = Fraction(cell.cost.micros, MICRO) / Fraction(credit_value) if cell.cost else Fraction(0)
    return cost - (Fraction(cell.price.amount) if cell.price else 0)


def _found(
    judged: Judged, shown: Priced, cells: Sequence[Cell], finding: Finding, credit_value: Decimal
) -> Found | None:
    match finding.kind:
        case "loss":
            return _loss(judged, shown, cells, credit_value)
        case "unpriced" | "ambiguous":
            gaps = [cell for cell in cells if cell.status is Status.UNPRICED]
            first = gaps[0] if gaps else None
            title = t(
                "model_editor.finding.unpriced", count=present.plural(len(gaps), t("model_editor.matrix.combination"))
            )
            detail = f"{spoken(first.params)}: {first.why}" if first else finding.message
            return Found(finding.kind, title, detail)
        case "unreachable" | "unchanged":
            number = int((finding.path or "tiers[0]")[6:-1]) + 1
            fixes = tuple(fix_of_tier(judged, finding.path or "")) if judged.driven_by == "draft" else ()
            return Found(finding.kind, t("model_editor.finding.tier", number=number), finding.message, fixes)
        case "uncosted":
            detail = t("model_editor.finding.uncosted_detail" if shown.cost else "model_editor.finding.no_cost_detail")
            return Found("uncosted", t("model_editor.finding.uncosted"), detail)
        case _:
            return Found("unproven", t("model_editor.finding.unproven"), finding.message)


def _loss(judged: Judged, shown: Priced, cells: Sequence[Cell], credit_value: Decimal) -> Found | None:
    worst = worst_loss(cells, credit_value)
    if worst is None:
        return None
    losing = sum(cell.status is Status.LOSS for cell in cells)
    matters = {axis.name for axis in shown.matrix.axes if axis.matters}
    name = spoken({key: value for key, value in worst.params.items() if key in matters})
    credits = present.credit_words(lost(worst, credit_value))
    title = t("model_editor.finding.loss", name=name, credits=credits)
    if losing > 1:
        title = t("model_editor.finding.losses", name=name, credits=credits, more=losing - 1)
    fixes = tuple(fixes_of_loss(judged, shown, worst, credit_value)) if judged.driven_by == "draft" else ()
    return Found("loss", title, _loss_detail(judged, shown, worst, credit_value), fixes)


def _loss_detail(judged: Judged, shown: Priced, worst: Cell, credit_value: Decimal) -> str:
    price = worst.price or Money.zero()
    why = ""
    if shown.cost_card is not None:
        asked, lengths = sample_request(judged.schema, worst.params)
        try:
            why = estimate(shown.cost_card, judged.schema, asked, lengths=lengths).reason
        except Unpriced as gap:
            why = gap.message
    return t(
        "model_editor.finding.loss_detail",
        price=present.credit_words(price),
        worth=present.cost(Fraction(price.amount) * Fraction(credit_value)),
        provider=shown.cost.provider_name if shown.cost else "",
        why=why,
        cost=present.cost(worst.cost) if worst.cost else present.NOTHING,
    )
