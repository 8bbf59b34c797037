"""Whose topic a message came on, for those who follow a device, a gateway or a platform."""

import pytest

from api.connect.subjects import SubjectName

_DEVICE = SubjectName("alpha", None, "CNC-1")
_GATEWAY = SubjectName("alpha", "gw-1")
_PLATFORM = SubjectName("alpha")


@pytest.mark.parametrize(
    ("topic", "of_device", "of_gateway", "of_platform"),
    [
        ("jieru/v1/alpha/CNC-1/heartbeat", True, False, True),
        ("jieru/v1/alpha/own/CNC-1/heartbeat", True, False, True),
        ("jieru/v1/alpha/via/gw-1/CNC-1/heartbeat", True, True, True),
        ("jieru/v1/alpha/via/gw-2/CNC-1/heartbeat", True, False, True),
        ("jieru/v1/alpha/via/CNC-1/CNC-2/heartbeat", False, False, True),
        ("jieru/v1/alpha/CNC-10/heartbeat", False, False, True),
        ("jieru/v1/alpha/in/telegraf/CNC-1", True, False, True),
        ("jieru/v1/alpha/via/gw-1/in/telegraf", False, True, True),
        ("jieru/v1/alpha/own/CNC-1/in/telegraf", True, False, True),
        ("jieru/v1/alpha/CNC-1/telemetry", True, False, True),
        ("jieru/v1/beta/CNC-1/heartbeat", False, False, False),
        ("jieru/v1/alpha-2/CNC-1/heartbeat", False, False, False),
        ("", False, False, False),
    ],
)
def test_a_message_is_of_whom_its_topic_names(
    topic: str, *, of_device: bool, of_gateway: bool, of_platform: bool
) -> None:
    """A device's however it was published; a gateway's only what it published itself."""
    found = [name.covers(topic) for name in (_DEVICE, _GATEWAY, _PLATFORM)]
    assert found == [of_device, of_gateway, of_platform]


@pytest.mark.parametrize(
    ("name", "username", "topic"),
    [
        (_DEVICE, "alpha/own/CNC-1", "jieru/v1/alpha/own/CNC-1/heartbeat"),
        (_GATEWAY, "alpha/via/gw-1", "jieru/v1/alpha/via/gw-1/X-9/heartbeat"),
        (_PLATFORM, "alpha", "jieru/v1/alpha/X-9/heartbeat"),
    ],
)
def test_each_signs_in_by_its_name_and_publishes_on_its_topic(
    name: SubjectName, username: str, topic: str
) -> None:
    """As the broker holds topic and name against each other."""
    assert name.username == username
    assert name.user.topic("X-9") == topic
