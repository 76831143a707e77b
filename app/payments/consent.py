"""What a customer agreed to before a card is kept or charged without them: the sentence, when, from where, by whom.

The sentence is made here and nowhere else, so what is kept is what was shown. Changing its words means a new version,
and a page that still shows the old one is asked to show the new.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, select

from app.kernel.errors import Conflict, InvalidInput
from app.kernel.ids import new_id
from app.kernel.money import plain
from app.kernel.text import t
from app.payments import rows
from app.payments.card_tables import payment_consent
from app.payments.topup_rules import Mode, Rules

SAVE_CARD_WORDING: Final = "save-card-2"
TOPUP_WORDING: Final = "auto-topup-1"
INVOICES_WORDING: Final = "invoices-1"
LONGEST_IP: Final = 64


class Kind(StrEnum):
    SAVE_CARD = "save_card"
    AUTO_TOPUP = "auto_topup"
    INVOICES = "invoices"


@dataclass(frozen=True, slots=True)
class Consent:
    """`wording` is the version of the sentence that was shown and agreed to."""

    wording: str
    given_by: str
    ip: str


@dataclass(frozen=True, slots=True)
class ConsentView:
    id: str
    kind: Kind
    given_by: str
    ip: str
    wording: str
    text: str
    created_at: datetime


def save_card_sentence() -> str:
    """To be shown beside the box for saving a card."""
    return t("payments.consent.save_card")


def invoices_sentence(card: str) -> str:
    """To be shown before invoices are charged to a card by themselves; `card` such as "Visa 4242"."""
    return t("payments.consent.invoices", card=card)


def topup_sentence(rules: Rules, card: str, *, inclusive: bool) -> str:
    """To be shown before automatic top-up is turned on; `card` such as "Visa 4242". `inclusive`: prices include tax."""
    told = {
        "threshold": plain(rules.threshold.amount),
        "card": card,
        "month_cap": str(rules.month_cap),
        "most_per_day": rules.most_per_day,
    }
    if rules.mode is Mode.FIXED:
        name = "topup_fixed_inclusive" if inclusive else "topup_fixed"
        sentence = t(f"payments.consent.{name}", amount=str(rules.amount), **told)
    else:
        refill_to = plain(rules.refill_to.amount) if rules.refill_to else ""
        sentence = t("payments.consent.topup_refill", refill_to=refill_to, **told)
    if rules.charge_cap is not None:
        sentence = f"{sentence} {t('payments.consent.charge_cap', charge_cap=str(rules.charge_cap))}"
    return sentence


def check(consent: Consent, wording: str) -> None:
    """Whether this very sentence was agreed to."""
    if not consent.wording:
        raise InvalidInput("Please agree first.", param="consent", code="consent_needed")
    if consent.wording != wording:
        raise Conflict("This agreement was reworded meanwhile: please read it again.", code="consent_changed")


def keep(
    connection: Connection,
    workspace_id: str,
    kind: Kind,
    consent: Consent,
    text: str,
    now: datetime,
    *,
    ref: str | None = None,
    **detail: Any,
) -> str:
    """Write it down in the caller's transaction, once per `ref`; the consent's id."""
    consent_id = new_id("con")
    row = {
        "id": consent_id,
        "workspace_id": workspace_id,
        "kind": str(kind),
        "ref": ref or consent_id,
        "given_by": consent.given_by,
        "ip": consent.ip[:LONGEST_IP],
        "wording": consent.wording,
        "text": text,
        "detail": detail,
        "created_at": now,
    }
    rows.insert_once(connection, payment_consent, row, "kind", "ref")
    return consent_id


def of_workspace(connection: Connection, workspace_id: str) -> list[ConsentView]:
    """Everything a workspace agreed to, the newest first."""
    kept = payment_consent
    query = select(kept).where(kept.c.workspace_id == workspace_id).order_by(kept.c.created_at.desc(), kept.c.id.desc())
    return [
        ConsentView(row.id, Kind(row.kind), row.given_by, row.ip, row.wording, row.text, row.created_at)
        for row in connection.execute(query)
    ]
