"""The billing form: text in, a checked `ProfileForm` out. Pure."""

from typing import Final, Literal, TypedDict, cast

from app.invoicing import tax_ids
from app.invoicing.countries import STATES, countries
from app.invoicing.profiles import Profile, ProfileForm

KINDS: Final = ("company", "person")
#: What is typed; kind, country and state are chosen.
TYPED: Final = ("company", "name", "line1", "line2", "postcode", "city", "tax_id", "email", "reference")
FIELDS: Final = ("kind", *TYPED, "country", "state")
LONGEST: Final = 300

Values = dict[str, str]


class Option(TypedDict):
    value: str
    label: str


def empty_values(*, name: str = "", company: str = "", email: str = "") -> Values:
    """A first profile: what we know of the person, the rest left open."""
    return dict.fromkeys(FIELDS, "") | {"kind": "company", "name": name, "company": company, "email": email}


def values_of(profile: Profile) -> Values:
    """The form of a profile that is there already."""
    form = profile.form
    return {field: str(getattr(form, field)) for field in FIELDS}


def form_of(values: Values) -> ProfileForm:
    """What is saved. A state counts only where the chosen country has states."""
    kind = cast(Literal["person", "company"], values["kind"])
    texts = {name: values[name] for name in FIELDS if name != "kind"}
    texts["state"] = values["state"] if values["country"] in STATES else ""
    return ProfileForm(kind=kind, **texts)


def country_options() -> list[tuple[str, str]]:
    return list(countries().items())


def state_options(country: str) -> list[Option]:
    """The states to choose from, by name; none where tax does not ask for one."""
    named = STATES.get(country, {})
    return [Option(value=code, label=name) for code, name in sorted(named.items(), key=lambda item: item[1])]


def tax_label(country: str) -> str:
    """What a business of that country calls its tax id."""
    return tax_ids.form_of(country).label


def is_written_right(tax_id: str, country: str) -> bool:
    """Whether the id's syntax and checksum are right; not whether it belongs to anybody."""
    return bool(tax_id.strip() and country) and tax_ids.read(tax_id, country).syntax_ok
