"""Whether the evidence of a count was held against its heartbeats: needed before it is frozen.

On a database made with `--simulation` nothing is asked: its presence may be put there by hand.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import psycopg

from jieru.database import read_installation
from jieru.i18n import marked
from verifier.evidence.records import (
    EvidenceException,
    Verification,
    latest_verification,
    list_exceptions,
)
from verifier.evidence.stored_hours import month_digests
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.records import CountRecord

__all__ = ["changed_evidence", "months_of_windows", "unverified_evidence"]

_SELECT_MONTHS: Final = """
    SELECT DISTINCT generate_series(
               date_trunc('month', (entry ->> 'window_first_day')::timestamp),
               (entry ->> 'window_last_day')::timestamp, '1 month')::date AS month
    FROM count_determinations WHERE count_id = %s AND outcome = 'counted'
    ORDER BY 1
"""


def months_of_windows(connection: psycopg.Connection, record: CountRecord) -> list[date]:
    """Every month in which the window of a counted enterprise has a day."""
    return [month for (month,) in connection.execute(_SELECT_MONTHS, (record.id,))]


def unverified_evidence(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    """Months without a clean result, as they were recorded."""
    if read_installation(connection).is_simulation:
        return
    months = months_of_windows(connection, record)
    exceptions = list_exceptions(connection) if months else []
    for month in months:
        found = latest_verification(connection, month)
        values: dict[str, object] = {"month": f"{month:%Y-%m}"}
        if found is None:
            yield Hindrance(
                "evidence_unverified",
                marked(
                    "Presence of {month} was never held against its heartbeats: run "
                    "`jieru verify-evidence --month {month}`."
                ),
                values,
            )
        elif found.differences:
            yield Hindrance(
                "evidence_differs",
                marked(
                    "Presence of {month} and its heartbeats differ in {differences} hours: find "
                    "out why, put it right and run `jieru verify-evidence --month {month}` again."
                ),
                values | {"differences": found.differences},
            )
        elif found.unverifiable_days and not _is_excepted(found, exceptions):
            yield Hindrance(
                "evidence_gone",
                marked(
                    "Heartbeats of {days} days of {month} are gone, so that its presence cannot be "
                    "verified: restore them, or two people say why it counts all the same "
                    "(`jieru procedure except-evidence {month}`)."
                ),
                values | {"days": len(found.unverifiable_days)},
            )


def changed_evidence(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    """Months whose presence is no longer what was verified: reads all of it, some seconds' work."""
    if read_installation(connection).is_simulation:
        return
    digests = month_digests(connection, months_of_windows(connection, record))
    for month, digest in digests.items():
        found = latest_verification(connection, month)
        if found is not None and found.presence_sha256 != digest:
            yield Hindrance(
                "evidence_changed",
                marked(
                    "Presence of {month} was changed since it was verified on {day}: run "
                    "`jieru verify-evidence --month {month}` again."
                ),
                {"month": f"{month:%Y-%m}", "day": f"{found.verified_at:%Y-%m-%d}"},
            )


def _is_excepted(found: Verification, exceptions: list[EvidenceException]) -> bool:
    return any(
        each.confirmed_by is not None
        and each.month == found.month
        and each.presence_sha256 == found.presence_sha256
        and set(each.days) >= set(found.unverifiable_days)
        for each in exceptions
    )
