"""An invoice is one value: it survives storing, and it refuses figures that do not agree."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from app.invoicing.document import ForeignTax, InvoiceDocument, Kind, problems
from tests.invoicing.documents import credit_note, invoice, many_lines, reverse_charge, yen

FOREIGN = ForeignTax("CZK", Decimal("2390.45"), Decimal("25.163"), "ECB", invoice().issued_on)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(invoice(), id="one line"),
        pytest.param(many_lines(), id="sixty lines and a period"),
        pytest.param(credit_note(), id="credit note"),
        pytest.param(reverse_charge(), id="reverse charge"),
        pytest.param(yen(), id="yen"),
        pytest.param(invoice(foreign_tax=FOREIGN, paid=None), id="foreign tax, unpaid"),
    ],
)
def test_what_was_stored_reads_back_as_the_same_document_and_agrees_with_itself(document: InvoiceDocument) -> None:
    stored = json.loads(json.dumps(document.to_json()))

    assert InvoiceDocument.from_json(stored) == document
    assert problems(document) == []


def test_a_field_this_version_does_not_know_is_ignored_and_a_missing_optional_one_has_its_default() -> None:
    stored = invoice().to_json() | {"colour": "blue"}
    del stored["notes"]

    assert InvoiceDocument.from_json(stored).notes == ()


@pytest.mark.parametrize(
    ("field", "value", "refusal"),
    [
        pytest.param("issued_on", "yesterday", ValueError, id="a date that is none"),
        pytest.param("kind", "poem", ValueError, id="an unknown kind"),
        pytest.param("is_test", "no", ValueError, id="a word for a truth"),
        pytest.param("totals", {"net": 500.0}, ValueError, id="a float for money"),
        pytest.param("seller", {"name": "Nobody"}, TypeError, id="a seller without a country"),
    ],
)
def test_a_broken_snapshot_is_refused(field: str, value: object, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        InvoiceDocument.from_json(invoice().to_json() | {field: value})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param({"number": " "}, "no number", id="no number"),
        pytest.param({"lines": ()}, "no line", id="no line"),
        pytest.param({"currency": "euro"}, "not a currency code", id="currency in words"),
        pytest.param({"exponent": 0}, "more than the 0 decimals", id="cents in a currency without"),
        pytest.param({"kind": Kind.CREDIT_NOTE}, "what it corrects", id="a credit note of nothing"),
    ],
)
def test_a_document_that_cannot_be_issued_says_why(change: dict[str, object], complaint: str) -> None:
    document = invoice([many_lines().lines[0]])

    assert complaint in " ".join(problems(replace(document, **change)))  # type: ignore[arg-type]


@pytest.mark.parametrize("figure", ["net", "tax", "gross", "paid", "due"])
def test_every_total_is_held_against_the_others(figure: str) -> None:
    document = invoice()
    wrong = replace(document.totals, **{figure: getattr(document.totals, figure) + Decimal("0.01")})

    assert problems(replace(document, totals=wrong))
