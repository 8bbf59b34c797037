"""Making the next statement: read as the record is at one moment, signed, kept, sent to witnesses.

What is no longer as the statements before have it is said, and the statement is made all the same:
it tells when that came about, and a witness refuses it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec
import psycopg

from archive.records import read_records
from jieru.audit_chain import read_head
from jieru.calendar import civil_date
from jieru.database import read_installation
from jieru.errors import UserError
from verifier.checkpoints.chain import StatementChain, archives_sha256, month_sha256
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.presence_days import day_rows, pack_rows, state_day
from verifier.checkpoints.statement import (
    NIGHTLY,
    AuditHead,
    SignedStatement,
    StatedArchive,
    StatedDay,
    StatedMonth,
    StatedSignals,
    Statement,
    sign,
)
from verifier.evidence.stored_hours import months_of_evidence, read_delays, read_presence_of
from verifier.procedure.signing import SigningKey
from verifier.trust.records import latest_run

__all__ = ["Written", "last_closed_day", "read_chain", "record_checkpoint", "write_checkpoint"]

_MARGIN: Final = timedelta(hours=24)
"""For what came in time and was stored when the database was back."""
_ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_NOW: Final = "SELECT clock_timestamp()"
_SELECT_HASH: Final = "SELECT hash FROM audit_entries WHERE number = %s"
_HAS_STATED: Final = "SELECT EXISTS (SELECT FROM checkpoints)"
_RECORD: Final = """
    INSERT INTO checkpoints (number, occasion, sha256, findings, cosigned, witnesses)
    VALUES (%s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Written:
    """What was stated."""

    signed: SignedStatement
    path: Path
    findings: tuple[UserError, ...]
    """What no longer is as earlier statements have it."""


def write_checkpoint(
    connection: psycopg.Connection,
    folder: CheckpointFolder,
    key: SigningKey,
    *,
    occasion: str = NIGHTLY,
    max_delay_hours: int,
) -> Written:
    """Make the next statement and keep it.

    Args:
        connection: in autocommit mode.
        folder: with all statements before.
        key: signs it.
        occasion: `day` states presence too; after a step of money there is no time for it.
        max_delay_hours: of the policy, for a database where no ingester ran yet.

    Raises:
        UserError: a statement before cannot be read, or all of them are gone.
        WorldError: the folder or the database fails.
    """
    with folder.held():
        chain = read_chain(folder)
        with connection.transaction():
            connection.execute(_ONE_MOMENT)
            _require_those_before(connection, folder, chain)
            statement = _next_statement(
                connection, folder, chain, occasion=occasion, max_delay_hours=max_delay_hours
            )
        signed = sign(statement, key)
        findings = tuple(chain.add(statement))
        path = folder.store(signed)
    return Written(signed, path, findings)


def read_chain(folder: CheckpointFolder) -> StatementChain:
    """All statements of a folder, as far as the next one has to fit them.

    Raises:
        UserError: one cannot be read.
    """
    chain = StatementChain()
    for number in folder.numbers():
        chain.add(folder.read(number).statement)
    return chain


def record_checkpoint(
    connection: psycopg.Connection, written: Written, *, cosigned: int, witnesses: int
) -> None:
    """Tell the database, whose panels and alerts ask it; the caller commits."""
    statement = written.signed.statement
    values = (statement.number, statement.occasion, statement.sha256(), len(written.findings))
    connection.execute(_RECORD, (*values, cosigned, witnesses))


def last_closed_day(now: datetime, longest_delay: timedelta) -> date:
    """The last civil day of which nothing that counts can come any more."""
    return civil_date(now - longest_delay - _MARGIN) - timedelta(days=1)


def _require_those_before(
    connection: psycopg.Connection, folder: CheckpointFolder, chain: StatementChain
) -> None:
    """Refuse to begin anew, which would be another history than the one that was stated."""
    if chain.last is None and connection.execute(_HAS_STATED).fetchone() == (True,):
        raise UserError(
            "There is no checkpoint in {folder}, and this database has made some: restore the "
            "folder, or copy the statements from a witness into it.",
            folder=folder.path,
        )


def _next_statement(
    connection: psycopg.Connection,
    folder: CheckpointFolder,
    chain: StatementChain,
    *,
    occasion: str,
    max_delay_hours: int,
) -> Statement:
    last = chain.last
    installation = read_installation(connection)
    at = _now(connection)
    closed = None if last is None else last.closed_through
    days: list[StatedDay] = []
    months: list[StatedMonth] = []
    if occasion == NIGHTLY:
        before = closed
        longest = read_delays(connection, max_delay_hours).late
        closed = max(filter(None, (closed, last_closed_day(at, longest))))
        days, months = _presence(connection, folder, chain, before, closed)
    archives = [
        StatedArchive(
            file=each.content.file,
            file_sha256=each.content.file_sha256,
            rows_sha256=each.content.rows_sha256,
            heartbeats=each.content.heartbeats,
        )
        for each in read_records(connection)
    ]
    return Statement(
        installation=installation.created_at.astimezone(UTC),
        is_simulation=installation.is_simulation,
        number=1 if last is None else last.number + 1,
        previous_sha256=None if last is None else last.sha256(),
        at=at.astimezone(UTC),
        occasion=occasion,
        audit=_audit_head(connection, chain),
        closed_through=closed,
        days=tuple(days),
        months=tuple(months),
        archives=tuple(each for each in archives if each.file not in chain.archives),
        archives_sha256=archives_sha256(archives),
        signals=_signals(connection),
    )


def _signals(connection: psycopg.Connection) -> StatedSignals | msgspec.UnsetType:
    latest = latest_run(connection)
    if latest is None:
        return msgspec.UNSET
    return StatedSignals(
        run=latest.id, as_of=latest.as_of, signals=latest.signals, sha256=latest.sha256
    )


def _now(connection: psycopg.Connection) -> datetime:
    row = connection.execute(_NOW).fetchone()
    if row is None:
        raise TypeError("a function gives one row")
    now: datetime = row[0]
    return now


def _audit_head(connection: psycopg.Connection, chain: StatementChain) -> AuditHead:
    head = read_head(connection)
    if head is None:
        raise UserError("The head of the chain is missing.")
    before: str | None = None
    if chain.last is not None:
        number = chain.last.audit.number
        row = connection.execute(_SELECT_HASH, (number,)).fetchone()
        if row is not None:
            before = row[0].hex()
        elif number == 0:
            before = chain.last.audit.hash  # what all entries follow is no entry
    return AuditHead(number=head.number, hash=head.hash.hex(), before=before)


def _presence(
    connection: psycopg.Connection,
    folder: CheckpointFolder,
    chain: StatementChain,
    before: date | None,
    closed: date,
) -> tuple[list[StatedDay], list[StatedMonth]]:
    """Days that were closed since, and all stated months as they are now."""
    first = before + timedelta(days=1) if before else None
    if first is None:
        first = min(months_of_evidence(connection), default=None)
    new = _days_between(first, closed) if first else []
    stated = sorted({*chain.days, *new})
    days, months = [], []
    for month, of_month in groupby(stated, key=lambda day: day.replace(day=1)):
        presence = read_presence_of(connection, month)
        digests = []
        for day in of_month:
            rows = day_rows(presence, day)
            found = state_day(day, rows)
            digests.append(found.sha256)
            if day not in chain.days:
                days.append(found)
                if len(rows):
                    folder.store_day(found, pack_rows(rows))
        months.append(StatedMonth(month=month, sha256=month_sha256(digests)))
    return days, months


def _days_between(first: date, last: date) -> Iterable[date]:
    return [first + timedelta(days=day) for day in range((last - first).days + 1)]
