"""What was spent a day is added up by the database itself, in the statement that finishes a generation.

However a generation is finished, whichever endpoint began it and whichever process ends it, its charge and the sum a
budget looks at are one fact (`spend.py`).
"""

from typing import Final

from app.kernel.guards import Guards

_ADD = """INSERT INTO spend (workspace_id, day, api_key_id, model_id, requests, charged_micros)
VALUES (NEW.workspace_id, {day}, COALESCE(NEW.api_key_id, ''), NEW.model_id, 1, NEW.charged_micros)
ON CONFLICT (workspace_id, day, api_key_id, model_id)
DO UPDATE SET requests = spend.requests + 1, charged_micros = spend.charged_micros + excluded.charged_micros"""

_CHARGED = "NEW.finished_at IS NOT NULL AND NEW.charged_micros > 0"
_ENDS = f"OLD.finished_at IS NULL AND {_CHARGED}"


def _sqlite(name: str, when: str, condition: str) -> str:
    add = _ADD.format(day="substr(NEW.finished_at, 1, 10)")
    return f"CREATE TRIGGER {name} AFTER {when} ON generation WHEN {condition} BEGIN {add}; END"


def _postgres(name: str, when: str, condition: str) -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {when} ON generation FOR EACH ROW WHEN ({condition}) "
        "EXECUTE FUNCTION farebox_spend()"
    )


_TRIGGERS: Final = {
    "generation_spend": ("UPDATE OF finished_at", _ENDS),
    "generation_spent": ("INSERT", _CHARGED),  # history that is put in whole, as the demo's
}

GUARDS: Final = Guards(
    sqlite={name: _sqlite(name, *what) for name, what in _TRIGGERS.items()},
    postgres={name: _postgres(name, *what) for name, what in _TRIGGERS.items()},
    functions=(
        f"""
    CREATE OR REPLACE FUNCTION farebox_spend() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {_ADD.format(day="to_char(NEW.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')")};
        RETURN NULL;
    END $$
    """,
    ),
)
