"""What was prepared in one database, in another one as well: preparing it twice would take longer than measuring it."""

from sqlalchemy import func, insert, select, text

from app.kernel.db import Database, metadata

AT_ONCE = 1_000


def copy_rows(source_url: str, target_url: str) -> None:
    """Every row of the tables that are empty in the target, a PostgreSQL; its counters go on after them."""
    source, target = Database(source_url), Database(target_url)
    with source.read() as reading, target.write() as writing:
        for table in metadata.sorted_tables:
            if writing.execute(select(func.count()).select_from(table)).scalar_one():
                continue
            for part in reading.execute(select(table)).mappings().partitions(AT_ONCE):
                writing.execute(insert(table), [dict(row) for row in part])
            key = table.autoincrement_column
            if key is not None:
                counter, last = func.pg_get_serial_sequence(table.name, key.name), func.max(key)
                writing.execute(select(func.setval(counter, func.coalesce(last, 1), last.is_not(None))))
        writing.execute(text("ANALYZE"))
    source.dispose()
    target.dispose()
