"""Who exceeds the rate is said in few lines."""

from ingest.excess_news import ExcessNews
from tests.support.messages import KNOWN_TOPIC, NOON_MS, heartbeat

_HOUR_MS = 3_600_000


def test_each_device_is_named_once_an_hour() -> None:
    """And again in the next, with the topic that it uses."""
    news = ExcessNews()
    for _again in range(3):
        news.note([heartbeat(1), heartbeat(1)])
    assert news.look(0.0) == (1, [KNOWN_TOPIC])
    news.note([heartbeat(1)])
    assert news.look(100.0) is None
    news.note([heartbeat(1, NOON_MS + _HOUR_MS)])
    assert news.look(200.0) == (1, [KNOWN_TOPIC])


def test_many_devices_are_one_line_a_minute() -> None:
    """With their number, and some of their topics."""
    news = ExcessNews()
    news.note(heartbeat(device_id) for device_id in range(100))
    assert news.look(0.0) == (100, [KNOWN_TOPIC] * 5)
    news.note(heartbeat(device_id) for device_id in range(300))
    assert news.look(59.0) is None
    assert news.look(60.0) == (200, [KNOWN_TOPIC] * 5)
    assert news.look(200.0) is None
