"""Billing profiles: who a workspace is on its invoices. Editing one changes future invoices only."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.tables import AuditEvent
from app.invoicing import tables, tax_ids
from app.invoicing.countries import STATES, require_country
from app.invoicing.parties import Address, Buyer, Evidence, TaxId, TaxIdCheck
from app.kernel import mail_address
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.ids import new_id

_PROFILE, _CHECK = tables.billing_profile, tables.tax_id_check
_AUDIT = metadata.tables[str(AuditEvent.__tablename__)]
MAX_LENGTH: Final = 200
_JOINERS: Final = "\u200c\u200d"  # invisible, and part of the spelling in Persian and in emoji
EVIDENCE_KINDS: Final = ("billing_country", "ip_country", "card_country")


class ProfileNeeded(Conflict):
    """Tax cannot be worked out before the workspace has a billing profile."""

    code = "billing_profile_needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileForm:
    """What a customer fills in. A company is a business; a person is not, whatever tax id is given."""

    kind: Literal["person", "company"]
    name: str = ""
    company: str = ""
    line1: str
    line2: str = ""
    postcode: str = ""
    city: str
    state: str = ""
    country: str
    tax_id: str = ""
    email: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile in force, with the latest word on its tax id."""

    buyer: Buyer
    evidence: tuple[Evidence, ...]
    updated_at: datetime

    @property
    def form(self) -> ProfileForm:
        buyer = self.buyer
        return ProfileForm(
            kind="company" if buyer.is_business else "person",
            name=buyer.name,
            company=buyer.company,
            line1=buyer.address.line1,
            line2=buyer.address.line2,
            postcode=buyer.address.postcode,
            city=buyer.address.city,
            state=buyer.address.state,
            country=buyer.country,
            tax_id=buyer.tax_id.value if buyer.tax_id else "",
            email=buyer.email,
            reference=buyer.reference,
        )


class Profiles:
    """The billing profiles of all workspaces, one each."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def of(self, workspace_id: str) -> Profile | None:
        """The workspace's profile, None before it has one."""
        with self._db.read() as connection:
            return find(connection, workspace_id)

    def save(self, workspace_id: str, form: ProfileForm, *, actor: str, ip_country: str = "") -> Profile:
        """Keep the profile; `InvalidInput` names the field that is wrong. `ip_country` is a piece of evidence."""
        buyer = read_form(workspace_id, form)
        now = self._clock()
        with self._db.write() as connection:
            connection.execute(_begin(connection, workspace_id, buyer, actor, now))
            kept = connection.execute(_row(workspace_id).with_for_update()).mappings().one()
            evidence = _with_evidence(kept["evidence"], "billing_country", buyer.country, now)
            if ip_country:
                evidence = _with_evidence(evidence, "ip_country", ip_country, now)
            buyer = replace(buyer, version=kept["version"] + 1, exempt_reason=_still_exempt(kept["details"], buyer))
            values = _values(buyer, evidence, actor, now)
            connection.execute(update(_PROFILE).where(_PROFILE.c.workspace_id == workspace_id).values(**values))
            return require(connection, workspace_id)

    def exempt(self, workspace_id: str, reason: str, *, actor: str) -> None:
        """An operator accepts (or, with an empty reason, no longer accepts) that this buyer is exempt from tax."""
        with self._db.write() as connection:
            profile = require(connection, workspace_id)
            buyer = replace(profile.buyer, exempt_reason=reason.strip(), version=profile.buyer.version + 1)
            evidence = connection.execute(_row(workspace_id)).mappings().one()["evidence"]
            connection.execute(
                update(_PROFILE)
                .where(_PROFILE.c.workspace_id == workspace_id)
                .values(**_values(buyer, evidence, actor, self._clock()))
            )
            action = "billing.exempted" if buyer.exempt_reason else "billing.exemption_ended"
            self._note(connection, action, workspace_id, buyer.exempt_reason, actor)

    def record_check(self, workspace_id: str, check: TaxIdCheck, tax_id: str, *, actor: str) -> None:
        """Keep what an authority, or an operator who asked it, said of a tax id."""
        with self._db.write() as connection:
            connection.execute(
                insert(_CHECK).values(
                    workspace_id=workspace_id,
                    tax_id=tax_id,
                    source=check.source,
                    result=check.result,
                    request_id=check.request_id,
                    name=check.name,
                    address=check.address,
                    actor=actor,
                    checked_at=datetime.fromisoformat(check.checked_at),
                )
            )
            if check.source == "manual":
                word = "confirmed" if check.result == "valid" else "rejected"
                said = f"{tax_id}, {check.request_id}"
                self._note(connection, f"billing.tax_id_{word}", workspace_id, said, actor)

    def _note(self, connection: Connection, action: str, workspace_id: str, detail: str, actor: str) -> None:
        note = {"actor_id": actor, "action": action, "subject": workspace_id, "detail": detail}
        connection.execute(insert(_AUDIT).values(id=new_id("evt"), created_at=self._clock(), **note))


def note_evidence(connection: Connection, workspace_id: str, kind: str, country: str, now: datetime) -> None:
    """Where a card was issued, for the next order, in the caller's transaction; nothing to do without a profile."""
    row = connection.execute(_row(workspace_id).with_for_update()).mappings().first()
    if row is not None:
        evidence = _with_evidence(row["evidence"], kind, country, now)
        connection.execute(update(_PROFILE).where(_PROFILE.c.workspace_id == workspace_id).values(evidence=evidence))


def find(connection: Connection, workspace_id: str) -> Profile | None:
    """The profile with the newest check of its tax id, in the caller's transaction."""
    row = connection.execute(_row(workspace_id)).mappings().first()
    if row is None:
        return None
    buyer = Buyer.from_json(row["details"])
    if buyer.tax_id is not None:
        buyer = replace(buyer, tax_id=_checked(connection, workspace_id, buyer.tax_id))
    evidence = tuple(Evidence(each["kind"], each["country"]) for each in row["evidence"])
    return Profile(buyer, evidence, row["updated_at"])


def require(connection: Connection, workspace_id: str) -> Profile:
    """`find`, or `ProfileNeeded`."""
    found = find(connection, workspace_id)
    if found is None:
        raise ProfileNeeded("Fill in the billing profile first: the tax depends on it.")
    return found


def read_form(workspace_id: str, form: ProfileForm) -> Buyer:
    """The buyer a form describes; `InvalidInput` with the `param` that is wrong."""
    given = {name: _tidy(name, str(getattr(form, name))) for name in ProfileForm.__dataclass_fields__}
    business = given["kind"] == "company"
    required = {"company" if business else "name": "the name", "line1": "the street", "city": "the city"}
    for param, what in required.items():
        if not given[param]:
            raise InvalidInput(f"An invoice needs {what}.", param=param)
    country, state = given["country"].upper(), given["state"].upper()
    require_country(country, state)
    if country in STATES and not state:
        raise InvalidInput("Choose the state or province: the tax depends on it.", param="state")
    tax_id = tax_ids.read(given["tax_id"], country) if given["tax_id"] else None
    if tax_id is not None and not tax_id.syntax_ok:
        label = tax_ids.form_of(country).label
        raise InvalidInput(
            f"This is not a valid {label} of the country. Leave it empty if there is none.", param="tax_id"
        )
    if given["email"] and not _is_email(given["email"]):
        raise InvalidInput("This is not an e-mail address.", param="email")
    address = Address(given["line1"], given["city"], country, given["line2"], given["postcode"], state)
    return Buyer(
        workspace_id=workspace_id,
        name=given["name"],
        address=address,
        company=given["company"] if business else "",
        is_business=business,
        tax_id=tax_id,
        email=given["email"],
        reference=given["reference"],
    )


def _tidy(param: str, value: str) -> str:
    text = " ".join("".join(each if each.isprintable() or each in _JOINERS else " " for each in value).split())
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"At most {MAX_LENGTH} characters, please.", param=param)
    return text


def _is_email(text: str) -> bool:
    return "." in text.partition("@")[2] and mail_address.is_one(text)


def _with_evidence(kept: list[dict[str, str]], kind: str, country: str, now: datetime) -> list[dict[str, str]]:
    if kind not in EVIDENCE_KINDS:
        raise ValueError(f"unknown kind of evidence {kind!r}")
    return [*(each for each in kept if each["kind"] != kind), {"kind": kind, "country": country, "at": now.isoformat()}]


def _values(buyer: Buyer, evidence: list[dict[str, str]], actor: str, now: datetime) -> dict[str, Any]:
    unchecked = replace(buyer, tax_id=replace(buyer.tax_id, check=None)) if buyer.tax_id else buyer
    return {
        "version": buyer.version,
        "title": buyer.title,
        "country": buyer.country,
        "tax_id": buyer.tax_id.value if buyer.tax_id else None,
        "details": unchecked.to_json(),
        "evidence": evidence,
        "updated_by": actor,
        "updated_at": now,
    }


def _still_exempt(before: dict[str, Any], buyer: Buyer) -> str:
    """The buyer's own edit leaves standing what an operator accepted, as long as it is the same buyer."""
    kept = Buyer.from_json(before)
    return kept.exempt_reason if _identity(kept) == _identity(buyer) else ""


def _identity(buyer: Buyer) -> tuple[object, ...]:
    tax_id = buyer.tax_id.value if buyer.tax_id else ""
    return buyer.is_business, buyer.title, tax_id, buyer.country, buyer.address.state


def _checked(connection: Connection, workspace_id: str, tax_id: TaxId) -> TaxId:
    """With the newest answer; "unavailable" never takes back an earlier one."""
    rows = connection.execute(
        select(_CHECK)
        .where(_CHECK.c.workspace_id == workspace_id, _CHECK.c.tax_id == tax_id.value)
        .order_by((_CHECK.c.result == "unavailable").asc(), _CHECK.c.id.desc())
        .limit(1)
    )
    row = rows.mappings().first()
    if row is None:
        return tax_id
    check = TaxIdCheck(
        row["source"], row["result"], row["checked_at"].isoformat(), row["request_id"], row["name"], row["address"]
    )
    return replace(tax_id, check=check)


def _begin(connection: Connection, workspace_id: str, buyer: Buyer, actor: str, now: datetime) -> Any:
    """An empty version 0 where there is none, so that two first saves at once meet on the same row."""
    once = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = _values(replace(buyer, version=0), [], actor, now)
    return once(_PROFILE).values(workspace_id=workspace_id, **values).on_conflict_do_nothing()


def _row(workspace_id: str) -> Any:
    return select(_PROFILE).where(_PROFILE.c.workspace_id == workspace_id)
