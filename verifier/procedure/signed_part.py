"""Of a signed count the part that one report reads: the head, and at most one enterprise.

What it names as digest and signature are those of the whole, which whoever hands it out has
verified for the same versions of the rows (`verifier.procedure.verifying`): it proves nothing by
itself, and nobody is given it but the maker of reports.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import psycopg

from verifier.procedure.canonical import canonical_bytes
from verifier.procedure.freezing import require_frozen
from verifier.procedure.records import CountRecord, read_head
from verifier.procedure.signing import SignedStatement, signed_file_around

__all__ = ["signed_part"]

_SELECT_ENTRY: Final = """
    SELECT entry::text FROM count_determinations
    WHERE count_id = %s AND platform = %s AND uscc = %s
"""


def signed_part(
    connection: psycopg.Connection,
    record: CountRecord,
    statements: Sequence[SignedStatement],
    platform: str | None,
    uscc: str | None,
) -> bytes:
    """What a report of one enterprise, or of none, reads; in the form of a signed file.

    Args:
        connection: inside a snapshot in which the count was verified.
        record: the count.
        statements: of what was done with it since.
        platform: of the enterprise; None: no enterprise.
        uscc: of the enterprise; one that is not listed is in none.

    Raises:
        UserError: it is not frozen.
        UnreadableCountError: its head is none any more.
    """
    frozen = require_frozen(record)
    document = read_head(connection, record)
    for each in document["platforms"]:
        each["enterprises"] = []
        if platform is not None and uscc is not None and each["platform"] == platform:
            each["enterprises"] = _entries(connection, record, platform, uscc)
    return signed_file_around(canonical_bytes(document), *frozen, statements)


def _entries(
    connection: psycopg.Connection, record: CountRecord, platform: str, uscc: str
) -> list[dict[str, Any]]:
    rows = connection.execute(_SELECT_ENTRY, (record.id, platform, uscc))
    return [msgspec.json.decode(entry) for (entry,) in rows]
