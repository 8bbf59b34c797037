"""The difference between two stored counts, of which only what differs is read."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import psycopg

from verifier.procedure.comparison import Comparison, compare_heads
from verifier.procedure.readable import require_readable
from verifier.procedure.records import CountRecord, read_head

__all__ = ["compare_stored"]

# The database compares: what both say alike never leaves it. Of counts whose documents have another
# version each, all differ, and are read a few at a time.
_SELECT_DIFFERING: Final = """
    WITH old AS (SELECT * FROM count_determinations WHERE count_id = %(before)s),
         new AS (SELECT * FROM count_determinations WHERE count_id = %(after)s)
    SELECT platform, uscc, old.entry::text, new.entry::text
    FROM old FULL JOIN new USING (platform, uscc)
    WHERE old.entry IS DISTINCT FROM new.entry
    ORDER BY platform COLLATE "C", uscc COLLATE "C"
"""
_AT_ONCE: Final = 200
_CURSOR: Final = "differing_determinations"


def compare_stored(
    connection: psycopg.Connection, before: CountRecord, after: CountRecord
) -> Comparison:
    """What changed from one count to another, frozen or of their last draft runs.

    Args:
        connection: inside a transaction.
        before: one count.
        after: the other.

    Raises:
        UserError: one was not drafted yet.
        UnreadableCountError: one is frozen, and its rows have not the shape of a count any more.
    """
    for each in (before, after):
        require_readable(connection, each)
    heads = [read_head(connection, each) for each in (before, after)]
    return compare_heads(heads[0], heads[1], _differing(connection, before, after))


def _differing(
    connection: psycopg.Connection, before: CountRecord, after: CountRecord
) -> Iterator[tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]]:
    with connection.cursor(_CURSOR) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(_SELECT_DIFFERING, {"before": before.id, "after": after.id})
        for platform, uscc, old, new in cursor:
            yield platform, uscc, _entry(old), _entry(new)


def _entry(text: str | None) -> dict[str, Any] | None:
    entry: dict[str, Any] | None = msgspec.json.decode(text) if text else None
    return entry
