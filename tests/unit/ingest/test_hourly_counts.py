"""How many messages of a batch belong to which platform and hour."""

from msgspec.structs import replace

from ingest.decode import Heartbeat, Rejection
from ingest.hourly_counts import HeardHour, RefusedHour, heard_hours, refused_hours
from jieru.wire import RejectionReason
from tests.support.messages import NOON_MS, heartbeat, message, topic_of

HOUR_MS = 3_600_000
NOON = NOON_MS // HOUR_MS


def beat(platform: str, received_ms: int, *, is_late: bool = False) -> Heartbeat:
    """A heartbeat of a device of this platform."""
    made = heartbeat(received_ms=received_ms, is_late=is_late)
    return replace(made, message=message(topic=topic_of("d", platform)))


def test_heartbeats_are_counted_by_hour_of_receipt_and_platform() -> None:
    """The last millisecond of an hour belongs to it; late ones are counted apart too."""
    counted = heard_hours(
        [
            beat("be-ta", NOON_MS),
            beat("alpha", NOON_MS + HOUR_MS),
            beat("alpha", NOON_MS + HOUR_MS - 1, is_late=True),
            beat("alpha", NOON_MS),
        ]
    )
    assert counted == [
        HeardHour(NOON, "alpha", 2, 1),
        HeardHour(NOON, "be-ta", 1, 0),
        HeardHour(NOON + 1, "alpha", 1, 0),
    ]


def test_nothing_is_counted_of_nothing() -> None:
    """A batch may be empty."""
    assert heard_hours([]) == []
    assert refused_hours([]) == []


def test_rejections_are_counted_by_reason_and_named_platform() -> None:
    """Also where the topic breaks the contract, as long as it stays in the platform's tree."""
    reasons = RejectionReason
    counted = refused_hours(
        [
            Rejection(reasons.UNKNOWN_DEVICE, message(topic=topic_of("d", "alpha"))),
            Rejection(reasons.RETAINED, message(topic=topic_of("d", "alpha"))),
            Rejection(reasons.UNKNOWN_DEVICE, message(topic=topic_of("e", "alpha"))),
            Rejection(reasons.BAD_TOPIC, message(topic="jieru/v1/alpha/d/telemetry")),
            Rejection(reasons.BAD_TOPIC, message(topic="jieru/v1/Alpha/d/heartbeat")),
        ]
    )
    assert counted == [
        RefusedHour(NOON, "", reasons.BAD_TOPIC, 1),
        RefusedHour(NOON, "alpha", reasons.BAD_TOPIC, 1),
        RefusedHour(NOON, "alpha", reasons.RETAINED, 1),
        RefusedHour(NOON, "alpha", reasons.UNKNOWN_DEVICE, 2),
    ]
