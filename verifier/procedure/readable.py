"""Whether what the database holds of a frozen count can still be read as one.

Whoever has the database can leave anything in its rows. What reads them relies on a count's shape,
so the shape is looked at before, where digest or signature no longer fit: a count that is intact is
what this system wrote.
"""

from typing import Final

import msgspec
import psycopg

from jieru.errors import UserError
from verifier.procedure.document import Document
from verifier.procedure.outlines import read_outline, row_versions
from verifier.procedure.records import CountRecord, UnreadableCountError, read_document
from verifier.reports.document import CountDocument

__all__ = ["read_readable", "require_readable"]

_REMEMBERED: Final = 256

_remembered: dict[tuple[object, ...], bool] = {}


def require_readable(connection: psycopg.Connection, record: CountRecord) -> None:
    """Refuse a frozen count whose rows have not the shape of one; drafts are nobody's evidence.

    Raises:
        UnreadableCountError: it was changed behind the system's back, beyond what can be shown.
    """
    if record.digest is None:
        return
    key = (record, *row_versions(connection, record))
    known = _remembered.get(key)
    if known is None:
        if len(_remembered) >= _REMEMBERED:
            _remembered.clear()
        known = _remembered[key] = _is_readable(connection, record)
    if not known:
        raise UnreadableCountError(record)


def read_readable(connection: psycopg.Connection, record: CountRecord) -> Document:
    """The whole document of a count, frozen or of its last draft run, of which every key is there.

    Raises:
        UserError: it was not drafted yet.
        UnreadableCountError: it is frozen, and its rows have not the shape of a count any more.
    """
    require_readable(connection, record)
    return read_document(connection, record)


def _is_readable(connection: psycopg.Connection, record: CountRecord) -> bool:
    try:
        if read_outline(connection, record).digest != record.digest:
            msgspec.convert(read_document(connection, record), CountDocument)
    except (UserError, msgspec.ValidationError):
        return False
    return True
