"""What the mirror knows: what stands at the remote under which id, how far usage was told, and both sides' amounts.

Nothing else in Farebox refers to these tables. Taking them away would take away the mirror and no credit.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from app.kernel.db import UtcDateTime, metadata

#: The remote itself: one row, "remote". Another address is another remote, and none of the ids here are known there.
mirror_remote = Table(
    "mirror_remote",
    metadata,
    Column("name", String, primary_key=True),
    Column("url", String, nullable=False),
    Column("failures", Integer, nullable=False),  # in a row
    Column("retry_at", UtcDateTime),  # not before
    Column("error", String),
    Column("failed_at", UtcDateTime),
    Column("reached_at", UtcDateTime),  # when it last did what it was asked
    Column("begun_at", UtcDateTime, nullable=False),
)

#: One row for each thing that is, or is to be, at the remote. Usage is told from its own log (`mirror_feed`); only an
#: event that was refused has a row here.
mirror_item = Table(
    "mirror_item",
    metadata,
    Column("kind", String, primary_key=True),  # customer | plan | subscription | event
    Column("our_id", String, primary_key=True),
    Column("remote_id", String),
    Column("state", String, nullable=False),  # waiting | sent | failed
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("error", String),
    Column("seen_at", UtcDateTime),  # of ours: when what was sent had last been changed
    Column("seen_version", BigInteger),  # of ours: its version, or the number of an event
    Column("remote_state", String),  # what the remote says of it
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Index("mirror_item_by_state", "state", "kind", "next_at"),
    Index("mirror_item_by_remote", "kind", "remote_id"),
)

#: How far the log of usage was told. "live" has no end; a backfill and what waited for a customer have one.
mirror_feed = Table(
    "mirror_feed",
    metadata,
    Column("name", String, primary_key=True),  # live | backfill:… | held:{external id of the customer}
    Column("state", String, nullable=False),  # running | held | done
    Column("customer", String),  # only this one's
    Column("since", UtcDateTime),  # only what happened from then on
    Column("after", BigInteger, nullable=False),  # the last event that was told
    Column("upto", BigInteger),
    Column("sent", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Column("actor", String, nullable=False),
)

#: What a period or an invoice comes to, here and there. Exact decimals as text.
mirror_amount = Table(
    "mirror_amount",
    metadata,
    Column("kind", String, primary_key=True),  # period | invoice
    Column("key", String, primary_key=True),  # {subscription}:{start of the period}, or the remote's invoice
    Column("subscription_id", String),
    Column("customer_id", String),
    Column("period_start", UtcDateTime),
    Column("period_end", UtcDateTime),
    Column("currency", String, nullable=False),
    Column("ours", String),
    Column("theirs", String, nullable=False),
    Column("their_currency", String, nullable=False),
    Column("our_invoice", String),
    Column("their_invoice", String),
    Column("remote_state", String),
    Column("checked_at", UtcDateTime, nullable=False),
    Index("mirror_amount_by_subscription", "subscription_id", "period_start"),
    Index("mirror_amount_by_time", "checked_at"),
)

#: What the remote told us, as it came: verified, written down, looked into later.
mirror_hook = Table(
    "mirror_hook",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("body", String, nullable=False),
    Column("state", String, nullable=False),  # waiting | done | ignored | failed
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("outcome", String),
    Column("received_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Index("mirror_hook_by_state", "state", "next_at"),
)
