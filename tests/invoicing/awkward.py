"""Names that people really have, and names that people try: every one must leave a readable document."""

from dataclasses import replace

from app.invoicing.document import InvoiceDocument
from tests.invoicing.documents import BUYER, invoice, line

NAMES = {
    "japanese": "株式会社ファアボックス 東京支社",
    "chinese": "北京云途数字科技有限公司（上海）分公司",
    "korean": "주식회사 페어박스 서울특별시",
    "arabic": "شركة الاختبار للتقنية ش.م.م 2026",
    "hebrew": "חברת הבדיקה בע״מ (2026) Ltd",
    "hindi": "परीक्षण प्रौद्योगिकी प्राइवेट लिमिटेड",
    "thai": "บริษัท ทดสอบ จำกัด (มหาชน)",
    "greek and russian": "Δοκιμή Α.Ε. — ООО «Проверка»",
    "vietnamese": "Công ty TNHH Thử Nghiệm Việt Nam",
    "yoruba, with marks of its own": "Ilé-iṣẹ́ Ẹ̀kọ́ àti Ìmọ̀",
    "georgian, armenian, amharic": "შპს ტესტი · Փորձարկում · ሙከራ",
    "tamil, telugu, bengali": "சோதனை · పరీక్ష · পরীক্ষা",
    "emoji": "🚀 Rocket & Söhne 👩‍💻🇩🇪 ❤️ 1️⃣",
    "markdown": "**Bold** _Co._ [link](javascript:alert(1)) `x` ~~Ltd~~",
    "markup": "<script>alert('x')</script> & Sons <b>GmbH</b>",
    "control characters": "Null\x00 Bell\x07 Esc\x1b[31m Tab\tLine\r\nFeed \u202egnp.exe\u202c \u200bZero\ufeff",
    "a lone surrogate and what is not yet a letter": "Half \ud800 and \U000e0fff and \ue000",
    "styled letters": "𝓕𝓪𝓷𝓬𝔂 Ⓒⓞⓜⓟⓐⓝⓨ ﬁnance",
    "hieroglyphs, which we cannot print": "𓀀𓂀 Ltd",
    "four kilobytes without a space": "A" * 4096,
    "four kilobytes of words": ("Very Long Name of a Company " * 150)[:4096],
    "four kilobytes of characters": "株式会社" * 1024,
    "marks piled high": "Z" + "̵̡̛͎̭͔̰̤͎̲̓̌̌̍̈́" * 12 + "algo Ltd",
    "only spaces": "   ",
    "percent and braces": "100 % {seller} %(name)s ${x} \\n \\(x\\) 50% off)",
}


def named(name: str) -> InvoiceDocument:
    """An invoice that has `name` wherever a customer can write one."""
    buyer = replace(BUYER, name=name, street=(name, "2nd floor"), city=name[:200], email=f"{name[:60]}@example.com")
    lines = [line("500.00", description=name, detail=name[:300])]
    return invoice(lines, buyer=buyer, notes=(name,), purchase_order=name)
