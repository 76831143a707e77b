"""Which event ids are known, where there is one writer (SQLite).

An index over ids that come in no order rewrites a page of four kilobytes for every event once it has outgrown the
memory; at ten million events that is all the disk does. Here the newest ids are in memory, read from the end of the
events themselves, and are written to `usage_page` very many at a time: a page holds the ids whose hash begins alike,
each as four more bytes of its hash and the five of its event's number. An entry that looks right is checked against the
event, so no two ids are ever taken for one.

All pages are written anew when ids are added to them. So there are two sets of them: the young ones, which are few
bytes, and the old ones, to which the young are added when they have become many. Whoever asks much keeps a `Sieve` of
both, and looks only for what may be there.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from math import isqrt
from typing import Final

import orjson
from sqlalchemy import Connection

from app.kernel import faults
from app.metering.sieve import Sieve

HASHED, NUMBERED = 4, 5
ENTRY: Final = HASHED + NUMBERED
#: So many ids are kept in memory before they are written to the young pages.
MOST_RECENT: Final = 200_000
#: The young pages hold so many at least before they are added to the old ones.
FEWEST_YOUNG: Final = 1_000_000
#: Pages are numbered by how a hash begins; from here on they are the young ones.
YOUNG: Final = 1 << 16
#: Who has looked for so many ids in the pages keeps a sieve, which is read in the time of about as many looks.
SIEVE_AFTER: Final = 20_000

_RECENT = "SELECT id, event_id FROM usage_event WHERE id > ?"
_MARK = "SELECT event FROM usage_mark WHERE name = ?"
_STATE = "SELECT (SELECT event FROM usage_mark WHERE name = 'known'), (SELECT max(id) FROM usage_event)"
_SET_MARK = "INSERT INTO usage_mark (name, event) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET event = excluded.event"
_PAGES = "SELECT prefix, entries FROM usage_page WHERE prefix IN (SELECT value FROM json_each(?))"
_EVERY_PAGE = "SELECT prefix, entries FROM usage_page"
_EVENTS = "SELECT id, event_id, digest FROM usage_event WHERE id IN (SELECT value FROM json_each(?))"
#: SQLite joins bytes as if they were text, and keeps every one of them.
_JOINED = "ON CONFLICT (prefix) DO UPDATE SET entries = CAST(usage_page.entries || excluded.entries AS BLOB)"
_APPEND = "INSERT INTO usage_page (prefix, entries) VALUES (?, ?) " + _JOINED  # noqa: S608
_SETTLE = (
    """INSERT INTO usage_page (prefix, entries)
SELECT prefix - ?1, entries FROM usage_page WHERE prefix >= ?1 ORDER BY prefix """
    + _JOINED
)
_NO_YOUNG = "DELETE FROM usage_page WHERE prefix >= ?"


class Known:
    """The memory of one process. Every method is called inside a write transaction and by one thread at a time."""

    def __init__(self) -> None:
        self._recent: dict[str, int] = {}
        self._seen = 0  # the last event that was read into `_recent`
        self._written = 0  # up to here the pages know
        self._sieve: Sieve | None = None
        self._looked_for = 0  # in the pages, without a sieve

    def digests(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        """The digests of those that are known."""
        self._catch_up(connection)
        recent, numbers, older = self._recent, set[int](), list[str]()
        for each in ids:
            number = recent.get(each)
            if number is None:
                older.append(each)
            else:
                numbers.add(number)
        if self._written:
            numbers |= in_pages(connection, self._sifted(connection, older))
        if not numbers:
            return {}
        wanted = set(ids)
        rows = connection.exec_driver_sql(_EVENTS, (orjson.dumps(list(numbers)).decode(),))
        return {event_id: digest for _, event_id, digest in rows if event_id in wanted}

    @property
    def last(self) -> int:
        """The number of the last event; the next ones are counted on from it."""
        return self._seen

    def add(self, ids: Iterable[str]) -> None:
        """These were written just now, under the numbers after `last`."""
        for number, event_id in enumerate(ids, self._seen + 1):
            self._recent[event_id] = number
            self._seen = number

    def write_pages(self, connection: Connection) -> None:
        """When there are very many recent ids: write them to the young pages; when those are many: add them to the
        old ones."""
        if len(self._recent) < MOST_RECENT:
            return
        self._catch_up(connection)
        pages = append(connection, self._recent.items(), YOUNG)
        connection.exec_driver_sql(_SET_MARK, ("known", self._seen))
        faults.point("metering.pages_written")
        if self._sieve is not None:
            self._sieve.add(pages.items())
        self._recent, self._written = {}, self._seen
        if self._seen - marked(connection, "old") >= max(FEWEST_YOUNG, isqrt(2 * MOST_RECENT * self._seen)):
            connection.exec_driver_sql(_SETTLE, (YOUNG,))
            connection.exec_driver_sql(_NO_YOUNG, (YOUNG,))
            connection.exec_driver_sql(_SET_MARK, ("old", self._seen))
            faults.point("metering.pages_settled")

    def forget(self) -> None:
        """After something went wrong: what is remembered may not have happened."""
        self._recent, self._seen, self._written = {}, 0, 0
        self._sieve, self._looked_for = None, 0

    def _catch_up(self, connection: Connection) -> None:
        """What others wrote since; another process may have written the pages meanwhile."""
        written, last = (int(each or 0) for each in connection.exec_driver_sql(_STATE).one())
        if written != self._written:
            self._recent = {event_id: number for event_id, number in self._recent.items() if number > written}
            self._seen, self._written = max(self._seen, written), written
            self._sieve = None
        if last > self._seen:
            recent = self._recent
            for number, event_id in connection.exec_driver_sql(_RECENT, (self._seen,)):
                recent[event_id] = number
            self._seen = last

    def _sifted(self, connection: Connection, ids: list[str]) -> list[str]:
        """Those that may be in the pages."""
        if self._sieve is None:
            self._looked_for += len(ids)
            if self._looked_for < SIEVE_AFTER:
                return ids
            self._sieve = Sieve(ENTRY)
            self._sieve.add((prefix % YOUNG, entries) for prefix, entries in connection.exec_driver_sql(_EVERY_PAGE))
        return self._sieve.sift(ids, hashed)


def marked(connection: Connection, name: str = "known") -> int:
    """The last event whose id is in the pages, or ("old") in the old ones."""
    return int(connection.exec_driver_sql(_MARK, (name,)).scalar() or 0)


def in_pages(connection: Connection, ids: Sequence[str]) -> set[int]:
    """The numbers of events whose ids look like these."""
    found = set[int]()
    if not ids:
        return found
    hashes = [hashed(each) for each in ids]
    wanted = {prefix for prefix, _ in hashes}
    prefixes = orjson.dumps([*wanted, *(YOUNG + prefix for prefix in wanted)]).decode()
    pages: Mapping[int, bytes] = {row[0]: row[1] for row in connection.exec_driver_sql(_PAGES, (prefixes,))}
    for prefix, rest in hashes:
        for entries in (pages.get(prefix, b""), pages.get(YOUNG + prefix, b"")):
            if rest in entries:
                found.update(_numbers(entries, rest))
    return found


def append(connection: Connection, events: Iterable[tuple[str, int]], onto: int = 0) -> Mapping[int, bytearray]:
    """Write ids to the old pages or onto the `YOUNG`, each with the number of its event; what each page got."""
    pages: dict[int, bytearray] = {}
    for event_id, number in events:
        prefix, rest = hashed(event_id)
        entries = pages.get(prefix)
        if entries is None:
            entries = pages[prefix] = bytearray()
        entries += rest + number.to_bytes(NUMBERED)
    if pages:
        connection.exec_driver_sql(_APPEND, [(onto + prefix, bytes(pages[prefix])) for prefix in sorted(pages)])
    return pages


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
