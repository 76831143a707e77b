"""Which event ids are known, where there is one writer (SQLite).

An index over ids that come in no order rewrites a page of four kilobytes for every event once it has outgrown the
memory; at ten million events that is all the disk does. Here the newest ids are in memory, read from the end of the
events themselves, and are written to `usage_page` very many at a time: a page holds the ids whose hash begins alike,
each as four more bytes of its hash and the five of its event's number. An entry that looks right is checked against the
event, so no two ids are ever taken for one.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import orjson
from sqlalchemy import Connection

HASHED, NUMBERED = 4, 5
ENTRY: Final = HASHED + NUMBERED
#: So many ids are kept in memory before they are written to the pages.
MOST_RECENT: Final = 200_000

_RECENT = "SELECT id, event_id FROM usage_event WHERE id > ?"
_OLDER = "SELECT id, event_id FROM usage_event WHERE id > ? AND id <= ?"
_MARK = "SELECT event FROM usage_mark WHERE name = 'known'"
_SET_MARK = (
    "INSERT INTO usage_mark (name, event) VALUES ('known', ?) ON CONFLICT (name) DO UPDATE SET event = excluded.event"
)
_PAGES = "SELECT prefix, entries FROM usage_page WHERE prefix IN (SELECT value FROM json_each(?))"
_EVENTS = "SELECT id, event_id, digest FROM usage_event WHERE id IN (SELECT value FROM json_each(?))"
#: SQLite joins bytes as if they were text, and keeps every one of them.
_APPEND = """
INSERT INTO usage_page (prefix, entries) VALUES (?, ?)
ON CONFLICT (prefix) DO UPDATE SET entries = CAST(usage_page.entries || excluded.entries AS BLOB)
"""


class Known:
    """The memory of one process. Every method is called inside a write transaction and by one thread at a time."""

    def __init__(self) -> None:
        self._recent: dict[str, int] = {}
        self._seen = 0  # the last event that was read into `_recent`
        self._written = 0  # up to here the pages know

    def digests(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        """The digests of those that are known."""
        self._catch_up(connection)
        numbers = {self._recent[each] for each in ids if each in self._recent}
        if self._written:
            numbers |= in_pages(connection, [each for each in ids if each not in self._recent])
        if not numbers:
            return {}
        wanted = set(ids)
        rows = connection.exec_driver_sql(_EVENTS, (orjson.dumps(list(numbers)).decode(),))
        return {event_id: digest for _, event_id, digest in rows if event_id in wanted}

    def write_pages(self, connection: Connection) -> None:
        """When there are very many recent ids: write them to the pages."""
        if len(self._recent) < MOST_RECENT:
            return
        self._catch_up(connection)
        upto = self._seen
        rows = connection.exec_driver_sql(_OLDER, (self._written, upto))
        append(connection, ((number, event_id) for number, event_id in rows))
        connection.exec_driver_sql(_SET_MARK, (upto,))

    def forget(self) -> None:
        """After something went wrong: what is remembered may not have happened."""
        self._recent, self._seen, self._written = {}, 0, 0

    def _catch_up(self, connection: Connection) -> None:
        """What others (or we) wrote since; another process may have written the pages meanwhile."""
        written = marked(connection)
        if written != self._written:
            self._recent = {event_id: number for event_id, number in self._recent.items() if number > written}
            self._seen, self._written = max(self._seen, written), written
        recent = self._recent
        for number, event_id in connection.exec_driver_sql(_RECENT, (self._seen,)):
            recent[event_id] = number
            self._seen = number


def marked(connection: Connection) -> int:
    """The last event whose id is in the pages."""
    return int(connection.exec_driver_sql(_MARK).scalar() or 0)


def in_pages(connection: Connection, ids: Sequence[str]) -> set[int]:
    """The numbers of events whose ids look like these."""
    hashes = [hashed(each) for each in ids]
    prefixes = orjson.dumps(list({prefix for prefix, _ in hashes})).decode()
    pages: Mapping[int, bytes] = {row[0]: row[1] for row in connection.exec_driver_sql(_PAGES, (prefixes,))}
    found = set[int]()
    for prefix, rest in hashes:
        entries = pages.get(prefix)
        if entries is not None and rest in entries:
            found.update(_numbers(entries, rest))
    return found


def append(connection: Connection, events: Iterable[tuple[int, str]]) -> None:
    """Write ids to the pages: each with the number of its event."""
    pages: dict[int, bytearray] = {}
    for number, event_id in events:
        prefix, rest = hashed(event_id)
        pages.setdefault(prefix, bytearray()).extend(rest + number.to_bytes(NUMBERED))
    rows = [(prefix, bytes(pages[prefix])) for prefix in sorted(pages)]
    if rows:
        connection.exec_driver_sql(_APPEND, rows)


def hashed(event_id: str) -> tuple[int, bytes]:
    """The page of an id, and what stands for it there."""
    digest = blake2b(event_id.encode(), digest_size=2 + HASHED).digest()
    return digest[0] << 8 | digest[1], digest[2:]


def _numbers(entries: bytes, rest: bytes) -> Iterable[int]:
    at = entries.find(rest)
    while at >= 0:
        if at % ENTRY == 0:
            yield int.from_bytes(entries[at + HASHED : at + ENTRY])
        at = entries.find(rest, at + 1)
