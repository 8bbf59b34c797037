"""The follower of the outbox: claims what is due, hands it in, and writes down what became of it.

A message is claimed by locking its row and is written down as sent in the same transaction: whoever
dies in between sends it once more, under the same Message-ID, and nobody sends it at the same time.
What nobody should read any more, for its time is over or the enterprise has another contact, is
dropped, however it comes to be late.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import psycopg
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from psycopg.rows import class_row

from jieru.errors import UserError, WorldError
from jieru.outbox.mail import MailServer, RefusedError, Session, message_id_of
from jieru.outbox.sealing import NoticeKey
from jieru.outbox.shapes import Shape
from jieru.outbox.webhooks import Webhooks

__all__ = [
    "LEAVE_PATH",
    "MAX_ATTEMPTS",
    "Metrics",
    "Round",
    "delay_before",
    "post_due",
    "send_due",
]

LEAVE_PATH: Final = "/notices/leave/"
"""Where whoever has the code behind it leaves, without signing in."""

MAX_ATTEMPTS: Final = 16
"""Tried over about two and a half days, as mail servers do among themselves."""
_FIRST_DELAY: Final = timedelta(minutes=1)
_LONGEST_DELAY: Final = timedelta(hours=8)
_AT_ONCE: Final = 100
"""Messages of one session with the mail server."""

_ANY_DUE: Final = """
    SELECT EXISTS (SELECT FROM outbox
                   WHERE sent_at IS NULL AND NOT dead AND dropped IS NULL
                     AND next_attempt_at <= now() AND channel = %s)
"""
_CLAIM: Final = """
    SELECT outbox.id, event_key, recipient, subject, body, attempts, c.user_id, c.shape, c.sealed,
           coalesce(c.leave_code, '') AS leave_code,
           CASE WHEN expires_at <= %(now)s THEN 'expired'
                WHEN c.left_at IS NOT NULL
                     OR (SELECT disabled_at FROM users WHERE id = c.user_id) IS NOT NULL THEN 'left'
                WHEN EXISTS (SELECT FROM enterprise_contacts AS written
                             JOIN enterprise_contacts AS newer USING (enterprise_id)
                             WHERE written.id = contact_id AND newer.id > contact_id)
                THEN 'another_contact' END AS is_over
    FROM outbox LEFT JOIN notice_channels c ON c.id = notice_channel_id
    WHERE sent_at IS NULL AND NOT dead AND dropped IS NULL AND next_attempt_at <= now()
      AND outbox.channel = %(channel)s
    ORDER BY next_attempt_at, outbox.id LIMIT 1 FOR UPDATE OF outbox SKIP LOCKED
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
        self.told = Counter(
            "jieru_notify_told", "Events that people were told of", registry=self.registry
        )
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


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that nobody else sends meanwhile."""

    id: int
    event_key: str
    recipient: str = field(repr=False)
    subject: str
    body: str = field(repr=False)
    attempts: int
    user_id: int | None
    """Whose channel it goes by; None: it is no notice."""
    shape: str | None
    sealed: str | None = field(repr=False)
    leave_code: str = field(repr=False)
    is_over: str | None


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
    connection: psycopg.Connection,
    server: MailServer,
    metrics: Metrics,
    *,
    now: datetime,
    public_url: str = "",
) -> Round:
    """Send the mail that is due now, at most a hundred messages.

    Args:
        connection: in autocommit mode, outside a transaction.
        server: takes the messages.
        metrics: told of each.
        now: the moment, by which messages are over.
        public_url: of the console, for the links by which one leaves.

    Raises:
        WorldError: the mail server is away; nothing was tried, and no attempt is counted.
    """
    done = Round(0, 0, 0)
    if connection.execute(_ANY_DUE, ("email",)).fetchone() == (True,):
        with server.session() as session:

            def hand_in(claimed: Claimed) -> None:
                address = f"{public_url}{LEAVE_PATH}{claimed.leave_code}"
                session.send(
                    claimed.event_key,
                    claimed.recipient,
                    claimed.subject,
                    claimed.body,
                    leave_address=address if claimed.leave_code else "",
                )

            done = _send_some(connection, "email", hand_in, metrics, now, session)
    _measure(connection, metrics)
    return done


def post_due(
    connection: psycopg.Connection,
    webhooks: Webhooks,
    key: NoticeKey | None,
    metrics: Metrics,
    *,
    now: datetime,
) -> Round:
    """Bring what is due now to webhooks, at most a hundred messages.

    Args:
        connection: in autocommit mode, outside a transaction.
        webhooks: bring the messages.
        key: under which their addresses are sealed.
        metrics: told of each.
        now: the moment.
    """

    def bring(claimed: Claimed) -> None:
        if key is None:
            raise WorldError("JIERU_NOTICE_KEY_FILE is not set: webhooks cannot be opened")
        try:
            secrets = key.opened(claimed.user_id or 0, claimed.sealed or "")
        except UserError as error:
            raise WorldError(error.message, **error.values) from None
        webhooks.send(
            Shape(claimed.shape or Shape.STANDARD),
            secrets.url,
            secrets.secret,
            message_id_of(claimed.event_key),
            claimed.subject,
            claimed.body,
            now=now,
        )

    done = _send_some(connection, "webhook", bring, metrics, now, None)
    _measure(connection, metrics)
    return done


def _measure(connection: psycopg.Connection, metrics: Metrics) -> None:
    waiting, dead, oldest_s = connection.execute(_COUNT).fetchone() or (0, 0, 0)
    metrics.waiting.set(waiting)
    metrics.dead_letters.set(dead)
    metrics.oldest_s.set(oldest_s)


def _send_some(
    connection: psycopg.Connection,
    channel: str,
    hand_in: Callable[[Claimed], None],
    metrics: Metrics,
    now: datetime,
    session: Session | None,
) -> Round:
    sent = failed = dead = 0
    for _number in range(_AT_ONCE):
        with connection.transaction(), connection.cursor(row_factory=class_row(Claimed)) as cursor:
            claimed = cursor.execute(_CLAIM, {"now": now, "channel": channel}).fetchone()
            if claimed is None:
                break
            if claimed.is_over:
                connection.execute(_DROP, (claimed.is_over, claimed.id))
                _log.info("message_dropped", message=claimed.id, ground=claimed.is_over)
                continue
            try:
                hand_in(claimed)
            except RefusedError as error:
                reason = _without(claimed.recipient, error)
                _fail(connection, claimed.id, claimed.attempts, reason, is_dead=True)
                dead += 1
                continue
            except WorldError as error:
                is_dead = claimed.attempts + 1 >= MAX_ATTEMPTS
                reason = _without(claimed.recipient, error)
                _fail(connection, claimed.id, claimed.attempts, reason, is_dead=is_dead)
                dead, failed = dead + is_dead, failed + (not is_dead)
                if session is not None and session.is_broken:
                    break
                continue
            connection.execute(_SENT, (claimed.id,))
            _log.info("message_sent", message=claimed.id)
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
    # Messages that failed together are not repeated together.
    delay = delay_before(attempts + 1) * random.uniform(1.0, 1.25)  # noqa: S311 - no secret
    values = {"id": message_id, "error": error, "dead": is_dead, "delay": delay}
    connection.execute(_FAILED, values)
    if is_dead:
        _log.error("message_given_up", message=message_id, attempts=attempts + 1, error=error)
        return
    retry_s = int(delay.total_seconds())
    _log.warning("message_not_sent", message=message_id, retry_seconds=retry_s, error=error)
