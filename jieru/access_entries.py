"""Who came in, or tried to; who read what is personal or secret; who took a file away.

Apart from the audit: nobody waits for a chain, and what is older than the installation keeps it
goes. The database refuses to lose an entry before 180 days (`migrations/0047_signing_in.sql`).
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

import psycopg

__all__ = ["SHORTEST_KEPT_DAYS", "AccessKind", "forget_old_entries", "write_access_entry"]

SHORTEST_KEPT_DAYS: Final = 180
_LONGEST_TEXT: Final = 500
_AT_ONCE: Final = 10_000

_INSERT: Final = """
    INSERT INTO access_entries (kind, actor, origin, record) VALUES (%s, %s, %s, %s)
"""
_FORGET: Final = """
    DELETE FROM access_entries WHERE number IN (
        SELECT number FROM access_entries WHERE at < now() - %s ORDER BY number LIMIT %s)
"""


class AccessKind(StrEnum):
    """What an entry is about."""

    SIGN_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in_failed"
    """A wrong name or password."""
    CODE_FAILED = "code_failed"
    """The right password, and a wrong code after it."""
    RECOVERY_CODE_USED = "recovery_code_used"
    SIGN_OUT = "sign_out"
    READ = "read"
    """What is personal."""
    SECRET = "secret"  # noqa: S105 - a word
    """What is secret and shown once: somebody asked for it, whether it was given or not."""
    EXPORT = "export"


def write_access_entry(
    connection: psycopg.Connection,
    kind: AccessKind,
    *,
    actor: str | None,
    origin: str,
    record: str = "",
) -> None:
    """Enter one access; the caller commits.

    Args:
        connection: any.
        kind: what happened.
        actor: as the audit names it; None: nobody who is known here. Never what somebody typed,
            which may be a password.
        origin: from where.
        record: the address of what was read.
    """
    texts = (_kept(origin), _kept(record))
    connection.execute(_INSERT, (kind.value, actor, *texts))


def forget_old_entries(connection: psycopg.Connection, days: int) -> int:
    """Delete what is older than so many days; how many entries that were."""
    age = timedelta(days=max(days, SHORTEST_KEPT_DAYS))
    number = 0
    while True:
        deleted = connection.execute(_FORGET, (age, _AT_ONCE)).rowcount
        number += deleted
        if deleted < _AT_ONCE:
            return number


def _kept(text: str) -> str:
    """As PostgreSQL takes it, of a length that fills nothing."""
    return text[:_LONGEST_TEXT].replace("\0", "").encode(errors="replace").decode()
