"""What the database remembers of the sessions that ingesters have at the broker."""

from typing import Final, NamedTuple

import psycopg

from ingest.broker_names import BrokerNames

__all__ = ["KnownSession", "end_plain_session", "note_session"]

# An ingester that never ran has no session from the time before names were derived.
_REGISTER: Final = """
    INSERT INTO ingest_sessions (ingester, expires_after, plain_ended)
    SELECT %(ingester)s, make_interval(secs => %(expiry_s)s),
           NOT EXISTS (SELECT FROM ingest_minutes WHERE ingester = %(ingester)s)
           AND NOT EXISTS (SELECT FROM ingest_hours WHERE ingester = %(ingester)s)
    ON CONFLICT (ingester) DO UPDATE SET expires_after = excluded.expires_after
"""
_READ: Final = """
    SELECT secret, coalesce(subscribed_at > now() - expires_after, false), plain_ended
    FROM ingest_sessions, ingester_secret WHERE ingester = %s
"""
_NOTE: Final = "UPDATE ingest_sessions SET subscribed_at = now() WHERE ingester = %s"
_END_PLAIN: Final = "UPDATE ingest_sessions SET plain_ended = true WHERE ingester = %s"


class KnownSession(NamedTuple):
    """One ingester's names at the broker, and what is known of the session that it has there."""

    names: BrokerNames
    is_expected: bool
    """It subscribed not so long ago that the broker may have forgotten it."""
    has_plain_ended: bool
    """Nothing can wait under the name that an earlier release used."""

    @classmethod
    def read(
        cls, connection: psycopg.Connection, ingester: str, group: str, *, expiry_s: int
    ) -> "KnownSession":
        """From the database, which is told for how many seconds the broker will keep the session.

        Raises:
            LookupError: the database has no secret, which a migration put there.
        """
        connection.execute(_REGISTER, {"ingester": ingester, "expiry_s": expiry_s})
        row = connection.execute(_READ, (ingester,)).fetchone()
        if row is None:
            raise LookupError("the table ingester_secret is empty")
        secret, is_expected, has_plain_ended = row
        return cls(BrokerNames.derived(secret, ingester, group), is_expected, has_plain_ended)


def note_session(connection: psycopg.Connection, ingester: str) -> None:
    """An ingester has a session at this moment."""
    connection.execute(_NOTE, (ingester,))


def end_plain_session(connection: psycopg.Connection, ingester: str) -> None:
    """What an earlier release left at the broker under the plain name is taken and ended."""
    connection.execute(_END_PLAIN, (ingester,))
