"""Make a price live: publish a draft, bring an old version back, open a model to customers.

Each takes an `Assessment` made beforehand, so that the arithmetic over thousands of combinations happens outside the
write transaction, and refuses one that is no longer true (`assessment_stale`; the caller assesses again).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session, col, select

from app.catalogue.assess import Assessment, Change, assess
from app.catalogue.drafts import draft_of_version
from app.catalogue.records import locked_model, record, touch
from app.catalogue.tables import Model, ModelVersion, ProviderRow, Route
from app.kernel.errors import Conflict, InvalidInput, NotFound, Rejected
from app.kernel.ids import new_id

MAX_NOTE = 500
#: Changed combinations kept with a version; the rest can always be computed again from the two versions.
MAX_DIFF = 500
#: Combinations named in a refusal; `details["count"]` has the whole number.
MAX_NAMED = 50


@dataclass(frozen=True, slots=True)
class Publication:
    """What went live."""

    version_id: str
    number: int


def publish(
    session: Session,
    assessed: Assessment,
    note: str,
    author: str,
    moment: datetime,
    *,
    sign_off: Collection[str] = (),
    restores_number: int | None = None,
) -> Publication:
    """Write the assessed draft down as the next version and make it live. Running requests keep their own version.

    Raises Conflict `version_stale` (somebody published meanwhile), `draft_unchanged`, `unpriced_combination`;
    Rejected `sign_off_needed` unless `sign_off` names exactly the combinations that lose money.
    """
    text = _note(note)
    model = _fresh(session, assessed)
    if assessed.base_number != assessed.live_number:
        raise Conflict(
            f"Version {assessed.live_number} was published since this draft was begun from version "
            f"{assessed.base_number}. Look at it, then publish again.",
            code="version_stale",
            live_number=assessed.live_number,
        )
    if assessed.is_unchanged:
        raise Conflict(f"Nothing differs from version {assessed.live_number}.", code="draft_unchanged")
    _require_priced(assessed)
    _require_sign_off(assessed.losses, sign_off, exactly=True)
    version = _version(assessed, text, author, moment, restores_number)
    if assessed.losses:
        version.sign_off = {"by": author, "at": moment.isoformat(), "combinations": sorted(sign_off)}
    session.add(version)
    session.flush()
    model.live_version_id = version.id
    model.draft = None
    touch(session, model, moment)
    record(session, author, "model.published", model.id, _summary(assessed, version), moment)
    return Publication(version.id, version.number)


def assess_restored(
    session: Session, model_id: str, number: int, credit_value: Decimal, moment: datetime
) -> Assessment:
    """The assessment of publishing version `number` again, on top of whatever is live now."""
    model = session.get(Model, model_id)
    old = session.exec(
        select(ModelVersion).where(ModelVersion.model_id == model_id, ModelVersion.number == number)
    ).first()
    if model is None or old is None:
        raise NotFound(f"There is no version {number} to bring back.", code="version_not_found")
    live = session.get(ModelVersion, model.live_version_id) if model.live_version_id else None
    return assess(session, model_id, draft_of_version(old, live.number if live else 0), credit_value, moment)


def enable(
    session: Session, assessed: Assessment, actor: str, moment: datetime, *, sign_off: Collection[str] = ()
) -> None:
    """Open the model to customers at its live version, which `assessed` is about.

    Raises Conflict `not_published`, `unpriced_combination`, `no_route` (none enabled at an enabled provider with a
    key); Rejected `sign_off_needed` for a loss that neither the version's sign-off nor `sign_off` covers.
    """
    model = _fresh(session, assessed)
    live = session.get(ModelVersion, model.live_version_id) if model.live_version_id else None
    if live is None:
        raise Conflict("Publish a price first.", code="not_published")
    _require_priced(assessed)
    _require_route(session, model)
    signed = {*(live.sign_off or {}).get("combinations", ()), *sign_off}
    _require_sign_off(assessed.losses, signed, exactly=False)
    if model.enabled:
        return
    model.enabled = True
    touch(session, model, moment)
    accepted = f"; loss accepted: {', '.join(sorted(sign_off))}" if sign_off else ""
    record(session, actor, "model.enabled", model.id, f"version {live.number}{accepted}", moment)


def versions(session: Session, model_id: str) -> list[ModelVersion]:
    """Every version, the newest first."""
    newest_first = (
        select(ModelVersion).where(ModelVersion.model_id == model_id).order_by(col(ModelVersion.number).desc())
    )
    return list(session.exec(newest_first).all())


def _fresh(session: Session, assessed: Assessment) -> Model:
    model = locked_model(session, assessed.model_id)
    if model.updated_at != assessed.stamp:
        raise Conflict(
            "The model was changed a moment ago. Look at the change, then try again.", code="assessment_stale"
        )
    return model


def _note(note: str) -> str:
    text = note.strip()
    if not text:
        raise InvalidInput("Say in a note what changes and why; it stands in the version list.", param="note")
    if len(text) > MAX_NOTE:
        raise InvalidInput(f"A note has at most {MAX_NOTE} characters.", param="note")
    return text


def _require_priced(assessed: Assessment) -> None:
    unpriced = assessed.unpriced
    if unpriced:
        raise Conflict(
            f"{len(unpriced)} combinations have no price, such as {unpriced[0]}. Every combination needs one.",
            code="unpriced_combination",
            combinations=list(unpriced[:MAX_NAMED]),
            count=len(unpriced),
        )


def _require_sign_off(losses: Collection[Change], sign_off: Collection[str], *, exactly: bool) -> None:
    losing = [change.key for change in losses]
    unsigned = [key for key in losing if key not in sign_off]
    surplus = [key for key in sign_off if key not in losing] if exactly else []
    if not unsigned and not surplus:
        return
    worst = unsigned[0] if unsigned else surplus[0]
    sentence = (
        f"{len(unsigned)} combinations are sold below cost, such as {worst}. Change the price or sign for each of them."
        if unsigned
        else f"{worst} does not lose money. Sign for exactly the combinations that do."
    )
    raise Rejected(sentence, code="sign_off_needed", combinations=losing, unsigned=unsigned, surplus=surplus)


def _require_route(session: Session, model: Model) -> None:
    usable = (
        select(Route.id)
        .join(ProviderRow, col(ProviderRow.id) == col(Route.provider_id))
        .where(Route.model_id == model.id, col(Route.enabled), col(ProviderRow.enabled))
        .where(col(ProviderRow.api_key_sealed).is_not(None))
    )
    if session.exec(usable).first() is None:
        raise Conflict(
            "No provider can serve this model yet: it needs an enabled route at an enabled provider with a key.",
            code="no_route",
        )


def _version(
    assessed: Assessment, note: str, author: str, moment: datetime, restores_number: int | None
) -> ModelVersion:
    changed = [change for change in assessed.changes if change.kind != "unchanged"]
    return ModelVersion(
        id=new_id("ver"),
        model_id=assessed.model_id,
        number=assessed.live_number + 1,
        param_schema=assessed.ready.raw_schema,
        credit_cost_micros=assessed.ready.credit_cost_micros,
        pricing_rule=assessed.ready.rule,
        author=author,
        note=note,
        diff=[change.to_json() for change in changed[:MAX_DIFF]],
        restores_number=restores_number,
        published_at=moment,
    )


def _summary(assessed: Assessment, version: ModelVersion) -> str:
    restored = f", as version {version.restores_number} was" if version.restores_number else ""
    signed = f"; loss accepted: {', '.join(version.sign_off['combinations'])}" if version.sign_off else ""
    counts = f"{assessed.cheaper} cheaper, {assessed.dearer} dearer, {assessed.unchanged} unchanged"
    return f"version {version.number}{restored}: {version.note} ({counts}){signed}"
