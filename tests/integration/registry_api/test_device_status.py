"""The status of a device as a condition of lists is that of the function."""

from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.sql import SQL

from jieru.database import connect
from registry.device_status import CONDITIONS, STATUS, Liveness, liveness
from tests.support.registry_builder import RegistryBuilder

_NOW = datetime(2026, 5, 30, 4, tzinfo=UTC)
_INTERVALS = (1, 60, 300, 604_800)
_SELECT = SQL("""
    SELECT serial, {status} FROM devices LEFT JOIN device_states ON device_id = id
    WHERE {condition} ORDER BY id
""")


def _build(connection: psycopg.Connection) -> dict[str, Liveness]:
    """Devices on and beside every border, and what the function says of each."""
    build = RegistryBuilder(connection)
    build.platform("alpha")
    build.device("alpha", "never")
    expected = {"never": liveness(None, 300, _NOW)}
    for interval in _INTERVALS:
        for seconds in (-600, 0, 2 * interval + 30, 5 * interval + 30):
            for microseconds in (-1, 0, 1):
                serial = f"s{interval}.{seconds}.{microseconds}"
                at = _NOW - timedelta(seconds=seconds, microseconds=microseconds)
                build.last_seen(build.device("alpha", serial), at)
                expected[serial] = liveness(at, interval, _NOW)
        connection.execute(
            "UPDATE devices SET expected_interval_s = %s WHERE serial LIKE %s",
            (interval, f"s{interval}.%"),
        )
    return expected


def test_the_database_and_the_function_agree_at_every_border(database_url: str) -> None:
    """To the microsecond, for the shortest and the longest interval, and ahead of the clock."""
    with connect(database_url) as connection:
        expected = _build(connection)
        assert set(expected.values()) == set(Liveness)
        found: dict[str, Liveness] = {}
        for status, condition in CONDITIONS.items():
            statement = _SELECT.format(status=SQL(STATUS), condition=SQL(condition))
            for serial, said in connection.execute(statement, {"now": _NOW}):
                assert serial not in found
                assert said == status
                found[serial] = status
    assert found == expected
