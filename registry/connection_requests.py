"""Connection requests: an operator asks for an enterprise that another platform keeps or serves.

Nothing of the enterprise is told before the bureau has confirmed the request, which then becomes a
connection by the rules of every connection.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

import psycopg
from psycopg.rows import class_row, dict_row

from jieru.calendar import civil_date
from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.cells import Value, text_reader
from registry.changes import Ends, Key, outlasting
from registry.connections import create_connection
from registry.kinds import KINDS
from registry.records import read_record
from registry.refusals import ConflictError, NotRegisteredError, WrongColumn, WrongColumnsError
from registry.rows import FileRow, RowError
from registry.storing import ended_records, enterprises_to_ask_for
from registry.writing import write_new

__all__ = [
    "Asked",
    "Connected",
    "ConnectionRequest",
    "RequestStatus",
    "Requested",
    "asked_by_rows",
    "confirm_by_enterprise",
    "confirm_request",
    "connect",
    "refuse_by_enterprise",
    "refuse_request",
    "select_requests",
    "withdraw_request",
    "write_requests",
]

_RELATION: Final = KINDS["connections"].relations[0]
_COLUMNS: Final = _RELATION.key + _RELATION.others
_OF_ENTERPRISE: Final = ("uscc",)
_read_reason: Final = text_reader(1_000)

_SELECT_NEWEST: Final = """
    SELECT DISTINCT ON (uscc, from_date)
           uscc, from_date, contract_no, signed_on, to_date, status, decided_at
    FROM connection_requests
    WHERE platform_id = (SELECT id FROM platforms WHERE code = %(own)s)
      AND uscc = ANY (%(usccs)s::text[])
    ORDER BY uscc, from_date, id DESC
"""
_SELECT: Final = """
    SELECT connection_requests.id, platforms.code AS platform, connection_requests.uscc,
           enterprises.name AS enterprise_name, contract_no, signed_on, from_date, to_date,
           requested_by, requested_at, status, decided_by, decided_at, reason, confirmation,
           connection_id
    FROM connection_requests
    JOIN platforms ON platforms.id = connection_requests.platform_id
    JOIN enterprises ON enterprises.uscc = connection_requests.uscc
    WHERE %(status)s::text IS NULL OR status = %(status)s
    ORDER BY connection_requests.id
"""
_INSERT: Final = """
    INSERT INTO connection_requests
        (platform_id, uscc, from_date, contract_no, signed_on, to_date, requested_by)
    SELECT platforms.id, file.uscc, file.from_date, file.contract_no, file.signed_on, file.to_date,
           %(by)s
    FROM unnest(%(platform)s::text[], %(uscc)s::text[], %(from_date)s::date[],
                %(contract_no)s::text[], %(signed_on)s::date[], %(to_date)s::date[])
         AS file (platform, uscc, from_date, contract_no, signed_on, to_date)
    JOIN platforms ON platforms.code = file.platform
    RETURNING id
"""
_LOCK: Final = """
    SELECT platforms.code AS platform, uscc, contract_no, signed_on, from_date, to_date, status
    FROM connection_requests JOIN platforms ON platforms.id = platform_id
    WHERE connection_requests.id = %s FOR UPDATE OF connection_requests
"""
_CONFIRM: Final = """
    UPDATE connection_requests
    SET status = 'confirmed', decided_by = %(by)s, decided_at = now(), reason = %(reason)s,
        confirmation = %(confirmation)s, connection_id = %(connection_id)s
    WHERE id = %(id)s
"""
_REFUSE: Final = """
    UPDATE connection_requests
    SET status = 'refused', decided_by = %(by)s, decided_at = now(), reason = %(reason)s
    WHERE id = %(id)s
"""
_WITHDRAW: Final = """
    UPDATE connection_requests SET status = 'withdrawn', decided_by = %(by)s, decided_at = now()
    WHERE id = %(id)s
"""


class RequestStatus(StrEnum):
    """What became of a request."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    """It is a connection."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """By the operator who asked."""


@dataclass(frozen=True, slots=True)
class ConnectionRequest:
    """A request as the bureau sees it."""

    id: int
    platform: str
    uscc: str
    enterprise_name: str
    contract_no: str | None
    signed_on: date | None
    from_date: date
    to_date: date | None
    requested_by: str
    requested_at: datetime
    status: str
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    confirmation: str | None
    connection_id: int | None

    def to_json_object(self) -> dict[str, object]:
        """For a program: dates and instants as ISO 8601."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
        }


class Connected(NamedTuple):
    """The two are connected."""

    connection_id: int


class Requested(NamedTuple):
    """The enterprise is another's: the bureau is asked."""

    request_id: int


class Asked(NamedTuple):
    """What the rows of an operator's file of connections ask, instead of saying it."""

    new: list[FileRow]
    """They become requests."""
    open: list[FileRow]
    """They are requests already, which nobody has decided."""
    errors: list[RowError]


class _Request(NamedTuple):
    """The newest request of a platform, an enterprise and a beginning."""

    uscc: str
    from_date: date
    contract_no: str | None
    signed_on: date | None
    to_date: date | None
    status: str
    decided_at: datetime | None

    def says(self, row: FileRow) -> bool:
        """Whether a row asks the same."""
        return all(row.values[column] == getattr(self, column) for column in _RELATION.others)


def connect(
    connection: psycopg.Connection,
    said: Mapping[str, Value],
    *,
    own_platform: str | None,
    by: str,
) -> Connected | Requested:
    """Register a connection or, where an operator names another's enterprise, request it.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        said: by column of the import file.
        own_platform: the code of an operator's only platform; None: the bureau, which asks nobody.
        by: who says it, as the audit names them.

    Raises:
        WrongColumnsError: columns are wrong.
        ConflictError: the two are connected at that time already, it is requested already, or what
            it hangs on has ended.
    """
    if own_platform is None:
        return Connected(create_connection(connection, said))
    row = read_record(connection, "connections", said, own_platform=own_platform)
    uscc = row.values["uscc"]
    newest = _newest_requests(connection, [row], own_platform).get(_key(row))
    if newest is not None and newest.status == RequestStatus.OPEN:
        raise ConflictError(
            _("It is requested already, and the bureau has not decided yet: withdraw that first.")
        )
    if not enterprises_to_ask_for(connection, [uscc], own_platform):
        return Connected(write_new(connection, _RELATION, row, own_platform=own_platform))
    for error in outlasting(_RELATION, [row], _ends_told(connection, [row])):
        raise ConflictError(error.reason.message, **error.reason.values)
    (request_id,) = write_requests(connection, [row], by=by)
    return Requested(request_id)


def asked_by_rows(
    connection: psycopg.Connection, rows: Sequence[FileRow], own_platform: str
) -> Asked:
    """Which rows of an operator's file of connections ask for another's enterprise."""
    whole = [row for row in rows if row.key(_COLUMNS) is not None]
    usccs = {row.values["uscc"] for row in whole}
    others = enterprises_to_ask_for(connection, usccs, own_platform)
    newest = _newest_requests(connection, whole, own_platform)
    asked = Asked([], [], [])
    for row in whole:
        request = newest.get(_key(row))
        if request is not None and request.status == RequestStatus.OPEN:
            if request.says(row):
                asked.open.append(row)
            else:
                asked.errors.append(_asked_otherwise(row))
        elif row.values["uscc"] in others:
            if request is not None and request.status == RequestStatus.REFUSED:
                asked.errors.append(_refused_before(row, request))
            else:
                asked.new.append(row)
    asked.errors.extend(outlasting(_RELATION, asked.new, _ends_told(connection, asked.new)))
    return asked


def write_requests(
    connection: psycopg.Connection, rows: Sequence[FileRow], *, by: str
) -> list[int]:
    """Write what `asked_by_rows` found to be new; the ids of the requests."""
    if not rows:
        return []
    values = {column: [row.values[column] for row in rows] for column in _COLUMNS}
    return [row[0] for row in connection.execute(_INSERT, {**values, "by": by})]


def select_requests(
    connection: psycopg.Connection, status: RequestStatus | None
) -> list[ConnectionRequest]:
    """All requests that stand so, in the order in which they came; None: all there are."""
    with connection.cursor(row_factory=class_row(ConnectionRequest)) as cursor:
        return cursor.execute(_SELECT, {"status": status}).fetchall()


def confirm_request(
    connection: psycopg.Connection, request_id: int, *, reason: str, by: str
) -> int:
    """Let a request become a connection, by the bureau's word; the connection's id.

    Args:
        connection: in a transaction of the caller's changes.
        request_id: of a request.
        reason: on what that rests, such as a contract that was seen.
        by: who confirms, as the audit names them.

    Raises:
        NotRegisteredError: there is no such request.
        WrongColumnsError: the reason is missing or too long.
        ConflictError: it is decided, or what it asks contradicts what is registered by now.
    """
    return _confirm(connection, request_id, reason=_reason(reason), by=by, whose="bureau")


def confirm_by_enterprise(
    connection: psycopg.Connection, request_id: int, *, reason: str, by: str
) -> int:
    """Let a request become a connection, by the word of the enterprise itself; its id.

    Raises:
        NotRegisteredError: there is no such request.
        ConflictError: it is decided, or what it asks contradicts what is registered by now.
    """
    return _confirm(connection, request_id, reason=reason, by=by, whose="enterprise")


def refuse_by_enterprise(
    connection: psycopg.Connection, request_id: int, *, reason: str, by: str
) -> None:
    """Refuse a request of which the enterprise itself says that it is not so.

    Raises:
        NotRegisteredError: there is no such request.
        ConflictError: it is decided.
    """
    refuse_request(connection, request_id, reason=reason, by=by)


def refuse_request(
    connection: psycopg.Connection, request_id: int, *, reason: str, by: str
) -> None:
    """Refuse a request; who asked reads the reason.

    Raises:
        NotRegisteredError: there is no such request.
        WrongColumnsError: the reason is missing or too long.
        ConflictError: it is decided.
    """
    reason = _reason(reason)
    _lock_open(connection, request_id)
    connection.execute(_REFUSE, {"id": request_id, "by": by, "reason": reason})


def withdraw_request(connection: psycopg.Connection, request_id: int, *, by: str) -> None:
    """Take back a request that nobody has decided.

    Raises:
        NotRegisteredError: there is no such request.
        ConflictError: it is decided.
    """
    _lock_open(connection, request_id)
    connection.execute(_WITHDRAW, {"id": request_id, "by": by})


def _confirm(
    connection: psycopg.Connection,
    request_id: int,
    *,
    reason: str,
    by: str,
    whose: Literal["bureau", "enterprise"],
) -> int:
    asked = _lock_open(connection, request_id)
    connection_id = create_connection(connection, {name: asked[name] for name in _COLUMNS})
    values = {
        "id": request_id,
        "by": by,
        "reason": reason,
        "confirmation": whose,
        "connection_id": connection_id,
    }
    connection.execute(_CONFIRM, values)
    return connection_id


def _lock_open(connection: psycopg.Connection, request_id: int) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_LOCK, (request_id,)).fetchone()
    if found is None:
        raise NotRegisteredError
    if found["status"] != RequestStatus.OPEN:
        raise ConflictError(_("The request was decided or withdrawn already. Look at it again."))
    return found


def _reason(text: str) -> str:
    if not text.strip():
        raise WrongColumnsError([WrongColumn("reason", UserError("Is empty, but required."))])
    try:
        return str(_read_reason(text))
    except UserError as refused:
        raise WrongColumnsError([WrongColumn("reason", refused)]) from None


def _newest_requests(
    connection: psycopg.Connection, rows: Iterable[FileRow], own_platform: str
) -> dict[Key, _Request]:
    values = {"own": own_platform, "usccs": list({row.values["uscc"] for row in rows})}
    found = [_Request(*row) for row in connection.execute(_SELECT_NEWEST, values)]
    return {(each.uscc, each.from_date): each for each in found}


def _key(row: FileRow) -> Key:
    return row.values["uscc"], row.values["from_date"]


def _ends_told(connection: psycopg.Connection, rows: Sequence[FileRow]) -> Ends:
    """What rows may not outlast, but for the enterprise: whether that has ended is not told."""
    ends = ended_records(connection, _RELATION, rows)
    return {columns: ended for columns, ended in ends.items() if columns != _OF_ENTERPRISE}


def _asked_otherwise(row: FileRow) -> RowError:
    reason = UserError(
        "Is requested with other values, and the bureau has not decided yet: withdraw that request "
        "first, or leave the row out."
    )
    return RowError(row.number, ", ".join(_RELATION.others), reason)


def _refused_before(row: FileRow, request: _Request) -> RowError:
    assert request.decided_at is not None  # noqa: S101 - the table says so
    reason = UserError(
        "The bureau refused this connection on {day}: leave the row out, or request it again by "
        "itself.",
        day=civil_date(request.decided_at).isoformat(),
    )
    return RowError(row.number, "uscc", reason)
