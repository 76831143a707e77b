"""What the file says about itself in XMP, with dates of the document and never of the clock."""

from datetime import datetime
from html import escape

#: `{further}` holds more descriptions, such as Factur-X's.
PACKET = """\
<x:xmpmeta xmlns:x="adobe:ns:meta/">
  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
        xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
        xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
      <pdfaid:part>3</pdfaid:part>
      <pdfaid:conformance>B</pdfaid:conformance>
      <dc:format>application/pdf</dc:format>
      <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
      <dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
      <xmp:CreatorTool>{creator}</xmp:CreatorTool>
      <xmp:CreateDate>{moment}</xmp:CreateDate>
      <xmp:ModifyDate>{moment}</xmp:ModifyDate>
      <xmp:MetadataDate>{moment}</xmp:MetadataDate>
      <pdf:Producer>{producer}</pdf:Producer>
    </rdf:Description>
{further}  </rdf:RDF>
</x:xmpmeta>"""


def packet(*, title: str, author: str, creator: str, producer: str, moment: datetime, further: str = "") -> str:
    """The metadata of one file; everything but `further` is escaped here."""
    return PACKET.format(
        title=escape(title),
        author=escape(author),
        creator=escape(creator),
        producer=escape(producer),
        moment=moment.isoformat(timespec="seconds"),
        further=further,
    )
