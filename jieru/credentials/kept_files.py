"""What the database knows of the broker's files: that they were there, and who else was in them.

A file that vanishes takes with it whatever else could tell that it was there: the database is the
one place that does not go with it, and where people are told.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

import psycopg

__all__ = ["FileKind", "note_there", "note_vanished", "read_others", "was_there"]

_WAS_THERE: Final = "SELECT EXISTS (SELECT FROM broker_files WHERE path = %s)"
_SELECT_OTHERS: Final = "SELECT others FROM broker_files WHERE path = %s"
_NOTE_THERE: Final = """
    INSERT INTO broker_files AS f (path, kind, others) VALUES (%(path)s, %(kind)s, %(others)s)
    ON CONFLICT (path) DO UPDATE
    SET others = excluded.others, noted_at = now(),
        back_at = CASE WHEN f.vanished_at IS NULL THEN NULL ELSE coalesce(f.back_at, now()) END
    WHERE f.others <> excluded.others OR f.vanished_at IS NOT NULL AND f.back_at IS NULL
"""
_NOTE_VANISHED: Final = """
    INSERT INTO broker_files AS f (path, kind, vanished_at) VALUES (%(path)s, %(kind)s, now())
    ON CONFLICT (path) DO UPDATE SET vanished_at = now(), back_at = NULL
    WHERE f.vanished_at IS NULL OR f.back_at IS NOT NULL
"""


class FileKind(StrEnum):
    """Which of the broker's files."""

    PASSWORDS = "passwords"
    ACL = "acl"


def was_there(connection: psycopg.Connection, path: Path) -> bool:
    """Whether a file was ever seen in its place."""
    return connection.execute(_WAS_THERE, (str(path),)).fetchone() == (True,)


def read_others(connection: psycopg.Connection, path: Path) -> bytes:
    """The lines of a password file that are not ours, as they were last seen."""
    row = connection.execute(_SELECT_OTHERS, (str(path),)).fetchone()
    return b"" if row is None else str(row[0]).encode()


def note_there(
    connection: psycopg.Connection, kind: FileKind, path: Path, others: bytes = b""
) -> None:
    """Note that a file is in its place, and which lines of it are not ours."""
    text = others.decode(errors="replace")
    connection.execute(_NOTE_THERE, {"path": str(path), "kind": kind.value, "others": text})


def note_vanished(connection: psycopg.Connection, kind: FileKind, path: Path) -> None:
    """Note that a file that was there is gone, for people to see until it is back."""
    connection.execute(_NOTE_VANISHED, {"path": str(path), "kind": kind.value})
