"""Challenges in the database: who can be challenged, issuing, acknowledging, judging."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import psycopg
import structlog
from psycopg.rows import class_row

from jieru.calendar import SHANGHAI, civil_date
from jieru.i18n import gettext, translations
from jieru.i18n import marked as _
from jieru.outbox.queue import Message, enqueue
from registry.brought_to_case import bring_to_case
from registry.confirmations import Asking
from registry.refusals import ConflictError, NotRegisteredError
from registry.spoken_codes import code_digest, grouped, new_code
from verifier.trust.challenges.choosing import Candidate
from verifier.trust.challenges.result import LOOK_BACK, Beat, Judged, judge

__all__ = [
    "Challenge",
    "acknowledge",
    "candidates",
    "find_challenge",
    "issue",
    "issue_for_connection",
    "judge_due",
]

_LASTS: Final = timedelta(hours=1)
_JUDGED_AFTER: Final = timedelta(hours=1)
"""For heartbeats that are under way."""
_HEARD_WITHIN: Final = timedelta(minutes=15)
_RESTS: Final = timedelta(days=30)
"""Nobody's work is interrupted more often by chance."""
_MISSES: Final = 2

_SUBJECT: Final = _("Please stop one machine for ten minutes: {serial}")
_BODY: Final = _(
    "To {contact}\n\n"
    "The city checks whether the machines that the platform {platform} reports of your enterprise "
    "{enterprise} are really yours. Please let the machine {serial} stand still for ten minutes "
    "before {until} o'clock today, or set it to maintenance, whichever disturbs your work less. "
    "Should that not be possible, leave it, and open the link all the same.\n\n"
    "Please say here that this message reached you:\n\n{link}\n\n"
    "Code: {code}. Do not tell the platform of it before {until}.\n"
)

_SELECT_CANDIDATES: Final = """
    WITH heard AS (
        SELECT DISTINCT ON (c.id) c.id AS connection_id, d.id AS device_id, c.platform_id,
               c.enterprise_id,
               EXISTS (SELECT FROM challenges b
                       WHERE b.device_id = d.id AND b.ground = ANY (%(own)s)) AS was_not_judged
        FROM connections c
        JOIN assignments a ON a.enterprise_id = c.enterprise_id AND a.from_date <= %(today)s
                           AND (a.to_date IS NULL OR a.to_date > %(today)s)
        JOIN devices d ON d.id = a.device_id AND d.platform_id = c.platform_id
        JOIN device_states s ON s.device_id = d.id AND s.last_seen_at > %(heard_since)s
        WHERE c.from_date <= %(today)s AND (c.to_date IS NULL OR c.to_date > %(today)s)
          AND (%(connection)s::integer IS NULL OR c.id = %(connection)s)
          AND (SELECT email FROM enterprise_contacts WHERE enterprise_id = c.enterprise_id
               ORDER BY id DESC LIMIT 1) IS NOT NULL
          AND NOT EXISTS (SELECT FROM challenges b WHERE b.connection_id = c.id
                          AND (b.result IS NULL OR (%(connection)s::integer IS NULL
                                                    AND b.issued_at > %(rested_since)s)))
        ORDER BY c.id, was_not_judged, random()
    )
    SELECT connection_id, device_id,
           (SELECT count(*)::integer FROM signals
            WHERE run_id = (SELECT max(id) FROM signal_runs)
              AND signals.platform_id = heard.platform_id
              AND signals.enterprise_id = heard.enterprise_id)
    FROM heard
    WHERE NOT %(early_or_late)s OR NOT EXISTS (
        SELECT FROM assignments a JOIN devices d ON d.id = a.device_id
        JOIN presence p ON p.device_id = d.id AND p.month >= %(heard_month)s
        WHERE a.enterprise_id = heard.enterprise_id AND d.platform_id = heard.platform_id
          AND (a.to_date IS NULL OR a.to_date > %(today)s)
          AND p.hours & %(working_hours)s::bit(744) <> 0::bit(744))
"""
# Civil hours 8, 9, 10 and 14, 15, 16 of every day of a month, as presence has them.
_WORKING_HOURS: Final = "000000001110001110000000" * 31
_LOOK_AT_HOURS_SINCE: Final = timedelta(days=30)
_OF_THE_MACHINE: Final = ["slow_device", "silent_before", "gaps_usual"]
"""Grounds for which a machine is not judged: where an enterprise has another one, that is asked."""
_SELECT_ADDRESSEE: Final = """
    SELECT contacts.id, contacts.name, contacts.email, platforms.name, enterprises.name,
           devices.serial
    FROM connections
    JOIN platforms ON platforms.id = connections.platform_id
    JOIN enterprises ON enterprises.id = connections.enterprise_id
    JOIN devices ON devices.id = %(device)s
    JOIN LATERAL (SELECT id, name, email FROM enterprise_contacts
                  WHERE enterprise_id = enterprises.id ORDER BY id DESC LIMIT 1) AS contacts ON true
    WHERE connections.id = %(connection)s
"""
_INSERT: Final = """
    INSERT INTO challenges (connection_id, device_id, contact_id, token_sha256, issued_by,
                            issued_at, ends_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_FIND: Final = """
    SELECT c.id, platforms.name AS platform_name, enterprises.name AS enterprise_name,
           enterprises.uscc, devices.serial, c.issued_at, c.ends_at, c.acknowledged_at
    FROM challenges c
    JOIN devices ON devices.id = c.device_id
    JOIN platforms ON platforms.id = devices.platform_id
    JOIN connections ON connections.id = c.connection_id
    JOIN enterprises ON enterprises.id = connections.enterprise_id
    WHERE token_sha256 = %s
"""
_ACKNOWLEDGE: Final = """
    UPDATE challenges SET acknowledged_at = %s, acknowledged_from = %s
    WHERE token_sha256 = %s AND acknowledged_at IS NULL AND result IS NULL AND ends_at > %s
"""
_SELECT_DUE: Final = """
    SELECT id, connection_id, device_id, issued_at, ends_at, acknowledged_at IS NOT NULL
    FROM challenges WHERE result IS NULL AND ends_at <= %s ORDER BY id LIMIT 100 FOR UPDATE
"""
_ANY_DUE: Final = "SELECT EXISTS (SELECT FROM challenges WHERE result IS NULL AND ends_at <= %s)"
_SELECT_BEATS: Final = """
    SELECT "time", status::text FROM heartbeats
    WHERE device_id = %s AND "time" BETWEEN %s AND %s ORDER BY "time"
"""
# Of the whole city: where nothing at all was stored, a gap is ours.
_SELECT_STORED_MINUTES: Final = """
    SELECT count(DISTINCT minute) FROM ingest_minutes
    WHERE minute >= %s AND minute < %s AND committed > 0
"""
_WAS_SENT: Final = """
    SELECT EXISTS (SELECT FROM outbox WHERE event_key = %s AND sent_at <= %s)
"""
_KEPT_FOR: Final = "SELECT make_interval(days => heartbeats_days) FROM retention"
_JUDGE: Final = """
    UPDATE challenges SET result = %s, ground = %s, judged_at = %s WHERE id = %s
"""
# Misses since the machine was last seen to stop, and since they last opened a case.
_COUNT_MISSES: Final = """
    SELECT count(*) FROM challenges c
    JOIN connections n ON n.id = c.connection_id
    WHERE c.connection_id = %(connection)s AND c.result IN ('missed', 'unanswered')
      AND c.judged_at > coalesce((SELECT max(judged_at) FROM challenges
                                  WHERE connection_id = c.connection_id AND result = 'seen'),
                                 '-infinity')
      AND c.judged_at > coalesce((SELECT max(opened_at) FROM cases
                                  WHERE cause = 'challenge' AND platform_id = n.platform_id
                                    AND enterprise_id = n.enterprise_id), '-infinity')
"""
_CASE_OF: Final = "SELECT platform_id, enterprise_id FROM connections WHERE id = %s"
_OUTAGE_MINUTES: Final = 5
_MAIL_WITHIN: Final = timedelta(minutes=20)
"""Later it is not sent: whoever reads it could not act on it, and it is not judged."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge as whoever has its code may read it."""

    id: int
    platform_name: str
    enterprise_name: str
    uscc: str
    serial: str
    issued_at: datetime
    ends_at: datetime
    acknowledged_at: datetime | None


def candidates(
    connection: psycopg.Connection,
    now: datetime,
    connection_id: int | None = None,
    *,
    is_early_or_late: bool = False,
) -> list[Candidate]:
    """Whoever can be challenged now: with a contact by mail, and a machine that is heard.

    Args:
        connection: where to look.
        now: the moment.
        connection_id: look at this one only, whenever it was challenged before.
        is_early_or_late: look at those only none of whose machines was heard in working hours,
            this month and the thirty days before today.
    """
    values = {
        "today": civil_date(now),
        "heard_since": now - _HEARD_WITHIN,
        "rested_since": now - _RESTS,
        "connection": connection_id,
        "early_or_late": is_early_or_late,
        "heard_month": civil_date(now - _LOOK_AT_HOURS_SINCE).replace(day=1),
        "working_hours": _WORKING_HOURS,
        "own": _OF_THE_MACHINE,
    }
    return [Candidate(*row) for row in connection.execute(_SELECT_CANDIDATES, values)]


def issue(
    connection: psycopg.Connection,
    candidate: Candidate,
    asking: Asking,
    *,
    by: str,
    now: datetime,
) -> int:
    """Challenge one enterprise; the challenge's id.

    Args:
        connection: in a transaction of the caller's changes.
        candidate: of `candidates`, of this moment.
        asking: how enterprises are asked.
        by: who asks, as the audit names them.
        now: the moment.
    """
    values = {"connection": candidate.connection_id, "device": candidate.device_id}
    row = connection.execute(_SELECT_ADDRESSEE, values).fetchone()
    assert row is not None  # noqa: S101 - a candidate is connected and has a contact
    contact_id, contact, email, platform, enterprise, serial = row
    code, ends_at = new_code(), now + _LASTS
    digest = code_digest(code)
    made = connection.execute(
        _INSERT,
        (candidate.connection_id, candidate.device_id, contact_id, digest, by, now, ends_at),
    ).fetchone()
    assert made is not None  # noqa: S101 - INSERT ... RETURNING of one row
    said = {
        "contact": contact,
        "platform": platform,
        "enterprise": enterprise,
        "serial": serial,
        "until": f"{ends_at.astimezone(SHANGHAI):%H:%M}",
        "link": f"{asking.public_url}/challenge/{code}",
        "code": grouped(code),
    }
    challenge_id: int = made[0]
    translate = translations(asking.language).gettext
    message = Message(
        f"challenge:{challenge_id}",
        email,
        translate(_SUBJECT).format(**said),
        translate(_BODY).format(**said),
        expires_at=now + _MAIL_WITHIN,
        contact_id=contact_id,
    )
    enqueue(connection, message)
    return challenge_id


def issue_for_connection(
    connection: psycopg.Connection,
    connection_id: int,
    asking: Asking,
    *,
    by: str,
    now: datetime,
    is_early_or_late: bool = False,
) -> int:
    """Challenge the enterprise of one connection, whenever it was challenged before.

    Raises:
        ConflictError: it cannot be challenged now.
    """
    found = candidates(connection, now, connection_id, is_early_or_late=is_early_or_late)
    if not found:
        raise ConflictError(
            _(
                "It cannot be challenged now: it needs a contact with a mail address, a machine "
                "that was heard in the last quarter of an hour, and no open challenge."
            )
        )
    return issue(connection, found[0], asking, by=by, now=now)


def find_challenge(connection: psycopg.Connection, code: str) -> Challenge | None:
    """The challenge of a code; None: there is none."""
    with connection.cursor(row_factory=class_row(Challenge)) as cursor:
        return cursor.execute(_FIND, (code_digest(code),)).fetchone()


def acknowledge(connection: psycopg.Connection, code: str, *, origin: str, now: datetime) -> None:
    """Write down that the message reached the contact.

    Raises:
        NotRegisteredError: nobody was challenged under this code.
        ConflictError: its hour is over.
    """
    if connection.execute(_ACKNOWLEDGE, (now, origin, code_digest(code), now)).rowcount:
        return
    found = find_challenge(connection, code)
    if found is None:
        raise NotRegisteredError
    if found.acknowledged_at is None:
        raise ConflictError(_("Its hour is over."))


def judge_due(
    connection: psycopg.Connection, *, by: str, now: datetime
) -> list[tuple[int, Judged]]:
    """Judge every challenge that is over, and open a case where one is missed for the second time.

    Where a case is open already, the miss is noted there. What cannot be judged is told to the log.

    Args:
        connection: in a transaction of the caller's changes.
        by: who judges, as the audit names them.
        now: the moment.
    """
    judged = []
    for row in connection.execute(_SELECT_DUE, (now - _JUDGED_AFTER,)).fetchall():
        due = _Due(*row)
        try:
            with connection.transaction():
                judged.append((due.id, _judge_one(connection, due, by=by, now=now)))
        except psycopg.OperationalError:
            raise  # the database is away, for the others as well
        except psycopg.Error:
            # It stays due, is told of each hour, and keeps no other from being judged.
            _log.exception("challenge_not_judged", challenge=due.id)
    return judged


class _Due(NamedTuple):
    """A challenge whose hour is over."""

    id: int
    connection_id: int
    device_id: int
    issued_at: datetime
    ends_at: datetime
    is_acknowledged: bool


def _judge_one(connection: psycopg.Connection, due: _Due, *, by: str, now: datetime) -> Judged:
    if not _was_told(connection, due.id, due.issued_at):
        found = Judged("not_judged", "mail_late")
    else:
        found = judge(
            _beats(connection, due.device_id, due.issued_at, due.ends_at),
            due.issued_at,
            due.ends_at,
            is_acknowledged=due.is_acknowledged,
            are_ingesters_away=_were_away(connection, due.issued_at, due.ends_at),
            are_beats_kept=_are_kept(connection, now - due.issued_at),
        )
    connection.execute(_JUDGE, (*found, now, due.id))
    if found.result in ("missed", "unanswered"):
        _count_misses(connection, due.connection_id, by=by, now=now)
    return found


def _count_misses(
    connection: psycopg.Connection, connection_id: int, *, by: str, now: datetime
) -> None:
    """Let people look at misses, once there are enough of them in a row."""
    row = connection.execute(_COUNT_MISSES, {"connection": connection_id}).fetchone()
    misses = row[0] if row else 0
    if misses < _MISSES:
        return
    text = gettext(_("Challenges missed in a row: {number}")).format(number=misses)
    ((platform_id, enterprise_id),) = connection.execute(_CASE_OF, (connection_id,)).fetchall()
    bring_to_case(
        connection, platform_id, enterprise_id, cause="challenge", text=text, by=by, at=now
    )


def _was_told(connection: psycopg.Connection, challenge_id: int, issued_at: datetime) -> bool:
    """Whether the mail went out while there was time to act on it."""
    values = (f"challenge:{challenge_id}", issued_at + _MAIL_WITHIN)
    return connection.execute(_WAS_SENT, values).fetchone() == (True,)


def _beats(
    connection: psycopg.Connection, device_id: int, issued_at: datetime, ends_at: datetime
) -> list[Beat]:
    span = (device_id, issued_at - LOOK_BACK, ends_at + _LASTS)
    return [Beat(*row) for row in connection.execute(_SELECT_BEATS, span)]


def _were_away(connection: psycopg.Connection, issued_at: datetime, ends_at: datetime) -> bool:
    (stored,) = connection.execute(_SELECT_STORED_MINUTES, (issued_at, ends_at)).fetchone() or (0,)
    minutes = int((ends_at - issued_at).total_seconds()) // 60
    return minutes - int(stored) > _OUTAGE_MINUTES


def _are_kept(connection: psycopg.Connection, age: timedelta) -> bool:
    (kept_for,) = connection.execute(_KEPT_FOR).fetchone() or (timedelta(),)
    return bool(age < kept_for - LOOK_BACK)
