"""The statements that read the books for a batch, and lock what the batch will change.

Every wallet of a batch is locked by one statement in the order of its id, so that two processes never wait for each
other in a circle; everything else is read after it, and so sees what the previous holder of the lock committed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, or_, select, union_all

from app.ledger import tables
from app.ledger.journal import Entry
from app.ledger.state import Hold, Lot, Posted, Use, Wallet

wallet, hold, lot, journal, entry, lot_use = (
    tables.wallet.c,
    tables.hold.c,
    tables.lot.c,
    tables.journal.c,
    tables.entry.c,
    tables.lot_use.c,
)

WALLET_COLUMNS = (
    wallet.id,
    wallet.workspace_id,
    wallet.unit,
    wallet.balance,
    wallet.held,
    wallet.owed,
    wallet.credit_limit,
    wallet.frozen,
    wallet.version,
)
HOLDS = select(
    hold.generation_id, hold.wallet_id, hold.amount, hold.captured, hold.state, hold.close_journal_id
).where(hold.generation_id.in_(bindparam("generations", expanding=True)))
LOTS = select(
    lot.id, lot.wallet_id, lot.journal_id, lot.granted, lot.remaining, lot.open, lot.priority, lot.expires_at
)
OPEN_LOTS = LOTS.where(lot.wallet_id.in_(bindparam("wallets", expanding=True)), lot.open)
NAMED_LOTS = LOTS.where(
    or_(lot.id.in_(bindparam("lots", expanding=True)), lot.journal_id.in_(bindparam("journals", expanding=True)))
)
JOURNALS = select(
    journal.id, journal.kind, journal.ref, journal.wallet_id, journal.generation_id, journal.reverses_id
)
JOURNALS_OF_GENERATIONS = JOURNALS.where(journal.generation_id.in_(bindparam("generations", expanding=True)))
JOURNALS_BY_NAME = JOURNALS.where(
    or_(journal.ref.in_(bindparam("refs", expanding=True)), journal.id.in_(bindparam("journals", expanding=True)))
)
ENTRIES = select(entry.journal_id, entry.account, entry.amount, entry.unit).where(
    entry.journal_id.in_(bindparam("journals", expanding=True))
)
USES = (
    select(lot_use.journal_id, lot_use.lot_id, lot_use.amount)
    .where(lot_use.journal_id.in_(bindparam("journals", expanding=True)))
    .order_by(lot_use.id)
)


@cache
def wallets_for_update(by_workspace: bool, by_generation: bool, by_journal: bool) -> Select[Any]:
    """The wallets of these workspaces, of the holds of these generations and of these journals, locked by id.

    The lock is FOR NO KEY UPDATE: foreign keys that only mention a wallet need not wait for it.
    """
    sources = []
    if by_workspace:
        sources.append(select(wallet.id).where(wallet.workspace_id.in_(bindparam("workspaces", expanding=True))))
    if by_generation:
        sources.append(select(hold.wallet_id).where(hold.generation_id.in_(bindparam("generations", expanding=True))))
    if by_journal:
        sources.append(select(journal.wallet_id).where(journal.id.in_(bindparam("journals", expanding=True))))
    ids = union_all(*sources) if len(sources) > 1 else sources[0]
    return select(*WALLET_COLUMNS).where(wallet.id.in_(ids)).order_by(wallet.id).with_for_update(of=tables.wallet, key_share=True)


def padded(values: Collection[Any]) -> list[Any]:
    """The values, the last one repeated up to a power of two: few lengths mean few statements to prepare."""
    listed = list(values)
    size = 1
    while size < len(listed):
        size *= 2
    return listed + listed[-1:] * (size - len(listed))


def lock_wallets(
    connection: Connection, workspaces: Collection[str], generations: Collection[str], journals: Collection[str]
) -> list[Wallet]:
    if not (workspaces or generations or journals):
        return []
    statement = wallets_for_update(bool(workspaces), bool(generations), bool(journals))
    given = {"workspaces": workspaces, "generations": generations, "journals": journals}
    parameters = {name: padded(values) for name, values in given.items() if values}
    return [Wallet._make(row) for row in connection.execute(statement, parameters)]


def read_holds(connection: Connection, generations: Collection[str]) -> list[Hold]:
    if not generations:
        return []
    return [Hold._make(row) for row in connection.execute(HOLDS, {"generations": padded(generations)})]


def read_open_lots(connection: Connection, wallets: Collection[int]) -> list[Lot]:
    if not wallets:
        return []
    return [Lot._make(row) for row in connection.execute(OPEN_LOTS, {"wallets": padded(wallets)})]


def read_named_lots(connection: Connection, lots: Collection[str], journals: Collection[str]) -> list[Lot]:
    """Lots by id, and the lots these journals made; used up and expired ones as well."""
    if not (lots or journals):
        return []
    rows = connection.execute(NAMED_LOTS, {"lots": list(lots), "journals": list(journals)})
    return [Lot._make(row) for row in rows]


def read_journals_of(connection: Connection, generations: Collection[str]) -> list[Posted]:
    if not generations:
        return []
    return _whole(connection, connection.execute(JOURNALS_OF_GENERATIONS, {"generations": list(generations)}))


def read_journals(connection: Connection, refs: Collection[str], journals: Collection[str]) -> list[Posted]:
    """Journals by reference (of whatever kind) or by id."""
    if not (refs or journals):
        return []
    return _whole(connection, connection.execute(JOURNALS_BY_NAME, {"refs": list(refs), "journals": list(journals)}))


def _whole(connection: Connection, heads: Iterable[Any]) -> list[Posted]:
    rows = list(heads)
    ids = [row.id for row in rows]
    if not ids:
        return []
    entries: dict[str, list[Entry]] = defaultdict(list)
    for row in connection.execute(ENTRIES, {"journals": ids}):
        entries[row.journal_id].append(Entry(row.account, row.amount, row.unit))
    uses: dict[str, list[Use]] = defaultdict(list)
    for journal_id, lot_id, micros in connection.execute(USES, {"journals": ids}):
        uses[journal_id].append(Use(lot_id, micros))
    return [Posted._make((*row, tuple(entries[row.id]), tuple(uses[row.id]))) for row in rows]
