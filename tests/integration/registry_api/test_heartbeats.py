"""Heartbeats of one device, as they were stored."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jieru.publishers import ITSELF_ID
from tests.support.registry_api import RegistryApi

_INSERT = """
    INSERT INTO heartbeats (device_id, time, received_at, seq, status, metrics)
    VALUES (%s, %s, %s, %s, 'running', %s)
"""
_SET_PUBLISHER = """
    UPDATE heartbeats SET publisher_id = %s WHERE device_id = %s AND time = %s
"""
_GATEWAY_ID = 3
"""Of the first gateway of a database."""
_START = datetime(2026, 5, 30, 4, tzinfo=UTC)
_PATH = "/devices/alpha/CNC-01/heartbeats"


def _build(api: RegistryApi, count: int, metrics: str | None = None) -> int:
    api.build.platform("alpha")
    device = api.build.device("alpha", "CNC-01")
    for place in range(count):
        at = _START + timedelta(minutes=place)
        values = (device, at, at + timedelta(seconds=2), place, metrics)
        api.connection.execute(_INSERT, values)
        api.build.last_seen(device, at)
    return device


async def test_the_last_days_are_listed_newest_first(api: RegistryApi) -> None:
    """Instants carry their zone; nothing but the device and the time is asked of the table."""
    _build(api, 3, '{"rpm": 1200}')
    answer = await api.ask("GET", _PATH)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [each["seq"] for each in items] == [2, 1, 0]
    assert items[2] == {
        "time": "2026-05-30T04:00:00Z",
        "received_at": "2026-05-30T04:00:02Z",
        "seq": 0,
        "status": "running",
        "publisher": {"kind": "cloud", "gateway": None},
        "metrics": {"rpm": 1200},
        "is_time_of_receipt": False,
    }


async def test_a_heartbeat_says_who_published_it(api: RegistryApi) -> None:
    """A gateway with its name."""
    device = _build(api, 3)
    new = {"platform": "alpha", "name": "gw-1"}
    assert (await api.ask("POST", "/gateways", json=new)).status_code == 201
    for place, publisher in enumerate((ITSELF_ID, _GATEWAY_ID)):
        at = _START + timedelta(minutes=place)
        api.connection.execute(_SET_PUBLISHER, (publisher, device, at))
    items = (await api.ask("GET", _PATH)).json()["items"]
    assert [each["publisher"] for each in items] == [
        {"kind": "cloud", "gateway": None},
        {"kind": "gateway", "gateway": "gw-1"},
        {"kind": "device", "gateway": None},
    ]


async def test_pages_go_back_in_time(api: RegistryApi) -> None:
    """Each heartbeat once, also while newer ones come in."""
    device = _build(api, 5)
    first = (await api.ask("GET", _PATH, limit=2)).json()
    api.connection.execute(_INSERT, (device, _START + timedelta(hours=1), _START, 9, None))
    second = (await api.ask("GET", _PATH, limit=2, cursor=first["next_cursor"])).json()
    third = (await api.ask("GET", _PATH, limit=2, cursor=second["next_cursor"])).json()
    pages = [[each["seq"] for each in page["items"]] for page in (first, second, third)]
    assert pages == [[4, 3], [2, 1], [0]]
    assert third["next_cursor"] is None


async def test_a_time_may_be_asked_for(api: RegistryApi) -> None:
    """The start is included, the end is not."""
    _build(api, 5)
    answer = await api.ask(
        "GET", _PATH, from_="2026-05-30T12:01:00+08:00", to="2026-05-30T12:03:00+08:00"
    )
    assert [each["seq"] for each in answer.json()["items"]] == [2, 1]


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("2026-05-30T04:00:00", "", "from"),
        ("yesterday", "", "from"),
        ("2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z", "from"),
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "from"),
        ("", "0001-01-01T00:00:00+14:00", "to"),
        ("9999-12-31T23:59:59-14:00", "", "from"),
    ],
)
async def test_a_time_that_cannot_be_is_refused(
    api: RegistryApi, start: str, end: str, field: str
) -> None:
    """Without a zone, backwards, too long, or of another age."""
    _build(api, 1)
    answer = await api.ask("GET", _PATH, from_=start, to=end)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["location"], error["field"]) == ("query", field)


async def test_metrics_of_any_shape_are_answered(api: RegistryApi) -> None:
    """Nested too deep to follow they are left out; a number beyond floating point is null."""
    device = _build(api, 0)
    deep = "[" * 2_000 + "]" * 2_000
    shapes = (
        '{"x": ' + deep + "}",
        '{"x": 1e400, "y": 15e307, "z": "]]]["}',
        '{"x": ' + "9" * 400 + ".5}",
    )
    for place, metrics in enumerate(shapes):
        at = _START + timedelta(minutes=place)
        api.connection.execute(_INSERT, (device, at, at, place, metrics))
    api.build.last_seen(device, _START)
    answer = await api.ask("GET", _PATH)
    assert answer.status_code == 200, answer.text
    beyond, large, nested = [each["metrics"] for each in json.loads(answer.text)["items"]]
    assert nested is None
    assert (large["y"], large["z"]) == (15 * 10**307, "]]][")
    assert beyond == {"x": None}


async def test_archived_heartbeats_are_spoken_of(api: RegistryApi) -> None:
    """Where some of the time that is asked for are in a file only."""
    _build(api, 1)
    api.connection.execute(
        "INSERT INTO heartbeat_archives (file, range_from, range_to, heartbeats, file_bytes,"
        " file_sha256, rows_sha256, schema_version, archived_at, dropped_at)"
        " VALUES ('heartbeats-1.parquet', '2026-05-20Z', '2026-05-21Z', 1, 1,"
        " repeat('0', 64), repeat('0', 64), '0034', now(), now())"
    )
    for start, is_archived in (("2026-05-20T23:00:00Z", True), ("2026-05-21T00:00:00Z", False)):
        answer = await api.ask("GET", _PATH, from_=start, to="2026-05-30T05:00:00Z")
        assert answer.json()["is_archived"] is is_archived
