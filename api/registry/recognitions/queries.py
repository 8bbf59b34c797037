"""Recognitions in the database: lists, one recognition, and its changes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, LiteralString

import psycopg
from fastapi import Query
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.recognitions.answers import (
    NewRecognition,
    RecognitionChange,
    RecognitionPage,
    RecognitionRecord,
)
from api.web.csv_export import Export
from api.web.filters import (
    PlatformFilter,
    State,
    StateFilter,
    TextFilter,
    contains,
    in_state,
    today_of,
)
from api.web.listing import Search, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem
from api.web.records import (
    already_ended,
    contradictions_refused,
    is_record_id,
    only_row,
    require_later,
    require_readable,
    require_room,
)
from api.web.revisions import ExpectedRevision, require_revision
from jieru.i18n import marked as _
from registry.kinds import KINDS
from registry.records import read_record
from verifier.policy import Level

__all__ = [
    "RecognitionFilter",
    "change_recognition",
    "create_recognition",
    "end_recognition",
    "list_recognitions",
    "read_recognition",
    "recognition_export",
]

_SELECT: Final[LiteralString] = """
    SELECT recognitions.id, platforms.code AS platform, level, recognised_on, revoked_on,
           recognitions.revision
    FROM recognitions JOIN platforms ON platforms.id = platform_id
"""
_SELECT_PAGE: Final[LiteralString] = (
    _SELECT + " WHERE recognitions.id = ANY (%(ids)s) ORDER BY recognitions.id"
)
_SELECT_ONE: Final[LiteralString] = (
    _SELECT
    + " WHERE recognitions.id = %(id)s AND (%(own)s::integer IS NULL OR platform_id = %(own)s)"
)
_LOCK_ONE: Final[LiteralString] = _SELECT_ONE + " FOR UPDATE OF recognitions"
_EXPORT: Final[LiteralString] = """
    SELECT platforms.code AS platform, level, recognised_on, revoked_on
    FROM recognitions JOIN platforms ON platforms.id = platform_id
    WHERE recognitions.id = ANY (%(ids)s) ORDER BY recognitions.id
"""
_INSERT: Final = """
    INSERT INTO recognitions (platform_id, level, recognised_on, revoked_on)
    VALUES ((SELECT id FROM platforms WHERE code = %s), %s, %s, %s) RETURNING id
"""
_UPDATE: Final = "UPDATE recognitions SET revoked_on = %s WHERE id = %s"
_JOIN_PLATFORM: Final = SQL("JOIN platforms ON platforms.id = recognitions.platform_id")


LevelFilter = Annotated[Level | None, Query(description=_("A level."))]


@dataclass(frozen=True, slots=True)
class RecognitionFilter:
    """Which recognitions a list holds; None: all."""

    platform: PlatformFilter = None
    level: LevelFilter = None
    text: TextFilter = None
    """Part of the platform's code or name."""
    state: StateFilter = State.OPEN


def list_recognitions(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: RecognitionFilter,
    page: PageRequest,
    *,
    now: datetime,
) -> RecognitionPage:
    """One page of recognitions, in the order of their registration.

    Raises:
        Problem: the cursor is none of this list.
    """
    found = find_page(connection, _search(caller, wanted, now), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT_PAGE, {"ids": found.ids})
        return RecognitionPage(
            items=[RecognitionRecord.model_validate(row) for row in rows],
            next_cursor=found.next_cursor,
        )


def read_recognition(
    connection: psycopg.Connection, caller: Caller, recognition_id: int
) -> RecognitionRecord:
    """One recognition.

    Raises:
        Problem: there is no such recognition, or not for this caller.
    """
    return RecognitionRecord.model_validate(_row(connection, caller, recognition_id))


def recognition_export(caller: Caller, wanted: RecognitionFilter, *, now: datetime) -> Export:
    """The same list as an import file."""
    return Export("recognitions", _search(caller, wanted, now), _EXPORT)


def create_recognition(
    connection: psycopg.Connection, caller: Caller, new: NewRecognition
) -> RecognitionRecord:
    """Register a recognition.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        caller: somebody who may change platforms.
        new: as it was sent.

    Raises:
        Problem: a field is wrong, or the platform had this level already.
    """
    reading = read_record(
        connection, "recognitions", new.model_dump(), own_platform=caller.platform_code
    )
    require_readable(reading)
    values = reading.row.values
    require_room(connection, KINDS["recognitions"].relations[0], reading.row, is_new=True)
    with contradictions_refused():
        (recognition_id,) = only_row(
            connection,
            _INSERT,
            *[values[name] for name in ("platform", "level", "recognised_on", "revoked_on")],
        )
    return read_recognition(connection, caller, recognition_id)


def change_recognition(
    connection: psycopg.Connection,
    caller: Caller,
    recognition_id: int,
    change: RecognitionChange,
    expected: ExpectedRevision,
) -> RecognitionRecord:
    """Change what `change` names of a recognition.

    Raises:
        Problem: there is no such recognition, it was changed meanwhile, a field is wrong, or the
            platform would have this level twice.
    """
    row = _locked(connection, caller, recognition_id, expected)
    changes = change.model_dump(exclude_unset=True)
    reading = read_record(connection, "recognitions", {**row, **changes})
    require_readable(reading, among=changes)
    if changes:
        require_room(connection, KINDS["recognitions"].relations[0], reading.row, is_new=False)
        with contradictions_refused():
            values = (reading.row.values["revoked_on"], recognition_id)
            connection.execute(_UPDATE, values)
    return read_recognition(connection, caller, recognition_id)


def end_recognition(
    connection: psycopg.Connection,
    caller: Caller,
    recognition_id: int,
    on: date,
    expected: ExpectedRevision,
) -> RecognitionRecord:
    """Revoke a recognition.

    Raises:
        Problem: there is no such recognition, it was changed meanwhile, has an end already, or
            begins later.
    """
    row = _locked(connection, caller, recognition_id, expected)
    if row["revoked_on"] is not None:
        raise already_ended(row["revoked_on"])
    require_later(on, row["recognised_on"])
    connection.execute(_UPDATE, (on, recognition_id))
    return read_recognition(connection, caller, recognition_id)


def _row(
    connection: psycopg.Connection,
    caller: Caller,
    recognition_id: int,
    *,
    select: LiteralString = _SELECT_ONE,
) -> dict[str, Any]:
    if is_record_id(recognition_id):
        values = {"id": recognition_id, "own": caller.platform_id}
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(select, values).fetchone()
        if row is not None:
            return row
    raise Problem(Kind.NOT_FOUND, _("There is no recognition {id}."), id=recognition_id)


def _locked(
    connection: psycopg.Connection, caller: Caller, recognition_id: int, expected: ExpectedRevision
) -> dict[str, Any]:
    """The row of a recognition, which nobody else changes until this transaction ends."""
    row = _row(connection, caller, recognition_id, select=_LOCK_ONE)
    require_revision(expected, row["revision"])
    return row


def _search(caller: Caller, wanted: RecognitionFilter, now: datetime) -> Search:
    search = Search("recognitions", {"id": int}, values={"today": today_of(now)})
    search.conditions += in_state(wanted.state, "recognitions", "revoked_on")
    if caller.platform_id is not None:
        search.conditions.append(SQL("recognitions.platform_id = %(own)s"))
        search.values["own"] = caller.platform_id
    if wanted.platform:
        search.conditions.append(
            SQL("recognitions.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)")
        )
        search.values["platform"] = wanted.platform
    if wanted.level is not None:
        search.conditions.append(SQL("recognitions.level = %(level)s"))
        search.values["level"] = wanted.level
    if wanted.text:
        search.joins.append(_JOIN_PLATFORM)
        search.conditions.append(
            contains((Identifier("platforms", "code"), Identifier("platforms", "name")))
        )
        search.values["text"] = wanted.text
    return search
