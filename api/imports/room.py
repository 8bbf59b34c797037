"""What is kept of imports, of each person and each platform: where it is too much, the oldest goes.

Kept are the files of dry runs, and the errors and failed rows of files that were rejected. The rule
is the database's to hold, so any number of `jieru serve` on it share the room.
"""

from typing import Final

import psycopg

from api.access.caller import Caller
from api.access.roles import Role

__all__ = ["file_limit_bytes", "make_room"]

_MIB: Final = 1 << 20
_FILES_OF_PERSON: Final = 20
_BYTES_OF_PERSON: Final = 32 * _MIB
_FILES_OF_PLATFORM: Final = 60
_BYTES_OF_PLATFORM: Final = 96 * _MIB
"""Compressed; what sees every platform, the bureau, has the room of one platform."""
_OPERATORS_FILE_BYTES: Final = 16 * _MIB
_FILE_BYTES: Final = 32 * _MIB

_LOCK_PLATFORM: Final = "SELECT FROM platforms WHERE id = %s FOR NO KEY UPDATE"
# The bureau has no such row. The role of the console has no advisory locks, and a table's would be
# held by two who both kept something before.
_LOCK_FIRST_OF_BUREAU: Final = """
    SELECT FROM imports WHERE platform_id IS NULL ORDER BY id LIMIT 1 FOR NO KEY UPDATE
"""
# Whoever applies one of them just now keeps it: it is locked, and goes with what is applied.
_DISPLACE: Final = """
    WITH kept AS (
        SELECT id, uploaded_by = %(person)s AS is_own,
               coalesce(octet_length(content), 0) + coalesce(octet_length(errors), 0)
                   + coalesce(octet_length(failed_rows), 0) AS octets
        FROM imports
        WHERE platform_id IS NOT DISTINCT FROM %(platform)s
          AND (content IS NOT NULL OR errors IS NOT NULL OR failed_rows IS NOT NULL)
    ), placed AS (
        SELECT id,
               row_number() OVER newest AS place, sum(octets) OVER newest AS octets,
               is_own AND (row_number() OVER newest_own > %(files_of_person)s
                           OR sum(octets) OVER newest_own > %(bytes_of_person)s) AS is_beyond_own
        FROM kept
        WINDOW newest AS (ORDER BY id DESC),
               newest_own AS (PARTITION BY is_own ORDER BY id DESC)
    )
    UPDATE imports SET content = NULL, errors = NULL, failed_rows = NULL, displaced_by = %(new)s
    WHERE id IN (
        SELECT id FROM imports
        WHERE id <> %(new)s AND id IN (
            SELECT id FROM placed
            WHERE is_beyond_own OR place > %(files_of_platform)s OR octets > %(bytes_of_platform)s)
        FOR UPDATE SKIP LOCKED)
"""


def file_limit_bytes(caller: Caller) -> int:
    """How large a file somebody may send: the bureau's are of every platform."""
    return _OPERATORS_FILE_BYTES if caller.role is Role.OPERATOR else _FILE_BYTES


def make_room(connection: psycopg.Connection, caller: Caller, import_id: int) -> None:
    """Let go what is too much, the oldest first, now that this import is kept; it stays itself.

    In the transaction that keeps it: others of the platform wait until that ends, or each would
    see room that both take.
    """
    if caller.platform_id is not None:
        connection.execute(_LOCK_PLATFORM, (caller.platform_id,))
    else:
        connection.execute(_LOCK_FIRST_OF_BUREAU)
    values = {
        "new": import_id,
        "person": caller.actor.name,
        "platform": caller.platform_id,
        "files_of_person": _FILES_OF_PERSON,
        "bytes_of_person": _BYTES_OF_PERSON,
        "files_of_platform": _FILES_OF_PLATFORM,
        "bytes_of_platform": _BYTES_OF_PLATFORM,
    }
    connection.execute(_DISPLACE, values)
