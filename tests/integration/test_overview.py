"""The overview: what is connected, what is heard, what is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
import psycopg
import pytest

from api.access.roles import Role
from api.app import create_app
from api.overview.queries import Overview, read_overview
from jieru.calendar import civil_date
from jieru.database import connect, open_pool
from jieru.settings import Settings
from registry.device_status import Liveness
from tests.support.callers import bearer
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role

NOW: Final = datetime(2026, 11, 25, 8, 20, 11, tzinfo=UTC)
TODAY: Final = civil_date(NOW)
HOUR: Final = NOW.replace(minute=0, second=0)
ONLINE, LATE, OFFLINE, NEVER = Liveness.ONLINE, Liveness.LATE, Liveness.OFFLINE, Liveness.NEVER

_HEARD: Final = "INSERT INTO device_states (device_id, last_seen_at) VALUES (%s, %s)"
_COUNT_HOUR: Final = "INSERT INTO ingest_hours VALUES (%s, %s, %s, %s, %s)"
_COUNT_REJECTIONS: Final = "INSERT INTO rejection_hours VALUES (%s, %s, %s, 'i1', %s)"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to an empty registry."""
    with connect(database_url) as opened:
        yield opened


@pytest.fixture
def builder(connection: psycopg.Connection) -> RegistryBuilder:
    """A registry of two platforms, alpha (1) and beta (2)."""
    made = RegistryBuilder(connection)
    made.platform("alpha", level=None)
    made.platform("beta", level=None)
    return made


def heard(connection: psycopg.Connection, device_id: int, seconds_ago: float) -> None:
    """A device whose last heartbeat came so long before."""
    connection.execute(_HEARD, (device_id, NOW - timedelta(seconds=seconds_ago)))


def counts(found: Overview, subject: str) -> list[int]:
    """How many are online, late, offline and were never heard."""
    by_status = found.enterprises if subject == "enterprises" else found.devices
    return [by_status[status] for status in (ONLINE, LATE, OFFLINE, NEVER)]


def test_an_enterprise_has_the_best_status_of_its_devices(
    connection: psycopg.Connection, builder: RegistryBuilder
) -> None:
    """Of those that stand for it today on that platform; never, where it has none."""
    for number in (1, 2, 3, 4):
        builder.connection("alpha", builder.enterprise(number))
    one, two, three, four = builder._enterprises
    builder.connection("beta", one)
    heard(connection, builder.device("alpha", "a", one), 60)
    heard(connection, builder.device("alpha", "b", one), 10_000)
    heard(connection, builder.device("alpha", "c", two), 700)
    heard(connection, builder.device("alpha", "d", three), 10_000)
    builder.device("alpha", "e", four)
    heard(connection, builder.device("alpha", "f", four, to_date=TODAY), 60)
    heard(connection, builder.device("alpha", "g"), 60)
    found = read_overview(connection, None, NOW)
    assert counts(found, "devices") == [3, 1, 2, 1]
    assert counts(found, "enterprises") == [1, 1, 1, 2]
    assert counts(read_overview(connection, 1, NOW), "enterprises") == [1, 1, 1, 1]
    assert counts(read_overview(connection, 2, NOW), "enterprises") == [0, 0, 0, 1]


def test_what_has_ended_or_not_begun_is_not_counted(
    connection: psycopg.Connection, builder: RegistryBuilder
) -> None:
    """Connections by today's date in Shanghai, devices by their end."""
    for number, (start, end) in enumerate(
        [
            (TODAY, None),
            (TODAY - timedelta(days=1), TODAY),
            (TODAY + timedelta(days=1), None),
            (TODAY - timedelta(days=9), TODAY + timedelta(days=1)),
        ],
        1,
    ):
        builder.connection("alpha", builder.enterprise(number), start, end)
    for serial, days in (("ended", 0), ("ending", 1)):
        builder.device("alpha", serial)
        connection.execute(
            "UPDATE devices SET ended_on = %s WHERE serial = %s",
            (TODAY + timedelta(days=days), serial),
        )
    found = read_overview(connection, None, NOW)
    assert counts(found, "enterprises") == [0, 0, 0, 2]
    assert counts(found, "devices") == [0, 0, 0, 1]


def test_heartbeats_are_those_of_the_last_24_hours_by_hour(
    connection: psycopg.Connection, builder: RegistryBuilder
) -> None:
    """Of all ingesters together; an hour in which nothing came is there too."""
    del builder
    for ago, platform, ingester, heartbeats, late in (
        (0, 1, "i1", 10, 1),
        (0, 1, "i2", 5, 0),
        (0, 2, "i1", 100, 0),
        (23, 1, "i1", 7, 7),
        (24, 1, "i1", 1000, 0),
    ):
        row = (HOUR - timedelta(hours=ago), platform, ingester, heartbeats, late)
        connection.execute(_COUNT_HOUR, row)
    found = read_overview(connection, 1, NOW)
    assert len(found.hours) == 24
    assert found.hours[0] == (HOUR - timedelta(hours=23), 7, 7)
    assert found.hours[-1] == (HOUR, 15, 1)
    assert found.heartbeats == 22
    assert read_overview(connection, None, NOW).heartbeats == 122


def test_rejections_are_listed_by_reason_the_most_frequent_first(
    connection: psycopg.Connection, builder: RegistryBuilder
) -> None:
    """Those without a platform are nobody's but the bureau's."""
    del builder
    for ago, platform, reason, number in (
        (0, 1, "retained", 2),
        (1, 1, "unknown_device", 3),
        (0, 2, "unknown_device", 4),
        (0, None, "bad_topic", 5),
        (24, 1, "retained", 100),
    ):
        row = (HOUR - timedelta(hours=ago), platform, reason, number)
        connection.execute(_COUNT_REJECTIONS, row)
    everything = read_overview(connection, None, NOW).rejections
    assert list(everything.items()) == [("unknown_device", 7), ("bad_topic", 5), ("retained", 2)]
    assert read_overview(connection, 1, NOW).rejections == {"unknown_device": 3, "retained": 2}


async def test_an_operator_is_shown_the_own_platform(
    database_url: str, connection: psycopg.Connection, builder: RegistryBuilder
) -> None:
    """And the bureau all of them."""
    builder.device("alpha", "d1")
    builder.device("beta", "d1")
    connection.commit()
    callers = [bearer(connection, Role.OPERATOR, "alpha"), bearer(connection, Role.AUDITOR)]
    with open_pool(as_role(database_url, API), size=2) as pool:
        transport = httpx.ASGITransport(app=create_app(Settings(), pool))
        async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
            answers = [await client.get("/api/v1/overview", headers=each) for each in callers]
    assert [answer.json()["devices"]["never"] for answer in answers] == [1, 2]
    assert len(answers[0].json()["hours"]) == 24
