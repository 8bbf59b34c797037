"""What is said of a topic that is no heartbeat's, and of one that the broker dropped."""

import pytest

from jieru.refusals.said import Detail, Refused
from jieru.refusals.topics import bad_topic, denied_topic


def _cause(detail: Detail) -> str:
    return detail.cause.spoken(str) if detail.cause else ""


@pytest.mark.parametrize(
    ("topic", "cause"),
    [
        ("jieru/v1/alpha/CNC-1/telemetry", "It must end with /heartbeat; it ends with /telemetry."),
        ("jieru/v1/alpha/telemetry", "It must end with /heartbeat; it ends with /telemetry."),
        ("jieru/v1/alpha/CNC-1/heartbeat/", "It ends with a slash: leave it out."),
        ("/jieru/v1/alpha/CNC-1/heartbeat", "It begins with a slash: leave it out."),
        ("jieru/v1/alpha/heartbeat", "The serial is missing before /heartbeat."),
        ("jieru/v1/alpha/own/heartbeat", "The serial is missing before /heartbeat."),
        ("jieru/v1/alpha/via/gw/heartbeat", "The serial is missing before /heartbeat."),
        ("jieru/v1/alpha/own/a/b/heartbeat", "A device publishes for itself alone: leave out b."),
    ],
)
def test_usual_mistakes_have_their_cause(topic: str, cause: str) -> None:
    """Whether an ingester refused the message or the broker dropped it."""
    assert _cause(bad_topic(Refused(topic, b"{}", 2, 0))) == cause
    assert _cause(denied_topic("alpha/own/CNC-1", topic)) == cause


@pytest.mark.parametrize(
    ("username", "topic", "own"),
    [
        ("alpha", "jieru/v1/alpha/own/a/heartbeat", "jieru/v1/alpha/CNC-00059/heartbeat"),
        ("alpha/own/a", "jieru/v1/alpha/a/heartbeat", "jieru/v1/alpha/own/a/heartbeat"),
        (
            "alpha/via/gw",
            "jieru/v1/beta/in/telegraf",
            "jieru/v1/alpha/via/gw/CNC-00059/heartbeat",
        ),
    ],
)
def test_a_topic_of_another_publisher_is_told_with_ones_own(
    username: str, topic: str, own: str
) -> None:
    """It keeps the contract, and is not for this credential."""
    detail = denied_topic(username, topic)
    assert detail.fault.spoken(str).startswith(f"The topic {topic} is that of another publisher")
    assert own in _cause(detail)
