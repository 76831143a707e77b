"""Databases with the seed catalogue already in them: publishing it takes seconds, copying it does not."""

import os

from sqlalchemy import update

from app.catalogue.seed import seed_catalogue
from app.catalogue.tables import ProviderRow
from app.kernel.db import Database, metadata
from app.kernel.secrets import Vault, new_vault_key

PROVIDER = metadata.tables[str(ProviderRow.__tablename__)]
#: The templates' provider keys are sealed with this key; a house over a copy must use it.
SECRET_KEY = os.environ.setdefault("TESTS_SECRET_KEY", new_vault_key())  # a server of ours is given the same
#: An attempt whose answer was lost is looked for and given up within seconds instead of hours.
HASTE = {"submit_timeout_seconds": 1, "unknown_deadline_seconds": 4}


def seed(url: str, sandbox_url: str) -> None:
    """Put the catalogue into an empty migrated database, its providers at this sandbox and in a hurry."""
    database = Database(url)
    seed_catalogue(database, Vault([SECRET_KEY]), sandbox_url=sandbox_url)
    with database.write() as connection:
        for row in connection.execute(PROVIDER.select()).mappings().all():
            changed = update(PROVIDER).where(PROVIDER.c.id == row["id"]).values(settings={**row["settings"], **HASTE})
            connection.execute(changed)
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
