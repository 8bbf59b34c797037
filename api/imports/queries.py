"""Imports in the database: what was sent, what became of it, and what was wrong with it."""

import hashlib
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, LiteralString, NoReturn

import psycopg
from psycopg.types.json import Jsonb

from api.access.caller import Caller
from api.access.roles import Permission
from api.imports.kept import (
    FailedRows,
    failed_rows,
    pack_errors,
    pack_rows,
    sentence_from_json,
    sentence_to_json,
    unpack_errors,
    unpack_rows,
)
from api.imports.room import file_limit_bytes, make_room
from api.web.database import RequestDatabase
from api.web.paging import PageRequest, cut_page, read_cursor
from api.web.policy import RegistryRules
from api.web.problems import Kind, Problem
from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.importing import (
    Importer,
    ImportRejected,
    ImportResult,
    ParsedFile,
    import_parsed,
    parse_file,
)
from registry.kinds import KindName
from registry.rows import RowError

__all__ = [
    "ImportRecord",
    "Outcome",
    "UploadedFile",
    "apply_import",
    "errors_of_import",
    "failed_rows_of_import",
    "find_import",
    "list_imports",
    "receive_import",
    "size_of_import",
]

Outcome = Literal["checked", "rejected", "applied"]
"""`checked`: a dry run without errors; `rejected`: nothing was imported; `applied`: all of it."""

_OF_PLATFORMS: Final[frozenset[KindName]] = frozenset({"platforms", "recognitions"})
"""What an operator must not say of itself."""

_ROWS_KEPT: Final = 1_000
"""So many of the rows that ask, or begin long ago, are named."""

_COLUMNS: Final = """
    imports.id, kind, file_name, encode(sha256, 'hex'), size_bytes, uploaded_at, uploaded_by,
    platforms.code, outcome, created, changed, unchanged, refusal, error_count,
    failed_rows IS NOT NULL, content IS NOT NULL AND uploaded_at > now() - interval '1 day',
    applied_at, applied_by, requested, requested_rows, backdated, backdated_rows, evidence_from,
    displaced_by,
    ARRAY(SELECT other.id FROM imports AS other WHERE other.displaced_by = imports.id ORDER BY id)
"""
_REFUSAL: Final = 12
"""Its place among them."""
_FROM: Final = "FROM imports LEFT JOIN platforms ON platforms.id = platform_id"
_SELECT: Final = f"""
    SELECT {_COLUMNS} {_FROM}
    WHERE imports.id = %(id)s AND (%(own)s::integer IS NULL OR platform_id = %(own)s)
"""
_SELECT_NEWEST: Final = f"""
    SELECT {_COLUMNS} {_FROM}
    WHERE (%(own)s::integer IS NULL OR platform_id = %(own)s)
      AND (%(before)s::bigint IS NULL OR imports.id < %(before)s)
    ORDER BY imports.id DESC LIMIT %(limit)s
"""
_SELECT_CONTENT: Final = "SELECT content FROM imports WHERE id = %s"
_SELECT_ERRORS: Final = "SELECT errors FROM imports WHERE id = %s"
_SELECT_FAILED_ROWS: Final = "SELECT failed_rows FROM imports WHERE id = %s"
_INSERT: Final = """
    INSERT INTO imports (kind, file_name, sha256, size_bytes, uploaded_by, platform_id, outcome,
                         created, changed, unchanged, requested, requested_rows, backdated,
                         backdated_rows, evidence_from, content, applied_at, applied_by)
    VALUES (%(kind)s, %(file_name)s, %(sha256)b, %(size_bytes)s, %(uploaded_by)s, %(platform_id)s,
            %(outcome)s, %(created)s, %(changed)s, %(unchanged)s, %(requested)s,
            %(requested_rows)s, %(backdated)s, %(backdated_rows)s, %(evidence_from)s, %(content)b,
            CASE WHEN %(applied_by)s::text IS NOT NULL THEN now() END, %(applied_by)s)
    RETURNING id
"""
_INSERT_REJECTED: Final = """
    INSERT INTO imports (kind, file_name, sha256, size_bytes, uploaded_by, platform_id, outcome,
                         refusal, error_count, errors, failed_rows)
    VALUES (%(kind)s, %(file_name)s, %(sha256)b, %(size_bytes)s, %(uploaded_by)s, %(platform_id)s,
            'rejected', %(refusal)s, %(error_count)s, %(errors)b, %(failed_rows)b)
    RETURNING id
"""
_LOCK_CHECKED: Final = "SELECT FROM imports WHERE id = %s AND outcome = 'checked' FOR UPDATE"
_SET_APPLIED: Final = """
    UPDATE imports SET outcome = 'applied', created = %(created)s, changed = %(changed)s,
           unchanged = %(unchanged)s, requested = %(requested)s,
           requested_rows = %(requested_rows)s, backdated = %(backdated)s,
           backdated_rows = %(backdated_rows)s, evidence_from = %(evidence_from)s,
           content = NULL, applied_at = now(), applied_by = %(actor)s
    WHERE id = %(id)s
"""
_SET_REJECTED: Final = """
    UPDATE imports SET outcome = 'rejected', created = 0, changed = 0, unchanged = 0,
           requested = 0, requested_rows = '{}', backdated = 0, backdated_rows = '{}',
           evidence_from = NULL, content = NULL,
           refusal = %(refusal)s, error_count = %(error_count)s,
           errors = %(errors)b, failed_rows = %(failed_rows)b
    WHERE id = %(id)s AND outcome = 'checked'
"""
_FORGET: Final = """
    UPDATE imports
    SET content = NULL,
        errors = CASE WHEN uploaded_at > now() - interval '30 days' THEN errors END,
        failed_rows = CASE WHEN uploaded_at > now() - interval '30 days' THEN failed_rows END
    WHERE id IN (
        SELECT id FROM imports
        WHERE content IS NOT NULL AND uploaded_at < now() - interval '1 day'
           OR (errors IS NOT NULL OR failed_rows IS NOT NULL)
              AND uploaded_at < now() - interval '30 days'
        FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as somebody sent it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One import."""

    id: int
    kind: KindName
    file_name: str
    sha256: str
    size_bytes: int
    uploaded_at: datetime
    uploaded_by: str
    platform: str | None
    """The code of the operator's platform who sent it; None: of somebody who sees them all."""
    outcome: Outcome
    created: int
    changed: int
    unchanged: int
    refusal: UserError | None
    """Why it was rejected, in one sentence."""
    error_count: int
    has_failed_rows: bool
    """Whether there are failed rows to download."""
    is_applicable: bool
    """Whether it was checked, and its content is still there to be applied."""
    applied_at: datetime | None
    applied_by: str | None
    requested: int
    """Rows that became requests to connect another platform's enterprise, or would."""
    requested_rows: list[int]
    """The first of these rows."""
    backdated: int
    """New rows that begin so long ago that their evidence does not count from the first day."""
    backdated_rows: list[int]
    """The first of these rows."""
    evidence_from: date | None
    """From which day on that of these rows counts."""
    displaced_by: int | None
    """The later import for which what was kept of this one went before its time."""
    displaced: list[int]
    """The earlier imports of which nothing is kept any more, for this one."""


def receive_import(
    database: RequestDatabase,
    caller: Caller,
    kind: KindName,
    file: UploadedFile,
    *,
    rules: RegistryRules,
    dry_run: bool,
) -> ImportRecord:
    """Check a file and, unless this is a dry run, import it; either way it is recorded.

    Args:
        database: of the request.
        caller: who sends it.
        kind: what its rows are.
        file: what was sent.
        rules: what the policy says of the registry.
        dry_run: write nothing into the registry, and keep the file to be applied.

    Returns:
        The record; a rejected import is not an exception, for its sender wants to see its errors.

    Raises:
        Problem: the caller may not import this kind, or files of this size.
    """
    _require_allowed(caller, kind)
    limit_bytes = file_limit_bytes(caller)
    if len(file.content) > limit_bytes:
        raise Problem(
            Kind.TOO_LARGE,
            _("Your files have at most {limit} MiB each: split it."),
            limit=limit_bytes >> 20,
        )
    sent = {
        "kind": kind,
        "file_name": file.name,
        "sha256": hashlib.sha256(file.content).digest(),
        "size_bytes": len(file.content),
        "uploaded_by": caller.actor.name,
        "platform_id": caller.platform_id,
    }
    parsed: ParsedFile | None = None
    try:
        # Before the transaction: other changes of the registry wait while it is open.
        parsed = parse_file(kind, file.content, file.name)
        if dry_run:
            with database.reading() as connection:
                result = _import(connection, caller, parsed, rules, dry_run=True)
                record = {**sent, "outcome": "checked", "applied_by": None}
                record |= {"content": zlib.compress(file.content, 1), **_counts(result)}
                return _recorded(connection, caller, _INSERT, record)
        with database.changing(caller.actor) as connection:
            result = _import(connection, caller, parsed, rules, dry_run=False)
            record = {**sent, "outcome": "applied", "applied_by": caller.actor.name}
            record |= {"content": None, **_counts(result)}
            return _recorded(connection, caller, _INSERT, record)
    except UserError as refusal:
        with database.reading() as connection:
            rejected = sent | _rejection(parsed, refusal)
            return _recorded(connection, caller, _INSERT_REJECTED, rejected)


def apply_import(
    database: RequestDatabase, caller: Caller, import_id: int, *, rules: RegistryRules
) -> ImportRecord:
    """Import the file of a dry run; everything is checked anew, for the registry goes on.

    Returns:
        The record, which says `rejected` when the file does not fit the registry any more.

    Raises:
        Problem: there is no such import, it cannot be applied (any more), or the caller may not.
    """
    with database.reading() as connection:
        record = find_import(connection, caller, import_id)
        _require_allowed(caller, record.kind)
        if not record.is_applicable:
            _refuse_to_apply(record)
        row = connection.execute(_SELECT_CONTENT, (import_id,)).fetchone()
    if row is None or row[0] is None:
        raise Problem(Kind.CONFLICT, _("This import was dealt with meanwhile. Look at it again."))
    parsed: ParsedFile | None = None
    try:
        parsed = parse_file(record.kind, zlib.decompress(row[0]), record.file_name)
        with database.changing(caller.actor) as connection:
            if connection.execute(_LOCK_CHECKED, (import_id,)).fetchone() is None:
                _refuse_to_apply(find_import(connection, caller, import_id))
            result = _import(connection, caller, parsed, rules, dry_run=False)
            applied = {"id": import_id, "actor": caller.actor.name, **_counts(result)}
            connection.execute(_SET_APPLIED, applied)
            return find_import(connection, caller, import_id)
    except UserError as refusal:
        rejection = {"id": import_id, **_rejection(parsed, refusal)}
        with database.reading() as connection, connection.transaction():
            connection.execute(_SET_REJECTED, rejection)
            make_room(connection, caller, import_id)
            return find_import(connection, caller, import_id)


def size_of_import(database: RequestDatabase, caller: Caller, import_id: int) -> int:
    """How many bytes were sent.

    Raises:
        Problem: see `find_import`.
    """
    with database.reading() as connection:
        return find_import(connection, caller, import_id).size_bytes


def find_import(connection: psycopg.Connection, caller: Caller, import_id: int) -> ImportRecord:
    """One import.

    Raises:
        Problem: there is none of this number, or it is another platform's.
    """
    row = connection.execute(_SELECT, {"id": import_id, "own": caller.platform_id}).fetchone()
    if row is None:
        raise Problem(Kind.NOT_FOUND, _("There is no import {id}."), id=import_id)
    return _record(row)


def list_imports(
    connection: psycopg.Connection, caller: Caller, page: PageRequest
) -> tuple[list[ImportRecord], str | None]:
    """One page of imports, the newest first, and the cursor of the next page.

    Raises:
        Problem: the cursor is none of this list.
    """
    after = read_cursor(page.cursor, int)
    values = {
        "own": caller.platform_id,
        "before": after[0] if after else None,
        "limit": page.limit + 1,
    }
    rows = connection.execute(_SELECT_NEWEST, values).fetchall()
    records = [_record(row) for row in rows[: page.limit]]
    return records, cut_page([row[:1] for row in rows], page.limit)[1]


def errors_of_import(
    connection: psycopg.Connection, caller: Caller, import_id: int
) -> list[RowError]:
    """Every row error of an import, by row; none once they are forgotten.

    Raises:
        Problem: see `find_import`.
    """
    find_import(connection, caller, import_id)
    row = connection.execute(_SELECT_ERRORS, (import_id,)).fetchone()
    return unpack_errors(row[0]) if row and row[0] else []


def failed_rows_of_import(
    connection: psycopg.Connection, caller: Caller, import_id: int
) -> FailedRows:
    """The rows of an import that have errors.

    Raises:
        Problem: see `find_import`; or it has none, or they are forgotten.
    """
    find_import(connection, caller, import_id)
    row = connection.execute(_SELECT_FAILED_ROWS, (import_id,)).fetchone()
    if row is None or row[0] is None:
        raise Problem(
            Kind.NOT_FOUND, _("Of the import {id} no failed rows are kept."), id=import_id
        )
    return unpack_rows(row[0])


def _record(row: tuple[Any, ...]) -> ImportRecord:
    """The record of a row of `_COLUMNS`."""
    values = list(row)
    if (refusal := values[_REFUSAL]) is not None:
        values[_REFUSAL] = sentence_from_json((refusal["message"], refusal["values"]))
    return ImportRecord(*values)


def _require_allowed(caller: Caller, kind: KindName) -> None:
    if kind in _OF_PLATFORMS and not caller.may(Permission.CHANGE_PLATFORMS):
        raise Problem(Kind.FORBIDDEN)


def _refuse_to_apply(record: ImportRecord) -> NoReturn:
    if record.outcome == "applied":
        raise Problem(Kind.CONFLICT, _("The import {id} was applied already."), id=record.id)
    if record.outcome == "rejected":
        raise Problem(
            Kind.CONFLICT,
            _("The import {id} has errors: correct the file, send it anew."),
            id=record.id,
        )
    if record.displaced_by is not None:
        raise Problem(
            Kind.CONFLICT,
            _("The file of import {id} went to make room for import {later}: send it anew."),
            id=record.id,
            later=record.displaced_by,
        )
    raise Problem(
        Kind.CONFLICT, _("The file of import {id} is no longer kept: send it anew."), id=record.id
    )


def _import(
    connection: psycopg.Connection,
    caller: Caller,
    parsed: ParsedFile,
    rules: RegistryRules,
    *,
    dry_run: bool,
) -> ImportResult:
    own = caller.platform.code if caller.platform else None
    importer = Importer(caller.actor, own, rules.backdate_days_max)
    return import_parsed(
        connection, parsed, districts=rules.districts, importer=importer, dry_run=dry_run
    )


def _counts(result: ImportResult) -> dict[str, object]:
    return {
        "created": result.created,
        "changed": result.changed,
        "unchanged": result.unchanged,
        "requested": len(result.requested_rows),
        "requested_rows": list(result.requested_rows[:_ROWS_KEPT]),
        "backdated": len(result.backdated_rows),
        "backdated_rows": list(result.backdated_rows[:_ROWS_KEPT]),
        "evidence_from": result.evidence_from,
    }


def _rejection(parsed: ParsedFile | None, refusal: UserError) -> dict[str, object]:
    message, values = sentence_to_json(refusal)
    errors = refusal.row_errors if isinstance(refusal, ImportRejected) else []
    failed = failed_rows(parsed.sheet, errors) if parsed and errors else None
    return {
        "refusal": Jsonb({"message": message, "values": values}),
        "error_count": len(errors),
        "errors": pack_errors(errors) if errors else None,
        "failed_rows": pack_rows(failed) if failed else None,
    }


def _recorded(
    connection: psycopg.Connection,
    caller: Caller,
    statement: LiteralString,
    values: dict[str, object],
) -> ImportRecord:
    """Keep what became of a file, in a transaction; where it needs room, earlier ones go."""
    with connection.transaction():
        connection.execute(_FORGET)
        row = connection.execute(statement, values).fetchone()
        assert row is not None  # noqa: S101 - INSERT ... RETURNING
        if values.get("outcome") != "applied":
            make_room(connection, caller, row[0])
        return find_import(connection, caller, row[0])
