"""Attempts to come in: each is counted as a failure before it is looked at.

It takes itself back when it succeeds. Whoever guesses in parallel is counted one by one, and what
an attempt leaves behind is the same whoever has the name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg

from api.access.delays import remaining_s

__all__ = ["Attempt", "TooEarly", "enter_attempt", "forget_failures", "take_back"]

_FORGOTTEN_AFTER: Final = timedelta(days=1)

# Locks the row of each subject, in one order, whether it was there or not.
_LOCK: Final = """
    INSERT INTO sign_in_failures (subject, failures, last_failed_at)
    SELECT subject, 0, %(now)s FROM unnest(%(subjects)s::text[]) AS subject ORDER BY subject
    ON CONFLICT (subject) DO UPDATE SET subject = excluded.subject
    RETURNING subject, failures, last_failed_at
"""
_COUNT: Final = """
    UPDATE sign_in_failures
    SET failures = CASE WHEN last_failed_at > %(since)s THEN failures + 1 ELSE 1 END,
        last_failed_at = %(now)s
    WHERE subject = ANY (%(subjects)s)
"""
# As if it had never been, but for others that failed meanwhile.
_TAKE_BACK: Final = """
    UPDATE sign_in_failures
    SET failures = greatest(failures - 1, 0),
        last_failed_at = CASE WHEN last_failed_at = %(entered_at)s THEN %(before)s
                              ELSE last_failed_at END
    WHERE subject = %(subject)s
"""
_FORGET_NONE: Final = "DELETE FROM sign_in_failures WHERE subject = ANY (%s) AND failures = 0"
_FORGET: Final = "DELETE FROM sign_in_failures WHERE subject = %s"
_FORGET_OLD: Final = """
    DELETE FROM sign_in_failures WHERE subject IN (
        SELECT subject FROM sign_in_failures WHERE last_failed_at < %s FOR UPDATE SKIP LOCKED)
"""


class TooEarly(Exception):  # noqa: N818 - what it is
    """Too many attempts failed; the next one is looked at after some seconds."""

    def __init__(self, seconds: int) -> None:
        """Say after how many whole seconds."""
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that is counted."""

    entered_at: datetime
    before: Mapping[str, datetime]
    """By what it is counted under, the last failure before it."""


def enter_attempt(
    connection: psycopg.Connection, free: Mapping[str, int], now: datetime
) -> Attempt:
    """Count an attempt in a transaction of its own, before anything else is done for it.

    Args:
        connection: outside of a transaction.
        free: by what the attempt is counted under, how many failures cost nothing.
        now: the moment of the attempt.

    Raises:
        TooEarly: it is too early for another one; it is not counted.
    """
    values = {"subjects": sorted(free), "now": now, "since": now - _FORGOTTEN_AFTER}
    with connection.transaction():
        before = {
            subject: (failures, last)
            for subject, failures, last in connection.execute(_LOCK, values)
        }
        waits = (
            remaining_s(failures, free[subject], last, now)
            for subject, (failures, last) in before.items()
            if last > now - _FORGOTTEN_AFTER
        )
        seconds = max(waits, default=0)
        if seconds:
            raise TooEarly(seconds)
        connection.execute(_COUNT, values)
    return Attempt(now, {subject: last for subject, (_failures, last) in before.items()})


def take_back(connection: psycopg.Connection, attempt: Attempt) -> None:
    """Let an attempt that succeeded leave nothing behind; the caller commits."""
    for subject in sorted(attempt.before):
        values = {
            "subject": subject,
            "entered_at": attempt.entered_at,
            "before": attempt.before[subject],
        }
        connection.execute(_TAKE_BACK, values)
    connection.execute(_FORGET_NONE, (sorted(attempt.before),))


def forget_failures(connection: psycopg.Connection, subject: str | None, now: datetime) -> None:
    """Forget what was counted under a subject, and all that is a day old; the caller commits."""
    if subject is not None:
        connection.execute(_FORGET, (subject,))
    connection.execute(_FORGET_OLD, (now - _FORGOTTEN_AFTER,))
