"""Counts as the database keeps them: which there are, their steps, their content."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.counting.count import require_countable_year
from verifier.procedure.canonical import canonical_bytes, sha256_of
from verifier.procedure.document import Document, content_sha256, count_id_of
from verifier.procedure.people import Act
from verifier.procedure.states import RUNNING, STANDING, State, Step

__all__ = [
    "CountRecord",
    "StepRecord",
    "UnreadableCountError",
    "count_by_id",
    "find_count",
    "is_intact",
    "list_counts",
    "list_steps",
    "read_document",
    "read_entries",
    "read_head",
    "record_step",
    "running_count",
    "standing_count",
    "store_content",
    "store_head",
]

_SELECT = """
    SELECT c.id, c.year, c.revision, c.state, c.supersedes_id, s.revision AS supersedes_revision,
           c.opened_at, c.opened_by, c.policy_name, c.policy_sha256, c.as_of, c.drafted_at,
           c.drafted_by, c.content_sha256, c.drafted_change, c.submitted_at, c.submitted_by,
           c.frozen_at, c.frozen_by, c.code_version, c.digest, c.signature, c.public_key,
           c.published_at, c.published_by, c.notice_days, c.notice_ends_on, c.payable_at,
           c.payable_by
    FROM counts c LEFT JOIN counts s ON s.id = c.supersedes_id
    WHERE (%(year)s::integer IS NULL OR c.year = %(year)s)
      AND (%(id)s::integer IS NULL OR c.id = %(id)s)
    ORDER BY c.year DESC, c.revision DESC
"""
_INSERT_STEP = """
    INSERT INTO count_steps (count_id, step, state, note, taken_by, taken_at)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
_SELECT_STEPS = """
    SELECT step, state, note, taken_by, taken_at FROM count_steps WHERE count_id = %s ORDER BY id
"""
_CLEAR = (
    "DELETE FROM count_determinations WHERE count_id = %s",
    "DELETE FROM count_documents WHERE count_id = %s",
)
_INSERT_DOCUMENT = """
    INSERT INTO count_documents (count_id, head, policy_source) VALUES (%s, %s, %s)
"""
_INSERT_DETERMINATIONS = """
    INSERT INTO count_determinations (count_id, platform, entry)
    SELECT %s, %s, entry FROM jsonb_array_elements(%s) entry
"""
_SELECT_DOCUMENT = "SELECT head, policy_source FROM count_documents WHERE count_id = %s"
_DELETE_DOCUMENT = "DELETE FROM count_documents WHERE count_id = %s"
_SELECT_ENTRIES = """
    SELECT uscc, entry::text FROM count_determinations
    WHERE count_id = %s AND platform = %s AND uscc COLLATE "C" > %s
    ORDER BY uscc COLLATE "C" LIMIT %s
"""
_AT_ONCE: Final = 500
"""Enterprises; some 3 MB."""

_IN_ROWS: Final = frozenset({"enterprises"})


@dataclass(frozen=True, slots=True)
class CountRecord:
    """One revision of a year's count."""

    id: int
    year: int
    revision: int
    state: State
    supersedes_id: int | None
    supersedes_revision: int | None
    opened_at: datetime
    opened_by: str
    policy_name: str | None
    """Of the last draft run, as the four that follow; None before the first."""
    policy_sha256: str | None
    as_of: date | None
    drafted_at: datetime | None
    drafted_by: str | None
    content_sha256: str | None
    drafted_change: int | None
    """Number of the last audit entry that the draft run saw; None for those of earlier releases."""
    submitted_at: datetime | None
    submitted_by: str | None
    """The maker."""
    frozen_at: datetime | None
    frozen_by: str | None
    """The checker."""
    code_version: str | None
    digest: str | None
    signature: bytes | None
    public_key: bytes | None
    published_at: datetime | None
    published_by: str | None
    notice_days: int | None
    notice_ends_on: date | None
    payable_at: datetime | None
    payable_by: str | None

    def __post_init__(self) -> None:
        """Take the state as the database spells it."""
        object.__setattr__(self, "state", State(self.state))

    @property
    def count_id(self) -> str:
        """What people call it, such as `2026-1`."""
        return count_id_of(self.year, self.revision)

    @property
    def supersedes(self) -> str | None:
        """What people call the count that it corrects."""
        if self.supersedes_revision is None:
            return None
        return count_id_of(self.year, self.supersedes_revision)


class UnreadableCountError(UserError):
    """What the database holds of a frozen count has not the shape of one any more."""

    def __init__(self, record: CountRecord) -> None:
        """Name the count."""
        super().__init__(
            _(
                "What the database holds of {count} cannot be read as a count: it was changed "
                "behind the system's back. Restore it from a backup."
            ),
            count=record.count_id,
        )


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a count that was taken."""

    step: Step
    state: State
    """In which it left the count."""
    note: str | None
    taken_by: str
    taken_at: datetime


def list_counts(connection: psycopg.Connection, year: int | None = None) -> list[CountRecord]:
    """Every revision of every year's count, or of one year's; the latest first."""
    return _select(connection, year=year)


def count_by_id(connection: psycopg.Connection, record_id: int) -> CountRecord:
    """One count as it is now, which must exist."""
    (found,) = _select(connection, record_id=record_id)
    return found


def running_count(connection: psycopg.Connection, year: int) -> CountRecord | None:
    """The count of a year that is not frozen yet, if there is one."""
    return next((each for each in list_counts(connection, year) if each.state in RUNNING), None)


def standing_count(connection: psycopg.Connection, year: int) -> CountRecord | None:
    """The count of a year that is frozen and not superseded, if there is one."""
    return next((each for each in list_counts(connection, year) if each.state in STANDING), None)


def find_count(
    connection: psycopg.Connection,
    year: int,
    revision: int | None = None,
    *,
    is_running: bool = False,
) -> CountRecord:
    """The count that is meant by a year.

    Args:
        connection: where to look.
        year: of the count.
        revision: this one exactly.
        is_running: without a revision: the one that is not frozen yet, else the frozen one.

    Raises:
        UserError: there is none.
    """
    require_countable_year(year)
    if revision is not None:
        for each in list_counts(connection, year):
            if each.revision == revision:
                return each
        raise UserError("There is no count {count}.", count=count_id_of(year, revision))
    if is_running:
        found = running_count(connection, year)
        if found is None:
            raise UserError("No count of {year} is being made: draft one first.", year=year)
        return found
    found = standing_count(connection, year)
    if found is None:
        raise UserError("The count of {year} is not frozen yet.", year=year)
    return found


def record_step(
    connection: psycopg.Connection,
    record_id: int,
    step: Step,
    state: State,
    act: Act,
    note: str | None = None,
) -> None:
    """Add one step to the record of steps, for good."""
    connection.execute(_INSERT_STEP, (record_id, step.value, state.value, note, act.name, act.at))


def list_steps(connection: psycopg.Connection, record: CountRecord) -> list[StepRecord]:
    """The steps of a count, the first one first."""
    return [
        StepRecord(Step(row[0]), State(row[1]), *row[2:])
        for row in connection.execute(_SELECT_STEPS, (record.id,))
    ]


def store_content(connection: psycopg.Connection, record_id: int, document: Document) -> None:
    """Put a document in the place of the one that was there; not once it is frozen."""
    for statement in _CLEAR:
        connection.execute(statement, (record_id,))
    _insert_head(connection, record_id, document)
    for platform in document["platforms"]:
        values = (record_id, platform["platform"], _jsonb(platform["enterprises"]))
        connection.execute(_INSERT_DETERMINATIONS, values)


def store_head(connection: psycopg.Connection, record_id: int, document: Document) -> None:
    """Put a document in the place of one that says the same of every enterprise.

    Their rows stay: written again, each would lie in the database twice until it is vacuumed.
    """
    connection.execute(_DELETE_DOCUMENT, (record_id,))
    _insert_head(connection, record_id, document)


def _insert_head(connection: psycopg.Connection, record_id: int, document: Document) -> None:
    head = {key: value for key, value in document.items() if key != "policy_source"}
    head["platforms"] = [
        {key: value for key, value in platform.items() if key not in _IN_ROWS}
        for platform in document["platforms"]
    ]
    connection.execute(_INSERT_DOCUMENT, (record_id, _jsonb(head), document["policy_source"]))


def read_head(connection: psycopg.Connection, record: CountRecord) -> Document:
    """The document of a count without its enterprises; nothing is verified.

    Raises:
        UserError: it was not drafted yet.
        UnreadableCountError: it is frozen, and its head is none any more.
    """
    row = connection.execute(_SELECT_DOCUMENT, (record.id,)).fetchone()
    if row is None and record.digest is None:
        raise UserError("The count {count} was not drafted yet.", count=record.count_id)
    if row is None or not _has_platforms(row[0]):
        raise UnreadableCountError(record)
    return {**row[0], "policy_source": row[1]}


def read_entries(
    connection: psycopg.Connection, record: CountRecord, platform: str
) -> Iterator[dict[str, Any]]:
    """The enterprises of a platform in the order of the document, never many at a time."""
    last = ""
    while rows := connection.execute(
        _SELECT_ENTRIES, (record.id, platform, last, _AT_ONCE)
    ).fetchall():
        for _uscc, entry in rows:
            yield msgspec.json.decode(entry)
        last = rows[-1][0]


def read_document(connection: psycopg.Connection, record: CountRecord) -> Document:
    """The whole document of a count, frozen or of its last draft run; nothing is verified.

    Of 10,000 enterprises it takes hundreds of megabytes: what needs no more than digest, head or
    outcomes reads an outline (`verifier.procedure.outlines`).

    Raises:
        UserError: it was not drafted yet.
        UnreadableCountError: it is frozen, and cannot be put together from its rows any more.
    """
    document = read_head(connection, record)
    for platform in document["platforms"]:
        platform["enterprises"] = list(read_entries(connection, record, platform["platform"]))
    return document


def _has_platforms(head: object) -> bool:
    return (
        isinstance(head, dict)
        and isinstance(head.get("platforms"), list)
        and all(isinstance(each, dict) and "platform" in each for each in head["platforms"])
    )


def is_intact(record: CountRecord, document: Document) -> bool:
    """Whether a stored document is still the one that was drafted or frozen."""
    if record.digest is not None:
        return sha256_of(document) == record.digest
    return content_sha256(document) == record.content_sha256


def _jsonb(value: object) -> Jsonb:
    return Jsonb(value, dumps=canonical_bytes)


def _select(
    connection: psycopg.Connection, *, year: int | None = None, record_id: int | None = None
) -> list[CountRecord]:
    with connection.cursor(row_factory=class_row(CountRecord)) as cursor:
        return cursor.execute(_SELECT, {"year": year, "id": record_id}).fetchall()
