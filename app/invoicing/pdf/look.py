"""The look of the paper: colours, type and measures, in the house's own tokens."""

from app.invoicing.pdf.sheet import Colour, Style

INK: Colour = (28, 32, 36)
GREY: Colour = (96, 100, 108)
LINE: Colour = (225, 227, 232)
PANEL: Colour = (246, 247, 252)
WHITE: Colour = (255, 255, 255)
ACCENT: Colour = (62, 99, 221)
ACCENT_INK: Colour = (58, 91, 199)

#: Chip: paper and ink, by the word of `wording.status`.
CHIPS: dict[str, tuple[Colour, Colour]] = {
    "paid": ((230, 246, 236), (24, 121, 78)),
    "refunded": ((230, 246, 236), (24, 121, 78)),
    "credited": ((237, 242, 254), ACCENT_INK),
    "due": ((255, 243, 206), (138, 90, 0)),
    "test": ((255, 235, 236), (185, 31, 39)),
}

TITLE = Style(24, INK, strong=True, leading=1.1)
NUMBER = Style(10.5, GREY)
CHIP = Style(7.5, INK, strong=True, leading=1.0)
SELLER = Style(14, INK, strong=True, leading=1.2)
CONTACT = Style(8.5, GREY)
LABEL = Style(7.3, GREY, strong=True)
NAME = Style(10.5, INK, strong=True, leading=1.38)
BODY = Style(9, INK, leading=1.5)
BODY_GREY = Style(9, GREY, leading=1.5)
FACT_LABEL = Style(7.3, GREY)
FACT = Style(9, INK, strong=True)
CELL = Style(9, INK, leading=1.38)
DETAIL = Style(7.6, GREY, leading=1.36)
SECTION = Style(8, ACCENT_INK, strong=True)
SUM = Style(9.3, GREY)
TOTAL = Style(13, INK, strong=True)
LEFT_OVER = Style(9.3, INK, strong=True)
SMALL = Style(7.2, GREY, leading=1.5)
PROSE = Style(8.8, INK, leading=1.5)

MARGIN = 18.0
TOP_OF_NEXT = 31.0
FOOTER_HEIGHT = 30.0
A4 = (210.0, 297.0)
LETTER = (215.9, 279.4)
#: Where people print on Letter.
LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "CL", "CO", "CR", "GT", "PA", "PH", "PR", "SV", "VE"})
