"""Electronic invoices by EN 16931: Factur-X (a PDF that carries its own data) and UBL, from one set of terms.

Optional: without `requirements-einvoice.txt` installed `available()` is false, pages offer nothing, and asking all the
same is refused with a sentence. Where the standard cannot express a document, `refusal` says why. Nothing here sends
anything: national networks take these files from whoever is connected to them.
"""

from enum import StrEnum
from importlib.util import find_spec

from app.invoicing.document import InvoiceDocument, Kind, TaxCategory, merged
from app.invoicing.einvoice_terms import terms
from app.kernel.errors import Broken, Rejected


class Format(StrEnum):
    FACTUR_X = "facturx"  # the PDF with its data inside
    CII = "cii"  # that data alone
    UBL = "ubl"


MOST_DECIMALS = 2
#: How far a tax may be from its rate on its base, by the rules of the standard.
TOLERANCE = 1
#: Categories under which the standard wants the seller's VAT number.
WITH_VAT_ID = frozenset(TaxCategory) - {TaxCategory.OUTSIDE_SCOPE}

#: What the PDF says about the data inside it, and the words a PDF/A reader needs to understand that.
XMP = """\
    <rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">
      <fx:DocumentType>INVOICE</fx:DocumentType>
      <fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>
      <fx:Version>1.0</fx:Version>
      <fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>
    </rdf:Description>
    <rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
        xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
        xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
      <pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
        <pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
        <pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>
        <pdfaSchema:prefix>fx</pdfaSchema:prefix>
        <pdfaSchema:property><rdf:Seq>
{properties}        </rdf:Seq></pdfaSchema:property>
      </rdf:li></rdf:Bag></pdfaExtension:schemas>
    </rdf:Description>
"""
XMP_PROPERTY = """\
          <rdf:li rdf:parseType="Resource">
            <pdfaProperty:name>{name}</pdfaProperty:name>
            <pdfaProperty:valueType>Text</pdfaProperty:valueType>
            <pdfaProperty:category>external</pdfaProperty:category>
            <pdfaProperty:description>{meaning}</pdfaProperty:description>
          </rdf:li>
"""
XMP_PROPERTIES = {
    "DocumentFileName": "The name of the embedded XML document",
    "DocumentType": "The type of the hybrid document in capital letters",
    "Version": "The actual version of the standard applying to the embedded XML document",
    "ConformanceLevel": "The conformance level of the embedded XML document",
}


def available() -> bool:
    """Whether the optional library is installed."""
    return find_spec("facturx") is not None


def refusal(document: InvoiceDocument) -> str:
    """Why this document has no electronic form, as a sentence; "" when it has one."""
    categories = {group.category for group in document.taxes}
    seller, buyer = document.seller, document.buyer
    reasons = {
        "A receipt is no invoice and has no electronic form.": document.kind is Kind.RECEIPT,
        f"Electronic invoices know no amounts with three decimals, as {document.currency} has them.": (
            document.exponent > MOST_DECIMALS
        ),
        "An electronic invoice needs both countries.": not (seller.country and buyer.country),
        "An electronic invoice needs the seller's VAT id.": bool(categories & WITH_VAT_ID) and not seller.vat_id,
        "An electronic invoice under reverse charge needs the buyer's VAT id.": (
            TaxCategory.REVERSE_CHARGE in categories and not buyer.vat_id
        ),
        "An electronic invoice needs a number that identifies the seller.": not (seller.vat_id or seller.tax_ids),
        "Electronic invoices cannot mix taxed and untaxable lines.": (
            TaxCategory.OUTSIDE_SCOPE in categories and len(categories) > 1
        ),
        "Electronic invoices know no tax on a part of the price.": any(
            abs(group.base * group.rate / 100 - group.tax) >= TOLERANCE for group in merged(document.taxes)
        ),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def encode(document: InvoiceDocument, format_: Format) -> bytes:
    """The file. Raises Rejected when the document has no electronic form or the optional library is missing."""
    if not available():
        raise Rejected("Electronic invoices are not installed here.", code="einvoice_unavailable")
    if reason := refusal(document):
        raise Rejected(reason, code="einvoice_impossible")
    if format_ is Format.FACTUR_X:
        from app.invoicing.pdf.paint import Attachment  # its libraries are loaded when the first document is drawn
        from app.invoicing.pdf.render import render

        attachment = Attachment("factur-x.xml", _xml(document, "factur-x"), "text/xml", "Factur-X invoice data")
        told = "".join(XMP_PROPERTY.format(name=name, meaning=meaning) for name, meaning in XMP_PROPERTIES.items())
        return render(document, attachments=(attachment,), xmp=XMP.format(properties=told))
    return _xml(document, "ubl-2.1" if format_ is Format.UBL else "factur-x")


def _xml(document: InvoiceDocument, flavor: str) -> bytes:
    from facturx import generate_xml  # heavy, and only there when somebody wants it

    try:
        xml: bytes = generate_xml(
            terms(document), flavor=flavor, level="en16931", check_xsd=True, check_schematron=None
        )
    except Exception as error:  # the library raises bare exceptions for whatever it cannot write
        message = f"The electronic form of {document.number} is not valid: {error}"
        raise Broken(message, code="einvoice_invalid") from error
    return xml
