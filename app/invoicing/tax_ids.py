"""Tax ids by country: what they are called, and whether one is written right (checksums by python-stdnum).

Whether a number that is written right belongs to anybody is another question, answered by `vies` or an operator.
"""

import re
from typing import Any, Final, NamedTuple

from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

from app.invoicing.parties import TaxId
from app.invoicing.rates import eu_members

MAX_LENGTH: Final = 40


class Form(NamedTuple):
    """`modules`: which of stdnum's checks apply, the first that accepts wins; `pattern` where none does."""

    type: str
    label: str
    modules: tuple[tuple[str, str], ...] = ()
    pattern: str = ""  # of numbers without a checksum


_FORMS: Final = {
    "GB": Form("gb_vat", "VAT number", (("gb", "vat"),)),
    "CH": Form("ch_vat", "UID / MWST", (("ch", "vat"), ("ch", "uid"))),
    "LI": Form("ch_vat", "UID / MWST", (("ch", "vat"), ("ch", "uid"))),
    "NO": Form("no_vat", "MVA number", (("no", "mva"), ("no", "orgnr"))),
    "AU": Form("au_abn", "ABN", (("au", "abn"),)),
    "NZ": Form("nz_gst", "GST number", (("nz", "ird"),)),
    "JP": Form("jp_trn", "Registration number", pattern="T[0-9]{13}"),
    "IN": Form("in_gst", "GSTIN", (("in_", "gstin"),)),
    # The number of the company register, or one given for the tax alone.
    "SG": Form("sg_gst", "GST registration number", (("sg", "uen"),), "M[A-Z0-9]-?[0-9]{7}-?[A-Z]"),
    "CA": Form("ca_gst", "GST/HST number", (("ca", "bn"),)),
    "US": Form("us_ein", "EIN", (("us", "ein"),)),
    "IS": Form("is_vat", "VSK number", (("is_", "vsk"),)),
    "TR": Form("tr_vat", "VKN", (("tr", "vkn"),)),
    "RS": Form("rs_vat", "PIB", (("rs", "pib"),)),
    "KR": Form("kr_brn", "BRN", (("kr", "brn"),)),
    "MX": Form("mx_rfc", "RFC", (("mx", "rfc"),)),
    "BR": Form("br_cnpj", "CNPJ", (("br", "cnpj"),)),
    "ZA": Form("za_vat", "Tax number", (("za", "tin"),)),
}
#: Country letters of VAT ids that are not the country's ISO code, and the other way round.
_VAT_LETTERS: Final = {"GR": "EL"}
_ISO_OF_LETTERS: Final = {"EL": "GR"}


def form_of(country: str) -> Form:
    """What a business of that country is asked for; a plain "tax id" where we know no rule."""
    if country == "MC":  # Monaco's VAT ids are French ones
        return form_of("FR")
    if country in eu_members():
        return Form("eu_vat", "VAT ID", ((country.lower(), "vat"),))
    return _FORMS.get(country, Form("other", "Tax ID"))


def read(given: str, country: str) -> TaxId:
    """The id as we keep it, and whether it is written right. An EU VAT id may name another member state."""
    text = "".join(given.upper().split())[:MAX_LENGTH]
    letters = _ISO_OF_LETTERS.get(text[:2], text[:2])
    if letters in eu_members() and letters != country and country in eu_members() | {"MC", "XI"}:
        country = letters
    form = form_of(country)
    if not form.modules or not text.isascii():
        return TaxId(text, form.type, country, bool(re.fullmatch(form.pattern or "[0-9A-Z./-]+", text)))
    for place, kind in form.modules:
        compact = _validated(get_cc_module(place, kind), text, country)
        if compact is not None:
            return TaxId(_with_letters(compact, country, form), form.type, "FR" if country == "MC" else country, True)
    return TaxId(text, form.type, country, bool(form.pattern and re.fullmatch(form.pattern, text)))


def _validated(module: Any, text: str, country: str) -> str | None:
    """The number as that check keeps it, with its own country's letters or without any; others are not overlooked."""
    own = {country, _VAT_LETTERS.get(country, country), "FR" if country == "MC" else country}
    for candidate in [text, text[2:]] if text[:2] in own else [text]:
        try:
            return str(module.validate(candidate))
        except ValidationError:
            continue
    return None


def _with_letters(compact: str, country: str, form: Form) -> str:
    if form.type == "gb_vat":
        return compact if compact.startswith("GB") else f"GB{compact}"
    if form.type != "eu_vat":
        return compact
    code = "FR" if country == "MC" else country
    letters = _VAT_LETTERS.get(code, code)
    return compact if compact.startswith(letters) else f"{letters}{compact}"
