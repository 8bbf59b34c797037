"""What arrived of late of several subjects: one look at the database for all of them together."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import dict_row

from api.connect.answers import Arrival, HeartbeatArrival, RejectionArrival
from api.connect.broker_events import broker_arrival, is_of, select_broker_events
from api.connect.subjects import Subject
from api.web.far_behind import came_from_long_ago
from api.web.rejection_details import told
from jieru.i18n import Language

__all__ = ["Arrived", "arrivals_of", "look"]

_MOST_OF_A_DEVICE: Final = 20
_MOST_OF_A_PLATFORM: Final = 200
_MOST_SHOWN: Final = 50
_OLDEST: Final = timedelta(days=4)
"""Time stamps further back than this are looked for only as a device's very last: a backlog that
counts is at most 72 hours old, and each day is a chunk to be looked at."""
_CLOCK_AHEAD: Final = timedelta(hours=1)

# By the primary key. The bounds stand in the statement as it is sent, so that the planner looks at
# the chunks between them only.
_SELECT_HEARTBEATS: Final = """
    SELECT devices.id AS device_id, serial, found.time, found.received_at, found.status,
           found.publisher_id, publishers.kind, publishers.name AS gateway
    FROM unnest(%(devices)s::integer[]) AS wanted (device_id)
    CROSS JOIN LATERAL (
        SELECT time, received_at, status, publisher_id FROM heartbeats
        WHERE heartbeats.device_id = wanted.device_id
              AND time >= %(oldest)s AND time < %(newest)s
        ORDER BY time DESC LIMIT %(most)s
    ) AS found
    JOIN devices ON devices.id = wanted.device_id
    JOIN publishers ON publishers.id = found.publisher_id
    WHERE found.received_at >= %(since)s
"""
# A clock that is far behind: what is noted of the device leads to the one heartbeat. Of a clock
# that was right before, presence does.
_SELECT_BEHIND: Final = """
    SELECT device_id, last_seen_at AS "time" FROM device_states
    WHERE device_id = ANY (%(devices)s) AND last_seen_at < %(oldest)s
"""
_SELECT_THAT_ONE: Final = """
    SELECT devices.id AS device_id, serial, heartbeats.time, heartbeats.received_at,
           heartbeats.status, publisher_id, publishers.kind, publishers.name AS gateway
    FROM heartbeats
    JOIN devices ON devices.id = device_id
    JOIN publishers ON publishers.id = publisher_id
    WHERE device_id = %(device)s AND time = %(time)s AND received_at >= %(since)s
"""
# As the indexes of rejections by platform have them, Sparkplug's beside the others.
_SELECT_REJECTIONS: Final = """
    SELECT found.*
    FROM unnest(%(platforms)s::text[]) AS wanted (code)
    CROSS JOIN LATERAL (
        (SELECT id, received_at, reason, topic, payload, payload_bytes, path, detail
         FROM rejections
         WHERE topic LIKE 'jieru/v1/%%/%%' AND split_part(topic, '/', 3) = wanted.code
               AND received_at >= %(since)s
         ORDER BY received_at DESC, id DESC LIMIT %(most)s)
        UNION ALL
        (SELECT id, received_at, reason, topic, payload, payload_bytes, path, detail
         FROM rejections
         WHERE topic LIKE 'spBv1.0/%%/%%'
               AND split_part(split_part(topic, '/', 2), '.', 1) = wanted.code
               AND received_at >= %(since)s
         ORDER BY received_at DESC, id DESC LIMIT %(most)s)
    ) AS found
"""

Row = dict[str, Any]


class Arrived:
    """The rows of one look, from which each subject takes its own."""

    def __init__(
        self,
        heartbeats: Mapping[int, Sequence[Row]],
        rejections: Sequence[Row],
        told_by_broker: Sequence[Row],
    ) -> None:
        """Keep them; heartbeats by device."""
        self._heartbeats = heartbeats
        self._rejections = rejections
        self._told_by_broker = told_by_broker

    def of(self, subject: Subject, language: Language) -> list[Arrival]:
        """What is of this subject, newest first, in a reader's language."""
        found = [
            _of_heartbeat(row)
            for device_id in subject.device_ids
            for row in self._heartbeats.get(device_id, ())
            if subject.publisher_id in {None, row["publisher_id"]}
        ]
        found += [
            _of_rejection(row, language)
            for row in self._rejections
            if subject.name.covers(row["topic"])
        ]
        found += [
            broker_arrival(row, language) for row in self._told_by_broker if is_of(row, subject)
        ]
        return sorted(found, key=lambda each: each.at, reverse=True)[:_MOST_SHOWN]


def look(
    connection: psycopg.Connection,
    subjects: Sequence[Subject],
    since: datetime,
    *,
    now: datetime,
) -> Arrived:
    """What was received since a moment, of all of these subjects.

    What several ingesters store at about the same time is seen in any order: who asks again asks
    from a little before the moment of the look before.
    """
    devices = sorted({device for subject in subjects for device in subject.device_ids})
    values: dict[str, object] = {
        "devices": devices,
        "platforms": sorted({subject.name.platform for subject in subjects}),
        "since": since,
        "oldest": now - _OLDEST,
        "newest": now + _CLOCK_AHEAD,
    }
    heartbeats: dict[int, list[Row]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = _rows(cursor, _SELECT_HEARTBEATS, {**values, "most": _MOST_OF_A_DEVICE})
        behind = {(row["device_id"], row["time"]) for row in _rows(cursor, _SELECT_BEHIND, values)}
        # Of a platform's ten thousand devices it would take too long, ten times a minute.
        own = [subject.device_ids[0] for subject in subjects if subject.name.serial is not None]
        for fallen in came_from_long_ago(connection, own, oldest=now - _OLDEST, since=since):
            behind.add((fallen.device_id, fallen.time))
        for device_id, time in sorted(behind):
            one = {"device": device_id, "time": time, "since": since}
            rows += _rows(cursor, _SELECT_THAT_ONE, one)
        for row in rows:
            heartbeats.setdefault(row["device_id"], []).append(row)
        refused = {**values, "most": _MOST_OF_A_PLATFORM}
        rejections = _rows(cursor, _SELECT_REJECTIONS, refused)
    return Arrived(heartbeats, rejections, select_broker_events(connection, subjects, since))


def arrivals_of(
    connection: psycopg.Connection,
    subject: Subject,
    since: datetime,
    language: Language,
    *,
    now: datetime,
) -> list[Arrival]:
    """What was received of one subject since a moment, newest first."""
    return look(connection, [subject], since, now=now).of(subject, language)


def _rows(
    cursor: psycopg.Cursor[Row], statement: LiteralString, values: Mapping[str, object]
) -> list[Row]:
    return cursor.execute(statement, values, prepare=False).fetchall()


def _of_heartbeat(row: Row) -> Arrival:
    return Arrival(
        id=f"heartbeat-{row['device_id']}-{int(row['time'].timestamp() * 1_000)}",
        at=row["received_at"],
        heartbeat=HeartbeatArrival(
            serial=row["serial"],
            ts=row["time"],
            delay_s=(row["received_at"] - row["time"]).total_seconds(),
            status=row["status"],
            publisher=row["kind"],
            gateway=row["gateway"],
        ),
    )


def _of_rejection(row: Row, language: Language) -> Arrival:
    return Arrival(
        id=f"rejection-{row['id']}",
        at=row["received_at"],
        rejection=RejectionArrival(
            reason=row["reason"], topic=row["topic"], detail=told(row, language)
        ),
    )
