"""What was agreed on an order stays as it was written, and its log only grows: kept by the database itself."""

from typing import Final

from app.kernel.guards import Guards, append_only
from app.payments.tables import FROZEN_ON_ORDER

APPEND_ONLY: Final = ("order_event", "payment", "manual_receipt", "manual_approval", "credit_package_version",
                      "terms_version", "redemption_claim", "payment_consent")  # fmt: skip

_SAYS = "what was agreed on an order never changes: cancel it and make another"

_FUNCTION = f"""
CREATE OR REPLACE FUNCTION farebox_order_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{_SAYS}' USING ERRCODE = 'restrict_violation';
END $$
"""


def _changed(distinct: str) -> str:
    return " OR ".join(f"NEW.{column} {distinct} OLD.{column}" for column in FROZEN_ON_ORDER)


_FROZEN: Final = Guards(
    sqlite={
        "order_frozen": (
            f"CREATE TRIGGER order_frozen BEFORE UPDATE ON payment_order WHEN {_changed('IS NOT')} "
            f"BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
        ),
        "order_no_delete": (
            f"CREATE TRIGGER order_no_delete BEFORE DELETE ON payment_order BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
        ),
    },
    postgres={
        "order_frozen": (
            "CREATE TRIGGER order_frozen BEFORE UPDATE ON payment_order FOR EACH ROW "
            f"WHEN ({_changed('IS DISTINCT FROM')}) EXECUTE FUNCTION farebox_order_frozen()"
        ),
        "order_no_delete": (
            "CREATE TRIGGER order_no_delete BEFORE DELETE ON payment_order "
            "FOR EACH ROW EXECUTE FUNCTION farebox_order_frozen()"
        ),
        "order_no_truncate": (
            "CREATE TRIGGER order_no_truncate BEFORE TRUNCATE ON payment_order "
            "FOR EACH STATEMENT EXECUTE FUNCTION farebox_order_frozen()"
        ),
    },
    functions=(_FUNCTION,),
)

GUARDS: Final = append_only(APPEND_ONLY) + _FROZEN
