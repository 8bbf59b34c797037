"""Checking the chain of the audit (`migrations/0004_audit.sql`), entry by entry.

What a hash covers is put together here and hashed here: the database's own functions are not asked,
for whoever could change an entry could change those too.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from json.encoder import encode_basestring
from typing import Final, NamedTuple

import psycopg

from jieru.errors import UserError

__all__ = [
    "BEGINNING",
    "Entry",
    "Link",
    "check_chain",
    "read_entries",
    "read_head",
    "record_check",
    "verify_audit",
]

_ROWS_AT_ONCE: Final = 5_000

_SELECT_HEAD: Final = "SELECT number, hash FROM audit_head"
# An instant that is no instant gives NULL, and so a content that does not fit its hash.
_SELECT_ENTRIES: Final = """
    SELECT number, CASE WHEN isfinite(changed_at)
                        THEN (extract(epoch FROM changed_at) * 1000000)::bigint END,
           actor, origin, action, record_kind, record_id, platform_id, before::text, after::text,
           previous_hash, hash
    FROM audit_entries ORDER BY number
"""
_INSERT_CHECK: Final = """
    INSERT INTO audit_checks (last_number, last_hash, findings) VALUES (%s, %s, %s)
"""
_ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class Link(NamedTuple):
    """What names one entry for good."""

    number: int
    hash: bytes


BEGINNING: Final = Link(0, hashlib.sha256(b"jieru audit chain, version 1").digest())
"""What the first entry follows."""


class Entry(NamedTuple):
    """One entry as it is stored."""

    number: int
    changed_us: int | None
    """Microseconds since the Unix epoch."""
    actor: str
    origin: str
    action: str
    record_kind: str
    record_id: int
    platform_id: int | None
    before: str | None
    """JSON as the database writes it: in one way only."""
    after: str
    previous_hash: bytes
    hash: bytes

    def computed_hash(self) -> bytes:
        """The hash that its content gives."""
        quoted = [
            encode_basestring(text)
            for text in (self.actor, self.origin, self.action, self.record_kind)
        ]
        parts = (
            self.number,
            self.changed_us,
            *quoted,
            self.record_id,
            "null" if self.platform_id is None else self.platform_id,
            "null" if self.before is None else self.before,
            self.after,
        )
        content = ", ".join(map(str, parts))
        return hashlib.sha256(self.previous_hash + f"[{content}]".encode()).digest()


def verify_audit(
    connection: psycopg.Connection,
    known: Mapping[int, bytes],
    report: Callable[[UserError], None],
) -> Link:
    """Check the audit of a database as it is at one moment; see `check_chain`."""
    with connection.transaction():
        connection.execute(_ONE_MOMENT)
        head = read_head(connection)
        return check_chain(read_entries(connection), head, known, report)


def record_check(connection: psycopg.Connection, last: Link, findings: int) -> None:
    """Keep what a check of the whole chain found, for panels and alerts; the caller commits."""
    connection.execute(_INSERT_CHECK, (*last, findings))


def read_head(connection: psycopg.Connection) -> Link | None:
    """What the database takes for the last entry."""
    row = connection.execute(_SELECT_HEAD).fetchone()
    return Link(*row) if row else None


def read_entries(connection: psycopg.Connection) -> Iterator[Entry]:
    """All entries in their order, some at a time; inside a transaction."""
    with connection.cursor("audit_entries", binary=True) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(_SELECT_ENTRIES)
        yield from map(Entry._make, cursor)


def check_chain(
    entries: Iterable[Entry],
    head: Link | None,
    known: Mapping[int, bytes],
    report: Callable[[UserError], None],
) -> Link:
    """Find every place at which the chain is not whole.

    Args:
        entries: by number.
        head: what the database takes for the last entry; None: nothing.
        known: numbers and hashes of entries that somebody noted earlier.
        report: called with one sentence for each finding, in the order of the entries.

    Returns:
        The last entry there is.
    """
    last = BEGINNING
    # Whoever notes the last entry of an empty audit has noted what all follow.
    unseen = set(known) - {BEGINNING.number}
    if known.get(BEGINNING.number, BEGINNING.hash) != BEGINNING.hash:
        report(_not_as_noted(BEGINNING.number))
    for entry in entries:
        if entry.number != last.number + 1:
            report(_missing(last.number + 1, entry.number - 1))
        elif entry.previous_hash != last.hash:
            report(
                UserError(
                    "Entry {number} does not follow the one before it: one of them was replaced.",
                    number=entry.number,
                )
            )
        if entry.computed_hash() != entry.hash:
            report(
                UserError(
                    "Entry {number} was changed: its content does not give its hash.",
                    number=entry.number,
                )
            )
        if entry.number in unseen:
            unseen.remove(entry.number)
            if known[entry.number] != entry.hash:
                report(_not_as_noted(entry.number))
        last = Link(entry.number, entry.hash)
    _check_end(last, head, report)
    for number in sorted(unseen):
        report(UserError("Entry {number}, which was noted, is not there.", number=number))
    return last


def _check_end(last: Link, head: Link | None, report: Callable[[UserError], None]) -> None:
    if head is None:
        report(UserError("The head of the chain is missing."))
    elif head.number > last.number:
        report(_missing(last.number + 1, head.number))
    elif head.number < last.number:
        report(
            UserError(
                "The head of the chain was moved: it names entry {head}, and the last one is "
                "{last}.",
                head=head.number,
                last=last.number,
            )
        )
    elif head.hash != last.hash:
        report(
            UserError(
                "The head of the chain names another entry {number} than the one there is.",
                number=last.number,
            )
        )


def _not_as_noted(number: int) -> UserError:
    return UserError(
        "Entry {number} is not the one that was noted: the chain was written anew.", number=number
    )


def _missing(first: int, last: int) -> UserError:
    if first == last:
        return UserError("Entry {number} is missing.", number=first)
    return UserError("The entries {first} to {last} are missing.", first=first, last=last)
