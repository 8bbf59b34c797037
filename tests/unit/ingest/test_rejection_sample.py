"""A flood of rejections is kept as a sample, hour by hour."""

from ingest.decode import Rejection
from ingest.rejection_sample import RejectionSample
from jieru.wire import RejectionReason
from tests.support.messages import NOON_MS, message, topic_of

_HOUR_MS = 3_600_000


def _refused(
    serial: str,
    reason: RejectionReason = RejectionReason.MALFORMED_PAYLOAD,
    *,
    platform: str = "xielian",
    at_ms: int = NOON_MS,
) -> Rejection:
    return Rejection(reason, message(b"{}", topic=topic_of(serial, platform), received_ms=at_ms))


def test_so_many_of_each_topic_and_reason_are_kept() -> None:
    """The first ones; another reason of the same device is another matter."""
    sample = RejectionSample(per_topic=2, per_platform=0)
    same = [_refused("A"), _refused("A"), _refused("A")]
    other = _refused("A", RejectionReason.FUTURE_TIMESTAMP)
    assert sample.of([*same, other, _refused("B")]) == [same[0], same[1], other, _refused("B")]
    assert sample.of(same) == []


def test_so_many_of_a_platform_are_kept() -> None:
    """A thousand devices of one gateway take nothing from another platform."""
    sample = RejectionSample(per_topic=0, per_platform=3)
    flood = [_refused(f"D-{number}") for number in range(1_000)]
    other = _refused("A", platform="guolian")
    assert sample.of([*flood, other]) == [*flood[:3], other]


def test_an_hour_begins_anew() -> None:
    """And the memory of the one before is let go."""
    sample = RejectionSample(per_topic=1, per_platform=1)
    assert len(sample.of([_refused("A"), _refused("A")])) == 1
    assert len(sample.of([_refused("A", at_ms=NOON_MS + _HOUR_MS)])) == 1


def test_without_limits_all_are_kept() -> None:
    """For those who want every one of them."""
    sample = RejectionSample(per_topic=0, per_platform=0)
    assert len(sample.of([_refused("A")] * 100)) == 100


def test_topics_of_no_platform_share_one_limit() -> None:
    """Somebody who makes up topics is one somebody."""
    sample = RejectionSample(per_topic=0, per_platform=2)
    made_up = [
        Rejection(RejectionReason.BAD_TOPIC, message(topic=topic)) for topic in ("a", "b", "c/d")
    ]
    assert sample.of(made_up) == made_up[:2]
