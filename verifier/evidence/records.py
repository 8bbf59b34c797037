"""What verifications found, and what two people said where they could not: kept for good."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jieru.database import read_installation
from jieru.errors import UserError
from verifier.evidence.stored_hours import read_presence_of
from verifier.evidence.verifying import VerifiedMonth
from verifier.procedure.code_version import code_version
from verifier.procedure.names import checked_name, is_same_person, required_text

__all__ = [
    "EvidenceException",
    "Verification",
    "confirm_exception",
    "latest_verification",
    "list_exceptions",
    "name_exception",
    "record_verification",
]

_INSERT: Final = """
    INSERT INTO evidence_verifications
        (month, verified_at, verified_by, code_version, presence_sha256, heartbeats, archives,
         differences, unprovable, unverifiable_days)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_INSERT_INVENTED: Final = """
    INSERT INTO evidence_differences (verification_id, device_id, invented_hours, from_on, to_on)
    VALUES (%s, %s, %s, %s, %s)
"""
_SELECT_LATEST: Final = """
    SELECT month, verified_at, verified_by, presence_sha256, differences, unverifiable_days
    FROM evidence_verifications WHERE month = %s ORDER BY id DESC LIMIT 1
"""
_INSERT_EXCEPTION: Final = """
    INSERT INTO evidence_exceptions (month, presence_sha256, days, reason, named_by)
    VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_CONFIRM: Final = """
    UPDATE evidence_exceptions SET confirmed_by = %s, confirmed_at = now()
    WHERE id = %s AND confirmed_by IS NULL
"""
_SELECT_EXCEPTIONS: Final = """
    SELECT id, month, presence_sha256, days, reason, named_by, named_at, confirmed_by, confirmed_at
    FROM evidence_exceptions ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found of one month."""

    month: date
    verified_at: datetime
    verified_by: str
    presence_sha256: str
    differences: int
    unverifiable_days: list[date]


@dataclass(frozen=True, slots=True)
class EvidenceException:
    """Why a month may be counted though heartbeats of some days are gone."""

    id: int
    month: date
    presence_sha256: str
    days: list[date]
    reason: str
    named_by: str
    named_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None


def record_verification(connection: psycopg.Connection, found: VerifiedMonth, by: str) -> None:
    """Keep what was found, and of which devices hours were invented; the caller commits."""
    row = connection.execute(
        _INSERT,
        (
            found.month,
            found.at,
            by,
            code_version(),
            found.presence_sha256,
            found.heartbeats,
            Jsonb(
                [{"file": each.file, "file_sha256": each.file_sha256} for each in found.archives]
            ),
            found.compared.differences,
            found.compared.unprovable,
            list(found.unverifiable_days),
        ),
    ).fetchone()
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    with connection.cursor() as cursor:
        cursor.executemany(
            _INSERT_INVENTED,
            [
                (
                    row[0],
                    each.device_id,
                    each.hours,
                    found.month + timedelta(days=each.first_day - 1),
                    found.month + timedelta(days=each.last_day - 1),
                )
                for each in found.compared.invented_by_device()
            ],
        )


def latest_verification(connection: psycopg.Connection, month: date) -> Verification | None:
    """The last result of a month; None: it was never verified."""
    with connection.cursor(row_factory=class_row(Verification)) as cursor:
        return cursor.execute(_SELECT_LATEST, (month,)).fetchone()


def name_exception(
    connection: psycopg.Connection, month: date, *, reason: str, by: str
) -> EvidenceException:
    """Name why a month may be counted though heartbeats are gone; another person confirms it.

    Raises:
        UserError: its last verification has no such days, found differences, or was of other
            evidence than there is now; or nothing is said.
    """
    reason, by = required_text(reason), checked_name(by)
    found = latest_verification(connection, month)
    if found is None or found.presence_sha256 != read_presence_of(connection, month).sha256():
        raise UserError(
            "{month} has to be verified first: run `jieru verify-evidence --month {month}`.",
            month=f"{month:%Y-%m}",
        )
    if found.differences or not found.unverifiable_days:
        raise UserError(
            "An exception is for heartbeats that are gone, and nothing else: the last verification "
            "of {month} found {differences} differences, and {days} days without heartbeats.",
            month=f"{month:%Y-%m}",
            differences=found.differences,
            days=len(found.unverifiable_days),
        )
    values = (month, found.presence_sha256, found.unverifiable_days, reason, by)
    row = connection.execute(_INSERT_EXCEPTION, values).fetchone()
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    return next(each for each in list_exceptions(connection) if each.id == row[0])


def confirm_exception(connection: psycopg.Connection, exception_id: int, *, by: str) -> None:
    """Confirm one, as another person than the one who named it.

    Raises:
        UserError: there is none, it is confirmed already, or the same person asks.
    """
    by = checked_name(by)
    found = next((e for e in list_exceptions(connection) if e.id == exception_id), None)
    if found is None:
        raise UserError("There is no exception {id}.", id=exception_id)
    is_simulation = read_installation(connection).is_simulation
    if is_same_person(found.named_by, by) and not is_simulation:
        raise UserError(
            "{name} named exception {id}: another person confirms it.", name=by, id=exception_id
        )
    if not connection.execute(_CONFIRM, (by, exception_id)).rowcount:
        raise UserError("Exception {id} is confirmed already.", id=exception_id)


def list_exceptions(connection: psycopg.Connection) -> list[EvidenceException]:
    """All of them, the oldest first."""
    with connection.cursor(row_factory=class_row(EvidenceException)) as cursor:
        return cursor.execute(_SELECT_EXCEPTIONS).fetchall()
