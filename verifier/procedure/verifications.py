"""Verifications that are recorded: for panels, which can compare but cannot verify a signature.

Of each frozen count is kept what the last verification found and of which versions of its rows;
the view `audit.count_verifications` says from that whether the count is as it was signed, or was
changed since. `jieru serve` verifies what was changed within a minute and everything once an hour;
`jieru procedure verify` does it at once.
"""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import random
from typing import Final

import psycopg
import structlog
from psycopg.types.json import Jsonb

from jieru.beside import running_beside
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.i18n import LANGUAGES, translations
from jieru.retry import backoff_delays, is_worth_retrying
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.records import CountRecord, list_counts
from verifier.procedure.trusted_keys import TrustedKeys
from verifier.procedure.verifying import faults

__all__ = ["Verification", "verify_counts", "verifying_counts"]

_SELECT_VERIFIED: Final = """
    SELECT n.count_id FROM count_row_versions n JOIN count_verifications v USING (count_id)
    WHERE v.row_versions = n.row_versions AND v.verified_at > now() - %s
"""
_SELECT_VERSIONS: Final = "SELECT row_versions FROM count_row_versions WHERE count_id = %s"
_STORE: Final = """
    INSERT INTO count_verifications (count_id, verified_at, row_versions, findings)
    VALUES (%(id)s, now(), %(versions)s, %(findings)s)
    ON CONFLICT (count_id) DO UPDATE
    SET verified_at = now(), row_versions = excluded.row_versions, findings = excluded.findings
"""
_PAUSE_S: Final = 60.0
_GOOD_FOR: Final = timedelta(hours=1)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found of one count."""

    record: CountRecord
    found: Sequence[Hindrance]


def verify_counts(
    connection: psycopg.Connection,
    trusted: TrustedKeys,
    *,
    year: int | None = None,
    good_for: timedelta = timedelta(0),
) -> list[Verification]:
    """Verify the frozen counts and record what was found of each.

    Args:
        connection: outside a transaction; nothing is left to commit.
        trusted: whose signatures count.
        year: of this year only.
        good_for: a count that was verified within that time and did not change is left out.
    """
    with connection.transaction():
        left_out = {row[0] for row in connection.execute(_SELECT_VERIFIED, (good_for,))}
        records = [each for each in list_counts(connection, year) if each.digest is not None]
    return [
        _verify(connection, each, trusted) for each in reversed(records) if each.id not in left_out
    ]


def _verify(
    connection: psycopg.Connection, record: CountRecord, trusted: TrustedKeys
) -> Verification:
    with connection.transaction():
        # Before the rows are read: who writes meanwhile makes them others than those recorded.
        row = connection.execute(_SELECT_VERSIONS, (record.id,)).fetchone()
        found = faults(connection, record, trusted)
        values = {
            "id": record.id,
            "versions": row[0] if row else "",
            "findings": Jsonb([_finding(each) for each in found]),
        }
        connection.execute(_STORE, values)
    return Verification(record, found)


def _finding(found: Hindrance) -> dict[str, str]:
    said = {"code": found.code}
    for language in LANGUAGES:
        said[language] = translations(language).gettext(found.message).format(**found.values)
    return said


def verifying_counts(database_url: str, trusted: TrustedKeys) -> AbstractContextManager[None]:
    """Verify in a thread until the block ends."""
    return running_beside(
        partial(_verify_and_log_a_bug, database_url, trusted), name="count-verification"
    )


def _verify_and_log_a_bug(database_url: str, trusted: TrustedKeys, stop: threading.Event) -> None:
    try:
        _keep_verifying(database_url, trusted, stop)
    except Exception:  # noqa: BLE001 - the console that this thread belongs to goes on
        _log.exception("count_verification_ended")


def _keep_verifying(database_url: str, trusted: TrustedKeys, stop: threading.Event) -> None:
    delays = backoff_delays(random)
    # At first all of them, whatever another process found: pages of this one rest on what it found
    # itself, and so the first reader need not wait for it.
    good_for = timedelta(0)
    while not stop.is_set():
        try:
            with connect(database_url) as connection:
                while not stop.is_set():
                    for each in verify_counts(connection, trusted, good_for=good_for):
                        if each.found:
                            _log.error(
                                "count_not_as_signed",
                                count=each.record.count_id,
                                findings=[one.code for one in each.found],
                            )
                    good_for = _GOOD_FOR
                    delays = backoff_delays(random)
                    stop.wait(_PAUSE_S)
        except (UserError, WorldError) as error:
            _log.warning("count_verification_failed", error=str(error))
        except psycopg.Error as error:
            if not is_worth_retrying(error):
                raise
            _log.warning("count_verification_failed", error=" ".join(str(error).split()))
        stop.wait(next(delays))
