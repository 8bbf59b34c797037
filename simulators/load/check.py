"""A ledger against the database: every heartbeat that the broker took is there, exactly once.

Only what the broker accepted must be stored. An unknown message may be. Of a rejection there may be
more than one row, for a broker delivers twice after a broken connection, and a message that is no
heartbeat has no key by which its second delivery could be known.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg

from jieru.wire import RejectionReason
from simulators.load.ledger import ACCEPTED, UNKNOWN, Ledger
from simulators.load.payloads import topic_of

__all__ = ["LedgerCheck", "check_ledger"]

_CREATE_DEVICES: Final = """
    CREATE TEMPORARY TABLE load_devices ON COMMIT DROP AS
    SELECT wanted.place - 1 AS place, d.id AS device_id
    FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted (code, serial, place)
    LEFT JOIN platforms p ON p.code = wanted.code
    LEFT JOIN devices d ON d.platform_id = p.id AND d.serial = wanted.serial
"""
_CREATE_BEATS: Final = """
    CREATE TEMPORARY TABLE load_beats (place integer, ts_ms bigint, is_accepted boolean)
    ON COMMIT DROP
"""
_COPY_BEATS: Final = "COPY load_beats FROM STDIN"
_CREATE_SENT: Final = """
    CREATE TEMPORARY TABLE load_sent ON COMMIT DROP AS
    SELECT device_id, to_timestamp(ts_ms / 1000.0) AS "time", is_accepted
    FROM load_beats JOIN load_devices USING (place)
"""
_ANALYZE: Final = "ANALYZE load_sent"
_COUNT_HEARTBEATS: Final = """
    SELECT count(*) FILTER (WHERE is_accepted),
           count(*) FILTER (WHERE is_accepted AND copies = 0),
           count(*) FILTER (WHERE copies > 1),
           count(*) FILTER (WHERE NOT is_accepted),
           count(*) FILTER (WHERE NOT is_accepted AND copies = 1)
    FROM (SELECT s.is_accepted, count(h.device_id) AS copies
          FROM load_sent s
          LEFT JOIN heartbeats h ON h.device_id = s.device_id AND h."time" = s."time"
               AND h."time" >= (SELECT min("time") FROM load_sent)
               AND h."time" <= (SELECT max("time") FROM load_sent)
          GROUP BY s.device_id, s."time", s.is_accepted) AS beats
"""
_COUNT_OTHERS: Final = """
    SELECT count(*)
    FROM heartbeats h JOIN load_devices USING (device_id)
    WHERE h."time" >= (SELECT min("time") FROM load_sent)
      AND h."time" <= (SELECT max("time") FROM load_sent)
      AND NOT EXISTS (SELECT FROM load_sent s
                      WHERE s.device_id = h.device_id AND s."time" = h."time")
"""
_COUNT_MISSING_HOURS: Final = """
    SELECT count(*)
    FROM (SELECT DISTINCT device_id, date_trunc('hour', "time" AT TIME ZONE 'Asia/Shanghai') AS hour
          FROM load_sent WHERE is_accepted) AS heard
    WHERE NOT EXISTS (
        SELECT FROM presence p
        WHERE p.device_id = heard.device_id AND p.month = date_trunc('month', heard.hour)::date
          AND get_bit(p.hours | p.late_hours,
                      (extract(day FROM heard.hour)::integer - 1) * 24
                      + extract(hour FROM heard.hour)::integer) = 1)
"""
_SELECT_REJECTIONS: Final = """
    SELECT topic, reason, count(*) FROM rejections
    WHERE received_at >= to_timestamp(%s / 1000.0) AND topic = ANY (%s) GROUP BY 1, 2
"""
_CLOCKS_APART_MS: Final = 60_000
"""By how much an ingester's clock may lag behind ours."""


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """What became of a load's messages."""

    accepted: int
    """Good heartbeats that the broker accepted."""
    missing: int
    """Of these, not stored."""
    stored_twice: int
    unknown: int
    """Good heartbeats of which nobody knows whether the broker had them."""
    unknown_stored: int
    others: int
    """Heartbeats of the same devices and time that are not in the ledger."""
    hours_missing: int
    """Hours of accepted heartbeats in which presence does not show the device."""
    rejections: Counter[RejectionReason]
    """Bad messages that the broker accepted."""
    rejections_missing: Counter[RejectionReason]
    """Of these, not stored."""

    @property
    def is_whole(self) -> bool:
        """Whether everything that the broker accepted is there, once."""
        lacking = self.missing + self.hours_missing + self.rejections_missing.total()
        return lacking + self.stored_twice == 0

    def to_json_object(self) -> dict[str, object]:
        """All figures."""
        return {
            "is_whole": self.is_whole,
            "accepted": self.accepted,
            "missing": self.missing,
            "stored_twice": self.stored_twice,
            "unknown": self.unknown,
            "unknown_stored": self.unknown_stored,
            "others": self.others,
            "hours_missing": self.hours_missing,
            "rejections": {reason.value: n for reason, n in self.rejections.items() if n},
            "rejections_missing": {
                reason.value: n for reason, n in self.rejections_missing.items() if n
            },
        }


def check_ledger(connection: psycopg.Connection, ledger: Ledger) -> LedgerCheck:
    """Compare, at one moment; nothing is changed."""
    with connection.transaction(force_rollback=True):
        connection.execute(
            _CREATE_DEVICES,
            ([d.platform for d in ledger.devices], [d.serial for d in ledger.devices]),
        )
        connection.execute(_CREATE_BEATS)
        _copy_beats(connection, ledger)
        connection.execute(_CREATE_SENT)
        connection.execute(_ANALYZE)
        accepted, missing, twice, unknown, unknown_stored = _figures(connection, _COUNT_HEARTBEATS)
        (others,) = _figures(connection, _COUNT_OTHERS)
        (hours_missing,) = _figures(connection, _COUNT_MISSING_HOURS)
        rejections, lacking = _rejections(connection, ledger)
    return LedgerCheck(
        accepted,
        missing,
        twice,
        unknown,
        unknown_stored,
        others,
        hours_missing,
        rejections,
        lacking,
    )


def _figures(connection: psycopg.Connection, query: LiteralString) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    return tuple(row or ())


def _copy_beats(connection: psycopg.Connection, ledger: Ledger) -> None:
    lines = zip(
        ledger.is_good.tolist(),
        ledger.device.tolist(),
        ledger.ts_ms.tolist(),
        ledger.outcome.tolist(),
        strict=True,
    )
    with connection.cursor() as cursor, cursor.copy(_COPY_BEATS) as copy:
        for is_good, place, ts_ms, outcome in lines:
            if is_good and outcome in (ACCEPTED, UNKNOWN):
                copy.write_row((place, ts_ms, outcome == ACCEPTED))


def _rejections(
    connection: psycopg.Connection, ledger: Ledger
) -> tuple[Counter[RejectionReason], Counter[RejectionReason]]:
    """By reason, what should be there and what of it is not."""
    lines = zip(ledger.fault, ledger.device.tolist(), ledger.outcome.tolist(), strict=True)
    expected = Counter(
        (topic_of(ledger.devices[place], fault), fault)
        for fault, place, outcome in lines
        if fault is not None and outcome == ACCEPTED
    )
    rows = connection.execute(
        _SELECT_REJECTIONS,
        (ledger.started_ms - _CLOCKS_APART_MS, list({topic for topic, _reason in expected})),
    )
    stored = {(topic, RejectionReason(reason)): count for topic, reason, count in rows}
    total: Counter[RejectionReason] = Counter()
    lacking: Counter[RejectionReason] = Counter()
    for (topic, reason), count in expected.items():
        total[reason] += count
        lacking[reason] += max(0, count - stored.get((topic, reason), 0))
    return total, lacking
