"""Whether a device is heard as often as it should be."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.device_status import Liveness, liveness

_NOW = datetime(2026, 5, 30, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("silent_s", "expected"),
    [
        (-600, Liveness.ONLINE),
        (0, Liveness.ONLINE),
        (630, Liveness.ONLINE),
        (630.000001, Liveness.LATE),
        (1530, Liveness.LATE),
        (1530.000001, Liveness.OFFLINE),
    ],
)
def test_a_device_that_sends_every_five_minutes(silent_s: float, expected: Liveness) -> None:
    """Online until two intervals, late until five, each with the time of writing."""
    assert liveness(_NOW - timedelta(seconds=silent_s), 300, _NOW) is expected


def test_a_device_that_was_not_heard_yet() -> None:
    """Is neither online nor offline."""
    assert liveness(None, 300, _NOW) is Liveness.NEVER
