"""Lines of CSV that a spreadsheet opens without running anything."""

from decimal import Decimal

import pytest

from app.kernel.sheet import csv_row


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        pytest.param("=1+1", "'=1+1", id="a formula"),
        pytest.param("+49 40", "'+49 40", id="a plus"),
        pytest.param("-5", "'-5", id="a minus that is text"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="an at sign"),
        pytest.param("＝1+1", "'＝1+1", id="a wide equals sign"),
        pytest.param("\tx", "'\tx", id="a tab"),
        pytest.param(Decimal("-5.00"), "-5.00", id="a negative number stays a number"),
        pytest.param(Decimal("1E+3"), "1000", id="no exponent"),
        pytest.param(-7, "-7", id="an integer"),
        pytest.param(None, "", id="nothing"),
        pytest.param("Acme; =1+1", "Acme; '=1+1", id="a formula where others begin a cell"),
        pytest.param('Acme;"=1+1;', '"Acme;""\'=1+1;"', id="a formula behind a quote where others begin a cell"),
        pytest.param("a;b - c", "a;b - c", id="a semicolon alone"),
        pytest.param('a "b", c', '"a ""b"", c"', id="quotes and commas"),
    ],
)
def test_a_cell(cell, written):
    assert csv_row([cell, "end"]) == f"{written},end\r\n"


def test_a_line_break_stays_inside_its_cell():
    assert csv_row(["a\nb", 1]) == '"a\nb",1\r\n'
    assert csv_row(["a\n=b", 1]) == '"a\n\'=b",1\r\n'
