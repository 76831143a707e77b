"""What the database itself refuses: an issued invoice changes no more, and a series counts up by one."""

from typing import Final

from app.kernel.guards import Guards, append_only

APPEND_ONLY: Final = ("invoice", "invoice_line", "invoice_file", "legal_entity_version", "tax_id_check")

_COUNTS = "a series of invoice numbers only counts up by one"
_KEY = ("entity_id", "kind", "year", "is_test", "prefix")


def _may_change(differs: str) -> str:
    same = " AND ".join(f"NOT (NEW.{column} {differs} OLD.{column})" for column in _KEY)
    return f"NEW.next = OLD.next + 1 AND NEW.last_issued_on >= OLD.last_issued_on AND {same}"


_FUNCTION = f"""
CREATE OR REPLACE FUNCTION farebox_series_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{_COUNTS}' USING ERRCODE = 'restrict_violation';
END $$
"""

_SERIES: Final = Guards(
    sqlite={
        "invoice_series_counts": (
            "CREATE TRIGGER invoice_series_counts BEFORE UPDATE ON invoice_series "
            f"WHEN NOT ({_may_change('IS NOT')}) BEGIN SELECT RAISE(ABORT, '{_COUNTS}'); END"
        ),
        "invoice_series_no_delete": (
            "CREATE TRIGGER invoice_series_no_delete BEFORE DELETE ON invoice_series "
            f"BEGIN SELECT RAISE(ABORT, '{_COUNTS}'); END"
        ),
    },
    postgres={
        "invoice_series_counts": (
            "CREATE TRIGGER invoice_series_counts BEFORE UPDATE ON invoice_series FOR EACH ROW "
            f"WHEN (NOT ({_may_change('IS DISTINCT FROM')})) EXECUTE FUNCTION farebox_series_counts()"
        ),
        "invoice_series_no_delete": (
            "CREATE TRIGGER invoice_series_no_delete BEFORE DELETE ON invoice_series "
            "FOR EACH ROW EXECUTE FUNCTION farebox_series_counts()"
        ),
        "invoice_series_no_truncate": (
            "CREATE TRIGGER invoice_series_no_truncate BEFORE TRUNCATE ON invoice_series "
            "FOR EACH STATEMENT EXECUTE FUNCTION farebox_series_counts()"
        ),
    },
    functions=(_FUNCTION,),
)

GUARDS: Final = append_only(APPEND_ONLY) + _SERIES
