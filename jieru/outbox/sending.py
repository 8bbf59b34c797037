"""The follower of the outbox: claims what is due, hands it in, and writes down what became of it.

A message is claimed by locking its row and is written down as sent in the same transaction: whoever
dies in between sends it once more, under the same Message-ID, and nobody sends it at the same time.
What nobody should read any more, for its time is over or the enterprise has another contact, is
dropped, however it comes to be late.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import psycopg
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from jieru.errors import WorldError
from jieru.outbox.mail import MailServer, RefusedError, Session

__all__ = ["MAX_ATTEMPTS", "Metrics", "Round", "delay_before", "send_due"]

MAX_ATTEMPTS: Final = 16
"""Tried over about two and a half days, as mail servers do among themselves."""
_FIRST_DELAY: Final = timedelta(minutes=1)
_LONGEST_DELAY: Final = timedelta(hours=8)
_AT_ONCE: Final = 100
"""Messages of one session with the mail server."""

_ANY_DUE: Final = """
    SELECT EXISTS (SELECT FROM outbox
                   WHERE sent_at IS NULL AND NOT dead AND dropped IS NULL
                     AND next_attempt_at <= now())
"""
_CLAIM: Final = """
    SELECT id, event_key, recipient, subject, body, attempts,
           CASE WHEN expires_at <= %(now)s THEN 'expired'
                WHEN EXISTS (SELECT FROM enterprise_contacts AS written
                             JOIN enterprise_contacts AS newer USING (enterprise_id)
                             WHERE written.id = contact_id AND newer.id > contact_id)
                THEN 'another_contact' END
    FROM outbox
    WHERE sent_at IS NULL AND NOT dead AND dropped IS NULL AND next_attempt_at <= now()
    ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_DROP: Final = "UPDATE outbox SET dropped = %s, body = '' WHERE id = %s"
_SENT: Final = """
    UPDATE outbox SET sent_at = now(), attempts = attempts + 1, last_error = NULL, body = ''
    WHERE id = %s
"""
_FAILED: Final = """
    UPDATE outbox SET attempts = attempts + 1, last_error = %(error)s, dead = %(dead)s,
                      next_attempt_at = now() + %(delay)s
    WHERE id = %(id)s
"""
_COUNT: Final = """
    SELECT count(*) FILTER (WHERE NOT dead), count(*) FILTER (WHERE dead),
           coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE NOT dead)), 0)
    FROM outbox WHERE sent_at IS NULL AND dropped IS NULL
"""

_log = structlog.get_logger()


class Metrics:
    """What the follower tells Prometheus of itself."""

    def __init__(self) -> None:
        """All at zero."""
        self.registry = CollectorRegistry()
        self.sent = Counter(
            "jieru_notify_sent", "Messages that a server took", registry=self.registry
        )
        self.failed = Counter(
            "jieru_notify_failed", "Attempts that failed, to be repeated", registry=self.registry
        )
        self.dead = Counter(
            "jieru_notify_given_up", "Messages that were given up", registry=self.registry
        )
        self.waiting = Gauge(
            "jieru_notify_waiting", "Messages that wait to be sent", registry=self.registry
        )
        self.dead_letters = Gauge(
            "jieru_notify_dead_letters",
            "Messages that were given up and stay so",
            registry=self.registry,
        )
        self.oldest_s = Gauge(
            "jieru_notify_oldest_seconds", "Age of the oldest that waits", registry=self.registry
        )


class Round(NamedTuple):
    """What one look at the outbox did."""

    sent: int
    failed: int
    dead: int


def delay_before(attempts: int) -> timedelta:
    """How long to wait after so many attempts: doubled each time, from a minute to eight hours."""
    doubled: timedelta = _FIRST_DELAY * (1 << min(max(attempts - 1, 0), 16))
    return min(doubled, _LONGEST_DELAY)


def send_due(
    connection: psycopg.Connection, server: MailServer, metrics: Metrics, *, now: datetime
) -> Round:
    """Send what is due now, at most a hundred messages.

    Args:
        connection: in autocommit mode, outside a transaction.
        server: takes the messages.
        metrics: told of each.
        now: the moment, by which messages are over.

    Raises:
        WorldError: the mail server is away; nothing was tried, and no attempt is counted.
    """
    done = Round(0, 0, 0)
    if connection.execute(_ANY_DUE).fetchone() == (True,):
        with server.session() as session:
            done = _send_some(connection, session, metrics, now)
    waiting, dead, oldest_s = connection.execute(_COUNT).fetchone() or (0, 0, 0)
    metrics.waiting.set(waiting)
    metrics.dead_letters.set(dead)
    metrics.oldest_s.set(oldest_s)
    return done


def _send_some(
    connection: psycopg.Connection, session: Session, metrics: Metrics, now: datetime
) -> Round:
    sent = failed = dead = 0
    for _number in range(_AT_ONCE):
        with connection.transaction():
            row = connection.execute(_CLAIM, {"now": now}).fetchone()
            if row is None:
                break
            message_id, event_key, recipient, subject, body, attempts, is_over = row
            if is_over:
                connection.execute(_DROP, (is_over, message_id))
                _log.info("message_dropped", message=message_id, ground=is_over)
                continue
            try:
                session.send(event_key, recipient, subject, body)
            except RefusedError as error:
                reason = _without(recipient, error)
                _fail(connection, message_id, attempts, reason, is_dead=True)
                dead += 1
                continue
            except WorldError as error:
                is_dead = attempts + 1 >= MAX_ATTEMPTS
                reason = _without(recipient, error)
                _fail(connection, message_id, attempts, reason, is_dead=is_dead)
                dead, failed = dead + is_dead, failed + (not is_dead)
                if session.is_broken:
                    break
                continue
            connection.execute(_SENT, (message_id,))
            _log.info("message_sent", message=message_id)
            sent += 1
    metrics.sent.inc(sent)
    metrics.failed.inc(failed)
    metrics.dead.inc(dead)
    return Round(sent, failed, dead)


def _without(recipient: str, error: Exception) -> str:
    """What went wrong, for a log that does not tell who is written to."""
    return str(error).replace(recipient, "<recipient>")


def _fail(
    connection: psycopg.Connection, message_id: int, attempts: int, error: str, *, is_dead: bool
) -> None:
    delay = delay_before(attempts + 1)
    values = {"id": message_id, "error": error, "dead": is_dead, "delay": delay}
    connection.execute(_FAILED, values)
    if is_dead:
        _log.error("message_given_up", message=message_id, attempts=attempts + 1, error=error)
        return
    retry_s = int(delay.total_seconds())
    _log.warning("message_not_sent", message=message_id, retry_seconds=retry_s, error=error)
