"""`verifier.trust.device_days`: what raw heartbeats said is kept before they expire."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest

from jieru.calendar import SHANGHAI, civil_hour_of
from jieru.database import connect
from tests.support.heard import run_ingester
from tests.support.roles import VERIFIER, acting_as
from verifier.trust import device_days
from verifier.trust.device_days import fill_device_days

_FIRST: Final = date(2026, 3, 1)
_INSERT: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, boot, counter)
    VALUES (%(device)s, %(at)s, %(at)s, %(seq)s, %(boot)s, %(counter)s)
"""
_HEAR: Final = """
    INSERT INTO presence AS p (device_id, month, hours)
    VALUES (%s, %s, set_bit(0::bit(744), %s, 1))
    ON CONFLICT (device_id, month) DO UPDATE SET hours = p.hours | excluded.hours
"""


@pytest.fixture(params=["database_url", "embedded_database_url"])
def connection(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """To a database with TimescaleDB, and to one without."""
    with connect(str(request.getfixturevalue(request.param)), autocommit=True) as opened:
        yield opened


def _hear(connection: psycopg.Connection, device: int, at: datetime, **said: object) -> None:
    values = {"seq": None, "boot": None, "counter": None, **said}
    connection.execute(_INSERT, {"device": device, "at": at, **values})
    connection.execute(_HEAR, (device, *civil_hour_of(round(at.timestamp() * 1000))))


def _at(day: int, hour: int = 8, minute: int = 0, second: int = 0) -> datetime:
    local = datetime(2026, 3, 1, hour, minute, second, tzinfo=SHANGHAI)
    return (local + timedelta(days=day - 1)).astimezone(UTC)


def _fill(connection: psycopg.Connection, until: int, now: datetime | None = None) -> int:
    with acting_as(connection, VERIFIER):
        until_day = _FIRST + timedelta(days=until - 1)
        return fill_device_days(connection, until_day, now=now or _at(until + 2))


def _rows(connection: psycopg.Connection, columns: str) -> list[tuple[Any, ...]]:
    query = f"SELECT device_id, extract(day FROM day)::integer, {columns} FROM device_days"  # noqa: S608 - our own names
    return connection.execute(f"{query} ORDER BY device_id, day".encode()).fetchall()


def test_each_day_with_a_counter_is_told_once(connection: psycopg.Connection) -> None:
    """By civil days, with falls over midnight; a second run looks at nothing again."""
    for day, counters in ((1, [5.0, 6.5]), (2, [6.0, 7.0]), (4, [1.0])):
        for place, counter in enumerate(counters):
            boot = 7 if day < 4 else 8
            _hear(connection, 1, _at(day, 8 + 15 * place), boot=boot, counter=counter, seq=place)
    _hear(connection, 2, _at(2), seq=1)
    assert _fill(connection, 3) == 3
    assert _fill(connection, 4) == 1
    assert _fill(connection, 4) == 0
    columns = "counter_first, counter_last, counter_step_max, counter_falls, boots, boot_last"
    assert _rows(connection, columns) == [
        (1, 1, 5.0, 6.5, 1.5, 0, 1, 7),
        (1, 2, 6.0, 7.0, 1.0, 1, 1, 7),
        (1, 4, 1.0, 1.0, None, 0, 1, 8),
    ]
    filled = connection.execute("SELECT heartbeats FROM device_days_filled ORDER BY day").fetchall()
    assert filled == [(2,), (3,), (0,), (1,)]


def test_a_day_is_looked_at_once_nothing_that_counts_can_come(
    connection: psycopg.Connection,
) -> None:
    """What is sent in the morning for the day before is told, as all that counts is."""
    run_ingester(connection, 48)
    run_ingester(connection, 72)
    _hear(connection, 1, _at(1), boot=7, counter=5.0)
    night = timedelta(hours=2, minutes=40)
    for day in range(2, 6):
        assert _fill(connection, day - 1, _at(day, 0) + night) == 0
    _hear(connection, 1, _at(1, 9), boot=7, counter=2.0)
    assert _fill(connection, 5, _at(6, 0) - timedelta(seconds=1)) == 0
    assert _fill(connection, 5, _at(6, 0)) == 1
    assert _rows(connection, "counter_last, counter_falls") == [(1, 1, 2.0, 1)]


def test_a_seq_that_came_twice_is_told(connection: psycopg.Connection) -> None:
    """Under another time stamp, for the same one is one row; both begin a spell."""
    for minute in range(4):
        _hear(connection, 1, _at(1, minute=minute), seq=minute // 2)
        _hear(connection, 2, _at(1, minute=minute), seq=minute)
    _fill(connection, 1)
    assert _rows(connection, "seq_repeats, counter_first") == [(1, 1, 2, None), (2, 1, 0, None)]


def test_the_second_of_a_spells_ends_is_told(connection: psycopg.Connection) -> None:
    """A week of silence ends a spell, a weekend does not; its end shows when the week is over."""
    for day in (1, 2, 5, 20):
        for minute in range(5):
            _hear(connection, 1, _at(day, minute=minute, second=day), counter=float(day))
    _fill(connection, 11)
    rhythms = _rows(connection, "interval_s, second, counter_last")
    assert rhythms == [
        *((1, 1, 60, 1, 1.0), (1, 2, None, None, 2.0), (1, 5, None, None, 5.0)),
    ]
    _fill(connection, 12)
    assert _rows(connection, "interval_s, second, counter_last")[2] == (1, 5, 60, 5, 5.0)
    _fill(connection, 27)
    assert _rows(connection, "interval_s, second, counter_last")[3] == (1, 20, 60, 20, 20.0)


def test_a_day_is_told_however_few_devices_are_read_at_once(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by a block of devices."""
    monkeypatch.setattr(device_days, "_DEVICES_AT_A_TIME", 2)
    for device in range(1, 6):
        _hear(connection, device, _at(1), counter=float(device))
    _fill(connection, 1)
    assert [(row[0], row[2]) for row in _rows(connection, "counter_first")] == [
        (device, float(device)) for device in range(1, 6)
    ]


def test_what_is_told_stays(connection: psycopg.Connection) -> None:
    """Nobody changes a day that was told, but to add the second of its spell's end."""
    _hear(connection, 1, _at(1), counter=1.0)
    _fill(connection, 1)
    for statement in (
        "UPDATE device_days SET counter_first = 2",
        "DELETE FROM device_days",
        "DELETE FROM device_days_filled",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(statement)


def test_where_there_is_no_evidence_no_day_is_looked_at(connection: psycopg.Connection) -> None:
    """Nothing is marked, so that a first heartbeat may come for any day."""
    assert _fill(connection, 31) == 0
