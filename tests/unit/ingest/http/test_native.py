"""A body becomes messages as the same credential would have published them."""

import pytest

from ingest.http.native import ForeignDeviceError, TooManyRowsError, read_heartbeats
from jieru.credentials.usernames import EquipmentUser, parse_username
from jieru.errors import UserError
from jieru.wire import parse_heartbeat_topic


def _user(name: str) -> EquipmentUser:
    user = parse_username(name)
    assert user is not None
    return user


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("xielian", "jieru/v1/xielian/CNC-1/heartbeat"),
        ("xielian/via/hall-1", "jieru/v1/xielian/via/hall-1/CNC-1/heartbeat"),
        ("xielian/own/CNC-1", "jieru/v1/xielian/own/CNC-1/heartbeat"),
        ("xielian/CNC-1", "jieru/v1/xielian/CNC-1/heartbeat"),
    ],
)
def test_the_topic_follows_from_the_credential(name: str, topic: str) -> None:
    """Its bytes are those of the row."""
    row = b'{"serial": "CNC-1", "ts": 1780117171000}'
    for body, is_lines in ((row, False), (b"[" + row + b"]", False), (row + b"\n\n", True)):
        reading = read_heartbeats(body, _user(name), 7, is_lines=is_lines)
        assert [(each.topic, each.payload) for each in reading.rows] == [(topic, row)]
        assert reading.labels == [0]


@pytest.mark.parametrize(
    "serial",
    [
        "own/CNC-1",
        "via/hall-1/CNC-1",
        "../haihua/CNC-1",
        "+",
        "#",
        "",
        "own",
        "via",
        "a" * 65,
        "数控",
    ],
)
@pytest.mark.parametrize("name", ["xielian", "xielian/via/hall-1"])
def test_no_serial_makes_the_topic_of_another(name: str, serial: str) -> None:
    """Such a row is refused on a topic that is nobody's."""
    reading = read_heartbeats(f'{{"serial":"{serial}"}}'.encode(), _user(name), 7, is_lines=False)
    assert not reading.rows
    assert parse_heartbeat_topic(reading.rejections[0].message.topic) is None


def test_a_device_speaks_for_itself_alone() -> None:
    """Whatever stands beside it."""
    with pytest.raises(ForeignDeviceError):
        read_heartbeats(
            b'[{"ts":1},{"serial":"CNC-2","ts":1}]',
            _user("xielian/own/CNC-1"),
            7,
            is_lines=False,
        )


def test_a_body_that_is_none_is_refused_as_a_whole() -> None:
    """As is one of too many rows."""
    with pytest.raises(UserError):
        read_heartbeats(b"[{]", _user("xielian"), 7, is_lines=False)
    with pytest.raises(TooManyRowsError):
        read_heartbeats(b"7\n" * 10_001, _user("xielian"), 7, is_lines=True)
