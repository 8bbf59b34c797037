"""A device that sends and is not heard says so itself: refused, or with a clock of long ago."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.access.roles import Role
from tests.support.people import session_of
from tests.support.registry_api import RegistryApi
from tests.support.visiting import add_person, visiting

_REFUSE = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    VALUES (%s, 'before_epoch', %s, %s, %s)
"""
_HEAR = """
    INSERT INTO heartbeats (device_id, "time", received_at)
    SELECT id, %(time)s, %(received)s FROM devices WHERE serial = %(serial)s
"""
_STATE = """
    INSERT INTO device_states (device_id, last_seen_at)
    SELECT id, %(time)s FROM devices WHERE serial = %(serial)s
    ON CONFLICT (device_id) DO UPDATE SET last_seen_at = excluded.last_seen_at
"""

_LATE = """
    INSERT INTO presence AS p (device_id, month, late_hours)
    SELECT id, date_trunc('month', %(time)s AT TIME ZONE 'Asia/Shanghai')::date, late.hours
    FROM devices, LATERAL (
        SELECT set_bit(0::bit(744), (
            24 * (extract(day FROM %(time)s AT TIME ZONE 'Asia/Shanghai') - 1)
            + extract(hour FROM %(time)s AT TIME ZONE 'Asia/Shanghai'))::int, 1)) AS late (hours)
    WHERE serial = %(serial)s
    ON CONFLICT (device_id, month) DO UPDATE SET late_hours = p.late_hours | excluded.late_hours
"""


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _refuse(api: RegistryApi, topic: str, at: datetime) -> None:
    payload = b'{"ts": %d}' % int(at.timestamp())
    api.connection.execute(_REFUSE, (at, topic, payload, len(payload)))


def _hear(api: RegistryApi, serial: str, time: datetime, received: datetime) -> None:
    values = {"serial": serial, "time": time, "received": received}
    api.connection.execute(_HEAR, values)
    api.connection.execute(_STATE, values)


async def _trouble(api: RegistryApi) -> dict[str, Any]:
    answer = await api.ask("GET", "/devices/alpha/a_1/trouble", lang="en")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _page(api: RegistryApi) -> str:
    async with visiting(api.app) as browser:
        browser.cookies.set("jieru_session", session_of(api.connection, "lin"))
        browser.headers["accept-language"] = "en"
        return (await browser.get("/devices/alpha/a_1")).text


async def test_a_device_whose_messages_are_refused_says_so(api: RegistryApi) -> None:
    """By whomever they were published, with what is wrong with the last one."""
    api.build.platform("alpha")
    api.build.device("alpha", "a_1")
    assert (await _trouble(api))["kind"] is None
    for publisher in ("", "own/", "via/gate-1/"):
        at = _now() - timedelta(hours=3)
        api.connection.execute("DELETE FROM rejections")
        _refuse(api, f"jieru/v1/alpha/{publisher}a_1/heartbeat", at)
        found = await _trouble(api)
        assert found["kind"] == "refused"
        assert found["refused"]["detail"]["cause"] == (
            "Seconds instead of milliseconds: multiply by 1,000."
        )


async def test_a_device_whose_format_nobody_declared_says_so(api: RegistryApi) -> None:
    """The message stands under its own topic then, of a source or of Sparkplug."""
    api.build.platform("alpha")
    api.build.device("alpha", "a_1")
    for topic in (
        "jieru/v1/alpha/own/a_1/in/thingsboard",
        "jieru/v1/alpha/in/thingsboard/a_1",
        "jieru/v1/alpha/via/gate-1/in/thingsboard/a_1",
        "spBv1.0/alpha.via/DDATA/gate-1/a_1",
        "spBv1.0/alpha/NDATA/a_1",
    ):
        api.connection.execute("DELETE FROM rejections")
        _refuse(api, topic, _now() - timedelta(hours=3))
        found = await _trouble(api)
        assert (found["kind"], found["refused"]["topic"]) == ("refused", topic)


async def test_another_device_s_messages_are_none_of_its_own(api: RegistryApi) -> None:
    """An underscore is a letter, and a longer serial another one."""
    api.build.platform("alpha")
    api.build.device("alpha", "a_1")
    at = _now() - timedelta(hours=3)
    for topic in (
        "jieru/v1/alpha/ax1/heartbeat",
        "jieru/v1/alpha/aa_1/heartbeat",
        "jieru/v1/alpha-2/a_1/heartbeat",
        "jieru/v1/alpha/own/ax1/in/thingsboard",
        "jieru/v1/alpha/in/thingsboard/aa_1",
        "spBv1.0/alpha.via/DDATA/gate-1/ax1",
        "spBv1.0/alpha-2.via/DDATA/gate-1/a_1",
    ):
        _refuse(api, topic, at)
    assert (await _trouble(api))["kind"] is None


async def test_what_was_refused_before_it_was_heard_is_over(api: RegistryApi) -> None:
    """A trouble that was mended is none."""
    api.build.platform("alpha")
    api.build.device("alpha", "a_1")
    _refuse(api, "jieru/v1/alpha/a_1/heartbeat", _now() - timedelta(hours=3))
    heard = _now() - timedelta(hours=1)
    _hear(api, "a_1", heard, heard)
    assert (await _trouble(api))["kind"] is None


async def test_a_clock_that_is_behind_is_told(api: RegistryApi) -> None:
    """It is not a device that fell silent years ago."""
    api.build.platform("alpha")
    api.build.device("alpha", "a_1")
    add_person(api.connection, "lin", Role.OPERATOR, platform="alpha")
    received = _now() - timedelta(minutes=5)
    _hear(api, "a_1", received - timedelta(days=1826), received)
    found = await _trouble(api)
    assert (found["kind"], found["behind_s"]) == ("clock_behind", 1826 * 86_400)
    assert "its clock is 5 years behind" in await _page(api)


def _hear_late(api: RegistryApi, serial: str, time: datetime, received: datetime) -> None:
    """As the ingester stores it: the newest time stamp of the device stays."""
    values = {"serial": serial, "time": time, "received": received}
    api.connection.execute(_HEAR, values)
    api.connection.execute(_LATE, values)


async def test_a_clock_that_fell_back_is_told(api: RegistryApi) -> None:
    """The device was right for long, lost its battery, and says now that it is five years ago."""
    api.build.platform("alpha")
    api.build.device("alpha", "a_1")
    right = _now() - timedelta(hours=9)
    _hear(api, "a_1", right, right)
    long_ago = _now() - timedelta(days=1826)
    for minutes in (50, 5):
        _hear_late(api, "a_1", long_ago, _now() - timedelta(minutes=minutes))
        long_ago += timedelta(minutes=45)
    found = await _trouble(api)
    assert found["kind"] == "clock_behind"
    assert found["behind_s"] == pytest.approx(1826 * 86_400, abs=3_600)
    # What was refused between the two is over, too.
    _refuse(api, "jieru/v1/alpha/a_1/heartbeat", _now() - timedelta(minutes=30))
    assert (await _trouble(api))["kind"] == "clock_behind"
    _hear(api, "a_1", _now(), _now())
    assert (await _trouble(api))["kind"] is None


async def test_a_backlog_is_no_clock_that_fell_back(api: RegistryApi) -> None:
    """What was kept for five days comes after a heartbeat of now."""
    api.build.platform("alpha")
    api.build.device("alpha", "a_1")
    _hear(api, "a_1", _now() - timedelta(minutes=20), _now() - timedelta(minutes=20))
    _hear_late(api, "a_1", _now() - timedelta(days=5), _now() - timedelta(minutes=10))
    assert (await _trouble(api))["kind"] is None


async def test_refused_is_said_of_what_came_after_the_last_heartbeat(api: RegistryApi) -> None:
    """Of a device that was never heard it is said of all."""
    api.build.platform("alpha")
    api.build.device("alpha", "a_1")
    add_person(api.connection, "lin", Role.OPERATOR, platform="alpha")
    _refuse(api, "jieru/v1/alpha/a_1/heartbeat", _now() - timedelta(minutes=1))
    assert "The device was heard, but its messages are refused:" in await _page(api)
    heard = _now() - timedelta(hours=1)
    _hear(api, "a_1", heard, heard)
    assert "Since its last heartbeat the device&#39;s messages are refused:" in await _page(api)


async def test_nobody_asks_after_another_platform_s_device(api: RegistryApi) -> None:
    """It is as if it were not there."""
    api.build.platform("alpha")
    api.build.platform("beta")
    api.build.device("alpha", "a_1")
    answer = await api.ask(
        "GET", "/devices/alpha/a_1/trouble", by=Role.OPERATOR, of="beta", lang="en"
    )
    assert answer.status_code == 404
