"""The books. Plain tables, because the lane writes them with prepared Core statements; amounts are integers.

Customer accounts are in micro-credits (or the wallet's unit), upstream cost in micro-USD; every journal sums to zero
per unit. `journal`, `entry`, `lot_use` and `seal` are append-only; a hold and a set-aside move only from open to
closed, and a freeze is only lifted: `guards.py` puts that into the database itself.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)

from app.kernel.db import BigKey, Json, UtcDateTime, metadata

OPEN, CAPTURED, RELEASED = 0, 1, 2  # hold.state
SET_ASIDE, GIVEN_BACK, TAKEN_BACK = 0, 1, 2  # set_aside.state

wallet = Table(
    "wallet",
    metadata,
    Column("id", BigKey, primary_key=True),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("unit", String, nullable=False),
    Column("balance", BigInteger, nullable=False),  # = sum of its lots' remaining
    Column("held", BigInteger, nullable=False),  # = sum of its open holds
    Column("owed", BigInteger, nullable=False),  # used on credit and not yet paid
    Column("credit_limit", BigInteger, nullable=False),
    Column("frozen", Boolean, nullable=False),  # = a freeze of it is in force
    Column("version", BigInteger, nullable=False),
    Column("debt", BigInteger, nullable=False, server_default=text("0")),  # used, though its payment was taken back
    UniqueConstraint("workspace_id", "unit"),
    CheckConstraint("balance >= 0 AND held >= 0 AND owed >= 0 AND credit_limit >= 0", name="wallet_not_negative"),
    CheckConstraint("debt >= 0", name="wallet_debt_not_negative"),
    postgresql_with={"fillfactor": "50"},
)

journal = Table(
    "journal",
    metadata,
    Column("id", String, primary_key=True),  # jrn_…
    Column("kind", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("wallet_id", BigInteger, ForeignKey("wallet.id")),
    Column("generation_id", String),
    Column("reverses_id", String, ForeignKey("journal.id")),
    Column("actor", String, nullable=False),
    Column("memo", Json),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("kind", "ref"),
    Index("journal_by_wallet", "wallet_id", "created_at"),
    Index("journal_by_generation", "generation_id"),
    Index(
        "journal_reversed_once",
        "reverses_id",
        unique=True,
        sqlite_where=text("reverses_id IS NOT NULL"),
        postgresql_where=text("reverses_id IS NOT NULL"),
    ),
)

entry = Table(
    "entry",
    metadata,
    Column("journal_id", String, ForeignKey("journal.id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("account", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("balance_after", BigInteger),  # of the wallet, on its own legs
    Column("wallet_version", BigInteger),
    CheckConstraint("amount <> 0", name="entry_not_zero"),
    Index("entry_by_account", "account", "journal_id"),
    Index(
        "entry_wallet_version",
        "account",
        "wallet_version",
        unique=True,
        sqlite_where=text("wallet_version IS NOT NULL"),
        postgresql_where=text("wallet_version IS NOT NULL"),
    ),
)

hold = Table(
    "hold",
    metadata,
    Column("generation_id", String, primary_key=True),
    Column("wallet_id", BigInteger, ForeignKey("wallet.id"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("deadline_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("close_journal_id", String, ForeignKey("journal.id")),
    CheckConstraint("amount >= 0 AND captured >= 0", name="hold_not_negative"),
    Index("hold_by_wallet", "wallet_id", "created_at"),
    Index("hold_open_by_deadline", "deadline_at", sqlite_where=text("state = 0"), postgresql_where=text("state = 0")),
)

lot = Table(
    "lot",
    metadata,
    Column("id", String, primary_key=True),  # lot_…
    Column("wallet_id", BigInteger, ForeignKey("wallet.id"), nullable=False),
    Column("journal_id", String, ForeignKey("journal.id"), nullable=False, unique=True),
    Column("kind", String, nullable=False),  # paid | promo | plan | correction
    Column("label", String, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),  # flips once, so updates of `remaining` stay heap-only on PostgreSQL
    Column("priority", Integer, nullable=False),  # lower is used first
    Column("expires_at", UtcDateTime),
    Column("cost_basis_micros", BigInteger),  # paid for the whole lot, None when it was a gift
    Column("created_at", UtcDateTime, nullable=False),
    Column("cost_basis_unit", String),  # the currency of it; None is USD
    CheckConstraint("remaining >= 0 AND remaining <= granted", name="lot_within_grant"),
    Index(
        "lot_open_by_wallet",
        "wallet_id",
        "priority",
        "expires_at",
        "id",
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
    Index("lot_open_by_end", "expires_at", sqlite_where=text("open"), postgresql_where=text("open")),
    postgresql_with={"fillfactor": "50"},
)

lot_use = Table(
    "lot_use",
    metadata,
    Column("journal_id", String, ForeignKey("journal.id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("lot_id", String, ForeignKey("lot.id"), nullable=False),
    Column("amount", BigInteger, nullable=False),  # < 0 gives back
    CheckConstraint("amount <> 0", name="lot_use_not_zero"),
    Index("lot_use_by_lot", "lot_id"),
)

#: Credits of one lot that are out of the balance while it is decided whether their payment goes back.
set_aside = Table(
    "set_aside",
    metadata,
    Column("ref", String, primary_key=True),  # the refund's or the dispute's own id
    Column("wallet_id", BigInteger, ForeignKey("wallet.id"), nullable=False),
    Column("lot_id", String, ForeignKey("lot.id"), nullable=False),
    Column("reason", String, nullable=False),  # refund | dispute
    Column("asked", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),  # what could be set aside of it
    Column("state", SmallInteger, nullable=False),
    Column("shortfall", BigInteger, nullable=False),  # taken back beyond `amount`, as debt
    Column("journal_id", String, ForeignKey("journal.id")),  # None when nothing could be set aside
    Column("created_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("close_journal_id", String, ForeignKey("journal.id")),
    CheckConstraint("amount >= 0 AND amount <= asked AND shortfall >= 0", name="set_aside_within_asked"),
    Index("set_aside_by_lot", "lot_id"),
    Index("set_aside_open", "wallet_id", sqlite_where=text("state = 0"), postgresql_where=text("state = 0")),
)

#: Why a wallet is frozen. A row is in force until it is lifted.
freeze = Table(
    "wallet_freeze",
    metadata,
    Column("id", String, primary_key=True),  # frz_…
    Column("wallet_id", BigInteger, ForeignKey("wallet.id"), nullable=False),
    Column("reason", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("lifted_at", UtcDateTime),
    Column("lifted_by", String),
    Index(
        "wallet_freeze_once",
        "wallet_id",
        "reason",
        "ref",
        unique=True,
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
)

#: One row a day: the journals up to a moment, as a figure that cannot be made again from others. `seal.py`
seal = Table(
    "seal",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1, without a gap
    Column("until", UtcDateTime, nullable=False),  # journals created before this
    Column("last_id", String, nullable=False),  # the last of them, in their order; empty for none
    Column("journals", BigInteger, nullable=False),  # how many this seal adds
    Column("root", String, nullable=False),
    Column("previous", String, nullable=False),
    Column("sealed_at", UtcDateTime, nullable=False),
)
