"""Which tax is due on a sale of credits. PURE: the seller, the buyer, the rates and the day in; a snapshot out.

Decided once, when the order is made. What cannot be decided raises (`NoTaxRate`); what was decided against the buyer's
wish says why in `reasons`. How a country treats credits is the operator's to set: this file holds the rules, the
registrations, policies and rates are settings.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from app.invoicing.parties import Address, Buyer, Evidence, Seller
from app.invoicing.rates import Component, NoTaxRate, RateBook, eu_members, tax_country
from app.invoicing.tax_elsewhere import Calculation, as_calculated, question
from app.invoicing.tax_snapshot import Category, Fx, Scheme, TaxRate, TaxSnapshot
from app.kernel.fiat import Fiat
from app.kernel.money import allot
from app.kernel.text import t

RULE_VERSION: Final = "2026-11"
#: Outside the EU: where a business with a tax id accounts for a foreign seller's tax itself.
ACCOUNTS_ITSELF: Final = frozenset({"GB", "NO", "AU", "NZ", "SG", "IN", "JP", "CA"})
#: Provinces whose own tax stands beside the federal one, at a rate that the operator enters.
_OWN_TAX: Final = frozenset({"CA-BC", "CA-MB", "CA-QC", "CA-SK"})
#: Postcodes of member states that lie outside the Union's VAT territory.
_OUTSIDE_BY_POSTCODE: Final = {
    "ES": ("35", "38", "51", "52"),  # the Canaries, Ceuta, Melilla
    "FR": ("971", "972", "973", "974", "975", "976", "977", "978", "986", "987", "988"),  # overseas; 980 is Monaco
    "DE": ("27498", "78266"),  # Heligoland, Büsingen
    "IT": ("23041", "22061"),  # Livigno, Campione
    "FI": ("22",),  # Åland
    "GR": ("63086", "63087"),  # Mount Athos
}


@dataclass(frozen=True, slots=True)
class Place:
    """A place as tax sees it: the country whose tax it is, the state, and whether it is in the EU's VAT territory."""

    country: str
    state: str
    in_eu: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """Which rule applies; without `components` no tax is charged and `category` and the text say why."""

    scheme: Scheme
    rule_id: str
    components: tuple[Component, ...] = ()
    category: Category = "S"
    exemption_code: str = ""
    exemption_text: str = ""
    reasons: tuple[str, ...] = ()


def decide(
    seller: Seller,
    buyer: Buyer,
    evidence: Sequence[Evidence],
    net: Fiat,
    rates: RateBook,
    on: date,
    *,
    inclusive: bool = False,
    at: datetime | None = None,
    fx: Fx | None = None,
    deferred: bool = False,
    calculation: Calculation | None = None,
) -> TaxSnapshot:
    """The tax on `net` (on `net` as the final amount when `inclusive`) by the rules of the day `on`.

    `deferred`: money for credits that are taxed when they are used. `calculation`: the answer of whoever works the tax
    out where our own rules do not. Raises `NoTaxRate` where a rate is not known, and `TaxNotCalculated` (one of those)
    where such an answer is wanted and this is none to it.
    """
    moment = at or datetime(on.year, on.month, on.day, tzinfo=UTC)
    asked = None if deferred else question(seller, buyer, net)
    if asked is not None:
        return as_calculated(seller, buyer, evidence, asked, calculation, at=moment, fx=fx)
    found = _deferred() if deferred else ruling(seller, buyer, rates, on)
    base, lines = _amounts(found, buyer, net, inclusive)
    return TaxSnapshot(
        seller=seller,
        buyer=buyer,
        location_evidence=tuple(evidence),
        scheme=found.scheme,
        rule_id=found.rule_id,
        rule_version=RULE_VERSION,
        rates=lines,
        currency=net.currency,
        net=base.minor,
        computed_by="farebox",
        computed_at=moment.isoformat(),
        reasons=(*found.reasons, *_evidence_reasons(found, buyer, evidence)),
        rates_version=rates.version,
        fx=fx,
    )


def ruling(seller: Seller, buyer: Buyer, rates: RateBook, on: date) -> Ruling:
    """The rule that applies, in the order the questions are asked."""
    home, place = where(seller.address), where(buyer.address)
    if seller.vat_status != "registered":
        return _unregistered(seller)
    if buyer.exempt_reason:
        text = t("invoicing.exemption.buyer_exempt", reason=buyer.exempt_reason)
        return Ruling("exempt", "buyer_exempt", (), "E", "", text)
    if home.country == place.country and home.in_eu == place.in_eu:
        return _domestic(seller, home, place, rates, on)
    if place.in_eu:
        return _into_eu(seller, buyer, home, place, rates, on)
    return _outside_eu(seller, buyer, home, place, rates, on)


def where(address: Address) -> Place:
    """An address as tax sees it."""
    country = tax_country(address.country)
    postcode = address.postcode.replace(" ", "").upper().removeprefix(f"{country}-")
    outside = postcode.startswith(_OUTSIDE_BY_POSTCODE.get(country, ("-",)))
    return Place(country, address.state, country in eu_members() and not outside)


def vat_id_doubts(seller: Seller, buyer: Buyer) -> tuple[str, ...]:
    """Why the buyer's VAT id does not carry a reverse charge; empty when it does."""
    tax_id = buyer.tax_id
    if not buyer.is_business:
        return ("not_a_business",)
    if tax_id is None or tax_id.type != "eu_vat":
        return ("vat_id_missing",)
    result = tax_id.check.result if tax_id.check else "unchecked"
    unproven = result == "invalid" or (result != "valid" and seller.vies_policy == "charge_vat")
    doubts = {
        "vat_id_syntax": not tax_id.syntax_ok,
        "vat_id_of_sellers_country": tax_id.country == tax_country(seller.country),
        "vat_id_of_another_country": tax_id.country not in {tax_country(seller.country), tax_country(buyer.country)},
        f"vat_id_{result}": unproven,
    }
    return tuple(code for code, doubted in doubts.items() if doubted)


def _unregistered(seller: Seller) -> Ruling:
    if seller.vat_status == "exempt":
        text = seller.exempt_reason or t("invoicing.exemption.seller_exempt")
        return Ruling("exempt", "seller_exempt", (), "E", "", text)
    return Ruling("none", "seller_unregistered", (), "O", "", t("invoicing.exemption.seller_unregistered"))


def _deferred() -> Ruling:
    return Ruling("none", "taxed_on_redemption", (), "O", "", t("invoicing.exemption.redemption"))


def _domestic(seller: Seller, home: Place, place: Place, rates: RateBook, on: date) -> Ruling:
    if place.country == "US" and f"US-{place.state}" not in {f"US-{home.state}", *seller.registrations}:
        return _not_registered("US", place.state)
    within = home.state == place.state
    found = rates.components(place.country, place.state, on, within_state=within)
    at_home = {place.country, f"{place.country}-{home.state}"}
    return Ruling("domestic", "domestic", _registered(seller, found, place, at_home))


def _registered(
    seller: Seller, found: Sequence[Component], place: Place, at_home: Collection[str] = ()
) -> tuple[Component, ...]:
    """What of a place's taxes the seller is registered for. A province's own tax and the federal one beside it need a
    registration each; a harmonised one stands for both. `NoTaxRate` where there is a registration and no rate."""
    name, places = f"{place.country}-{place.state}", {*at_home, *seller.registrations}
    kept = tuple(each for each in found if each.type == "HST" or each.jurisdiction in places)
    own_is_missing = name in _OWN_TAX.intersection(seller.registrations) and name not in {
        one.jurisdiction for one in kept
    }
    if own_is_missing or not kept:
        raise NoTaxRate(f"No tax rate is known for {name}. Enter one under Settings, Payments.", place=name)
    return kept


def _into_eu(seller: Seller, buyer: Buyer, home: Place, place: Place, rates: RateBook, on: date) -> Ruling:
    doubts = vat_id_doubts(seller, buyer)
    if not doubts:
        checked = buyer.tax_id is not None and buyer.tax_id.check is not None and buyer.tax_id.check.result == "valid"
        later = () if checked else ("vat_id_to_be_checked",)
        text = t("invoicing.exemption.reverse_charge_eu")
        return Ruling("reverse_charge", "eu_business", (), "AE", "VATEX-EU-AE", text, later)
    if buyer.tax_id is None and not buyer.is_business:
        doubts = ()  # a consumer: there is nothing to explain
    if home.in_eu and "vat_id_of_sellers_country" in doubts:
        components = rates.components(home.country, home.state, on)
        return Ruling("domestic", "vat_id_of_sellers_country", components, reasons=doubts)
    if seller.oss:
        return Ruling("oss", "eu_consumer", rates.components(place.country, "", on), reasons=doubts)
    if home.in_eu:
        components = rates.components(home.country, home.state, on)
        return Ruling("domestic", "eu_consumer_below_threshold", components, reasons=doubts)
    if place.country in seller.registrations:
        return Ruling("domestic", "registered_abroad", rates.components(place.country, "", on), reasons=doubts)
    return _not_registered(place.country, "")


def _outside_eu(seller: Seller, buyer: Buyer, home: Place, place: Place, rates: RateBook, on: date) -> Ruling:
    names = {place.country, f"{place.country}-{place.state}"}
    if names & set(seller.registrations):
        components = rates.components(place.country, place.state, on)
        if place.country == "CA":
            components = _registered(seller, components, place)
        business = buyer.is_business and buyer.tax_id is not None and buyer.tax_id.syntax_ok
        if business and place.country in ACCOUNTS_ITSELF:
            text = t("invoicing.exemption.reverse_charge", tax=components[0].type)
            return Ruling("reverse_charge", "business_abroad", (), "AE", "", text)
        return Ruling("domestic", "registered_abroad", components)
    code, text = ("VATEX-EU-O", "outside_eu") if home.in_eu else ("", "outside")
    return Ruling("export", "outside_eu" if home.in_eu else "abroad", (), "O", code, t(f"invoicing.exemption.{text}"))


def _not_registered(country: str, state: str) -> Ruling:
    place = f"{country}-{state}" if state else country
    text = t("invoicing.exemption.not_registered", place=place)
    return Ruling("none", "not_registered", (), "O", "", text, ("not_registered",))


def _amounts(found: Ruling, buyer: Buyer, net: Fiat, inclusive: bool) -> tuple[Fiat, tuple[TaxRate, ...]]:
    """Base and taxes: each tax rounded once on the whole base; out of an inclusive price the base is what is left."""
    if not found.components:
        rate = TaxRate(
            tax_country(buyer.country),
            "VAT" if found.exemption_code or found.category == "AE" else "tax",
            found.category,
            Decimal(0),
            net.minor,
            0,
            inclusive,
            found.exemption_code,
            found.exemption_text,
        )
        return net, (rate,)
    percents = [Fraction(each.rate) / 100 for each in found.components]
    if inclusive:
        base = Fiat.from_exact(Fraction(net.amount) / (1 + sum(percents)), net.currency)
        taxes = allot((net - base).minor, percents)
    else:
        base = net
        taxes = [Fiat.from_exact(Fraction(net.amount) * percent, net.currency).minor for percent in percents]
    lines = tuple(
        TaxRate(each.jurisdiction, each.type, "S" if each.rate else "Z", each.rate, base.minor, tax, inclusive)
        for each, tax in zip(found.components, taxes, strict=True)
    )
    return base, lines


def _evidence_reasons(found: Ruling, buyer: Buyer, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """A consumer's country under the One Stop Shop wants two pieces of evidence that agree."""
    if found.scheme != "oss":
        return ()
    agreeing = [each for each in evidence if tax_country(each.country) == tax_country(buyer.country)]
    if len(agreeing) >= 2:
        return ()
    return ("location_conflict",) if len(agreeing) < len(evidence) else ("location_single_evidence",)
