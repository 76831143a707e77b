"""The statements that read the books for a batch, and lock what the batch will change.

Every wallet of a batch is locked by one statement in the order of its id, so that two processes never wait for each
other in a circle; everything else is read after it, and so sees what the previous holder of the lock committed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, ColumnElement, Connection, Select, and_, any_, bindparam, or_, select, union_all

from app.kernel.together import NOTHING, Query, Together
from app.ledger import tables
from app.ledger.journal import (
    ABSORBED_COST,
    ADJUSTMENT,
    BONUS,
    DEBIT,
    GRANT,
    OWED_PAID,
    OWED_WRITTEN_OFF,
    REVERSAL,
    TOP_UP,
    WRITE_OFF,
    Entry,
)
from app.ledger.state import Aside, Freeze, Hold, Lot, Posted, Use, Wallet

wallet, hold, lot, journal, entry, lot_use, set_aside, freeze = (
    tables.wallet.c,
    tables.hold.c,
    tables.lot.c,
    tables.journal.c,
    tables.entry.c,
    tables.lot_use.c,
    tables.set_aside.c,
    tables.freeze.c,
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
    wallet.debt,
)
#: The kinds that an operation looks for by its reference; the others are found by their generation.
NAMED_BY_REF = (
    GRANT,
    DEBIT,
    ADJUSTMENT,
    ABSORBED_COST,
    REVERSAL,
    TOP_UP,
    BONUS,
    WRITE_OFF,
    OWED_PAID,
    OWED_WRITTEN_OFF,
)

LOT_COLUMNS = (
    lot.id,
    lot.wallet_id,
    lot.journal_id,
    lot.granted,
    lot.remaining,
    lot.open,
    lot.priority,
    lot.expires_at,
    lot.kind,
)
LOTS = select(*LOT_COLUMNS)
JOURNALS = select(journal.id, journal.kind, journal.ref, journal.wallet_id, journal.generation_id, journal.reverses_id)
ASIDES = select(
    set_aside.ref,
    set_aside.wallet_id,
    set_aside.lot_id,
    set_aside.reason,
    set_aside.asked,
    set_aside.amount,
    set_aside.state,
    set_aside.shortfall,
    set_aside.journal_id,
    set_aside.close_journal_id,
)


class _Queries:
    """Every query, in the words of one database: a list is one array on PostgreSQL and an `IN` on SQLite."""

    def __init__(self, arrays: bool) -> None:
        def among(col: ColumnElement[Any], name: str) -> ColumnElement[bool]:
            if arrays:
                return col == any_(bindparam(name, type_=ARRAY(col.type)))
            return col.in_(bindparam(name, expanding=True))

        self.listed = list if arrays else padded
        self._wallet_sources = {
            "workspaces": select(wallet.id).where(among(wallet.workspace_id, "workspaces")),
            "generations": select(hold.wallet_id).where(among(hold.generation_id, "generations")),
            "journals": select(journal.wallet_id).where(among(journal.id, "journals")),
            "asides": select(set_aside.wallet_id).where(among(set_aside.ref, "asides")),
            "lots": select(lot.wallet_id).where(among(lot.id, "lots")),
        }
        self._locks: dict[tuple[str, ...], Query] = {}
        self._lots: dict[tuple[str, ...], Query] = {}
        self.holds = Query(
            select(
                hold.generation_id, hold.wallet_id, hold.amount, hold.captured, hold.state, hold.close_journal_id
            ).where(among(hold.generation_id, "generations"))
        )
        self.named_lots = LOTS.where(or_(among(lot.id, "lots"), among(lot.journal_id, "journals")))
        self.journals_of = JOURNALS.where(among(journal.generation_id, "generations"))
        by_ref = and_(journal.kind.in_(NAMED_BY_REF), among(journal.ref, "refs"))
        self.journals_named = JOURNALS.where(or_(by_ref, among(journal.id, "journals")))
        self.entries = (
            select(entry.journal_id, entry.account, entry.amount, entry.unit)
            .where(among(entry.journal_id, "journals"))
            .order_by(entry.position)
        )
        self.uses = (
            select(lot_use.journal_id, lot_use.lot_id, lot_use.amount)
            .where(among(lot_use.journal_id, "journals"))
            .order_by(lot_use.position)
        )

        self.asides = ASIDES.where(or_(among(set_aside.ref, "asides"), among(set_aside.lot_id, "lots")))
        self.freezes = select(freeze.id, freeze.wallet_id, freeze.reason, freeze.ref).where(
            among(freeze.wallet_id, "wallets"), freeze.lifted_at.is_(None)
        )

    def lock(self, names: tuple[str, ...]) -> Query:
        """The wallets these names lead to, locked by id.

        The lock is FOR NO KEY UPDATE: foreign keys that only mention a wallet need not wait for it.
        """
        if names not in self._locks:
            found = select(*WALLET_COLUMNS).where(wallet.id.in_(self._ids(names))).order_by(wallet.id)
            self._locks[names] = Query(found.with_for_update(of=tables.wallet, key_share=True))
        return self._locks[names]

    def open_lots(self, names: tuple[str, ...]) -> Query:
        """The open lots of the wallets these names lead to."""
        if names not in self._lots:
            self._lots[names] = Query(LOTS.where(lot.wallet_id.in_(self._ids(names)), lot.open))
        return self._lots[names]

    def given(self, by: Mapping[str, Collection[str]]) -> tuple[tuple[str, ...], dict[str, list[str]]]:
        """The names that lead anywhere, and where to."""
        given = {name: self.listed(values) for name, values in by.items() if values}
        return tuple(given), given

    def _ids(self, names: tuple[str, ...]) -> Any:
        sources = [self._wallet_sources[name] for name in names]
        return union_all(*sources) if len(sources) > 1 else sources[0]


def padded(values: Collection[Any]) -> list[Any]:
    """The values, the last one repeated up to a power of two: few lengths mean few statements to prepare."""
    listed = list(values)
    size = 1
    while size < len(listed):
        size *= 2
    return listed + listed[-1:] * (size - len(listed))


_ARRAYS, _LISTS = _Queries(arrays=True), _Queries(arrays=False)


def _queries(connection: Connection) -> _Queries:
    return _ARRAYS if connection.dialect.name == "postgresql" else _LISTS


class Read(NamedTuple):
    """What every batch begins with."""

    wallets: list[Wallet]
    holds: list[Hold]
    lots: list[Lot]


def lock_and_read(
    connection: Connection,
    by: Mapping[str, Collection[str]],
    holds: Collection[str],
    drawn: Mapping[str, Collection[str]],
) -> Read:
    """Lock and read the wallets found `by` workspaces, the holds' generations, journals, asides and lots; then read
    these `holds`, and the open lots of the wallets found by what is `drawn`. One message, on PostgreSQL."""
    queries = _queries(connection)
    with Together(connection) as sent:
        found, locking = queries.given(by)
        wallets = sent.read(queries.lock(found), locking) if found else NOTHING
        held = sent.read(queries.holds, {"generations": queries.listed(holds)}) if holds else NOTHING
        found, drawing = queries.given(drawn)
        lots = sent.read(queries.open_lots(found), drawing) if found else NOTHING
    return Read(
        [Wallet._make(row) for row in wallets.rows],
        [Hold._make(row) for row in held.rows],
        [Lot._make(row) for row in lots.rows],
    )


def read_named_lots(connection: Connection, lots: Collection[str], journals: Collection[str]) -> list[Lot]:
    """Lots by id, and the lots these journals made; used up and expired ones as well."""
    if not (lots or journals):
        return []
    given = {"lots": _some(lots), "journals": _some(journals)}
    rows = connection.execute(_queries(connection).named_lots, given)
    return [Lot._make(row) for row in rows]


def read_asides(connection: Connection, refs: Collection[str], lots: Collection[str]) -> list[Aside]:
    """Set-asides by their own names, and all there ever were of these lots."""
    if not (refs or lots):
        return []
    given = {"asides": _some(refs), "lots": _some(lots)}
    return [Aside._make(row) for row in connection.execute(_queries(connection).asides, given)]


def read_freezes(connection: Connection, wallets: Collection[int]) -> list[Freeze]:
    """Those in force."""
    if not wallets:
        return []
    rows = connection.execute(_queries(connection).freezes, {"wallets": list(wallets)})
    return [Freeze._make(row) for row in rows]


def read_journals_of(connection: Connection, generations: Collection[str]) -> list[Posted]:
    if not generations:
        return []
    return _whole(connection, _queries(connection).journals_of, {"generations": list(generations)})


def read_journals(connection: Connection, refs: Collection[str], journals: Collection[str]) -> list[Posted]:
    """Journals by reference (of the kinds in `NAMED_BY_REF`) or by id."""
    if not (refs or journals):
        return []
    given = {"refs": _some(refs), "journals": _some(journals)}
    return _whole(connection, _queries(connection).journals_named, given)


def _some(values: Collection[str]) -> list[str]:
    """An empty list becomes a subquery on SQLite, which then reads the whole table; a name nothing has does not."""
    return list(values) or [""]


def _whole(connection: Connection, heads: Select[Any], given: dict[str, Any]) -> list[Posted]:
    rows = connection.execute(heads, given).all()
    ids = {"journals": [row.id for row in rows]}
    if not rows:
        return []
    queries = _queries(connection)
    entries: dict[str, list[Entry]] = defaultdict(list)
    for journal_id, account, micros, unit in connection.execute(queries.entries, ids):
        entries[journal_id].append(Entry(account, micros, unit))
    uses: dict[str, list[Use]] = defaultdict(list)
    for journal_id, lot_id, micros in connection.execute(queries.uses, ids):
        uses[journal_id].append(Use(lot_id, micros))
    return [Posted._make((*row, tuple(entries[row.id]), tuple(uses[row.id]))) for row in rows]
