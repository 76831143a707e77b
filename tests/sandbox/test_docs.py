"""The page about the sandbox and the sandbox agree on the faults there are."""

import re

from app.sandbox.faults import KNOWN
from tests.support.sandbox import ROOT


def test_the_page_lists_every_fault_and_no_other():
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    table = page.partition("## Scripted faults")[2].partition("\n## ")[0]

    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == list(KNOWN)
