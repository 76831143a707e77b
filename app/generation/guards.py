"""What the database itself writes down in the statement that finishes a generation: what was spent a day, and that its
usage has to be told.

However a generation is finished, whichever endpoint began it and whichever process ends it, its charge, the sum a
budget looks at (`spend.py`) and the promise of a usage event (`emitting.py`) are one fact.
"""

from typing import Final

from app.kernel.guards import Guards

_ADD = """INSERT INTO spend (workspace_id, day, api_key_id, model_id, requests, charged_micros)
VALUES (NEW.workspace_id, {day}, COALESCE(NEW.api_key_id, ''), NEW.model_id, 1, NEW.charged_micros)
ON CONFLICT (workspace_id, day, api_key_id, model_id)
DO UPDATE SET requests = spend.requests + 1, charged_micros = spend.charged_micros + excluded.charged_micros"""

_CHARGED = "NEW.finished_at IS NOT NULL AND NEW.charged_micros > 0"
_ENDS = f"OLD.finished_at IS NULL AND {_CHARGED}"


_DUE = "INSERT INTO usage_due (generation_id) VALUES (NEW.id) ON CONFLICT DO NOTHING"
_SETTLED = "NEW.finished_at IS NOT NULL AND NEW.state = 'settled'"
_SETTLES = f"OLD.finished_at IS NULL AND {_SETTLED}"


def _sqlite(name: str, what: str, when: str, condition: str) -> str:
    return f"CREATE TRIGGER {name} AFTER {when} ON generation WHEN {condition} BEGIN {what}; END"


def _postgres(name: str, function: str, when: str, condition: str) -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {when} ON generation FOR EACH ROW WHEN ({condition}) "
        f"EXECUTE FUNCTION {function}()"
    )


_TRIGGERS: Final = {
    "generation_spend": ("spend", "UPDATE OF finished_at", _ENDS),
    "generation_spent": ("spend", "INSERT", _CHARGED),  # history that is put in whole, as the demo's
    "generation_settles": ("due", "UPDATE OF finished_at", _SETTLES),
    "generation_settled": ("due", "INSERT", _SETTLED),
}
_IN_SQLITE: Final = {"spend": _ADD.format(day="substr(NEW.finished_at, 1, 10)"), "due": _DUE}
_IN_POSTGRES: Final = {"spend": "farebox_spend", "due": "farebox_usage_due"}

GUARDS: Final = Guards(
    sqlite={name: _sqlite(name, _IN_SQLITE[what], *when) for name, (what, *when) in _TRIGGERS.items()},
    postgres={name: _postgres(name, _IN_POSTGRES[what], *when) for name, (what, *when) in _TRIGGERS.items()},
    functions=(
        f"""
    CREATE OR REPLACE FUNCTION farebox_spend() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {_ADD.format(day="to_char(NEW.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')")};
        RETURN NULL;
    END $$
    """,
        f"""
    CREATE OR REPLACE FUNCTION farebox_usage_due() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {_DUE};
        RETURN NULL;
    END $$
    """,
    ),
)
