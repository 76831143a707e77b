"""Rules the database itself keeps, whoever writes to it: what is history stays as it was written, and what was decided
is decided once. The migrations put the triggers in place (`kernel/guards.py`).
"""

from collections.abc import Sequence
from typing import Final

from app.kernel.guards import Guards, append_only

#: Tables whose rows are written once.
APPEND_ONLY: Final = (
    "journal",
    "entry",
    "lot_use",
    "seal",
    "model_version",
    "cost_profile",
    "audit_event",
    "generation_event",
)

_JOURNAL_BALANCES = Guards(
    sqlite={},  # no deferred triggers there: the audit says it
    postgres={
        "entry_balances": (
            "CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION farebox_journal_balances()"
        )
    },
    functions=(
        """
    CREATE OR REPLACE FUNCTION farebox_journal_balances() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM entry WHERE journal_id = NEW.journal_id GROUP BY unit HAVING sum(amount) <> 0) THEN
            RAISE EXCEPTION 'journal % does not balance', NEW.journal_id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    ),
)


def _once(table: str, verb: str, change: str, frozen: Sequence[str], refusal: str) -> Guards:
    """Rows of `table` change once, as `change` allows, in all but their `frozen` columns, and stay."""
    function = f"farebox_{table}_{verb}_once"

    def allowed(differs: str) -> str:
        return " AND ".join([change, *(f"NOT (NEW.{column} {differs} OLD.{column})" for column in frozen)])

    refuse = f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
    once, no_delete, no_truncate = f"{table}_{verb}_once", f"{table}_no_delete", f"{table}_no_truncate"
    return Guards(
        sqlite={
            once: f"CREATE TRIGGER {once} BEFORE UPDATE ON {table} WHEN NOT ({allowed('IS NOT')}) {refuse}",
            no_delete: f"CREATE TRIGGER {no_delete} BEFORE DELETE ON {table} {refuse}",
        },
        postgres={
            once: (
                f"CREATE TRIGGER {once} BEFORE UPDATE ON {table} FOR EACH ROW "
                f"WHEN (NOT ({allowed('IS DISTINCT FROM')})) EXECUTE FUNCTION {function}()"
            ),
            no_delete: (
                f"CREATE TRIGGER {no_delete} BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
            ),
            no_truncate: (
                f"CREATE TRIGGER {no_truncate} BEFORE TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            ),
        },
        functions=(
            f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN RAISE EXCEPTION '{refusal}' USING ERRCODE = 'restrict_violation'; END $$",
        ),
    )


_CLOSES = "OLD.state = 0 AND NEW.state IN (1, 2)"

GUARDS: Final = (
    append_only(APPEND_ONLY)
    + _JOURNAL_BALANCES
    + _once(
        "hold",
        "closes",
        _CLOSES,
        ("generation_id", "wallet_id", "amount", "created_at", "deadline_at"),
        "a hold only closes, once, and nothing else of it changes",
    )
    + _once(
        "set_aside",
        "closes",
        _CLOSES,
        ("ref", "wallet_id", "lot_id", "reason", "asked", "amount", "journal_id", "created_at"),
        "a set-aside only closes, once, and nothing else of it changes",
    )
    + _once(
        "wallet_freeze",
        "lifts",
        "OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL",
        ("id", "wallet_id", "reason", "ref", "actor", "created_at"),
        "a freeze is only lifted, once, and nothing else of it changes",
    )
)
