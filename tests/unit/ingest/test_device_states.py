"""When a device's last heartbeat is written, and which one."""

from ingest.device_states import DeviceState, DeviceStates
from jieru.wire import DeviceStatus
from tests.support.messages import NOON_MS, heartbeat


def test_a_device_seen_first_is_written_at_once() -> None:
    """Whoever waits for a new device to come online should not wait for the interval."""
    states = DeviceStates(30)
    states.observe([heartbeat(2), heartbeat(1, status=DeviceStatus.IDLE)])
    assert states.due(100.0) == [
        DeviceState(1, NOON_MS, DeviceStatus.IDLE),
        DeviceState(2, NOON_MS, None),
    ]


def test_a_device_is_written_again_only_after_the_interval() -> None:
    """However many heartbeats come in between; then the newest is written."""
    states = DeviceStates(30)
    states.observe([heartbeat(1)])
    states.remember(states.due(100.0), 100.0)
    states.observe([heartbeat(1, NOON_MS + 1000), heartbeat(1, NOON_MS + 2000)])
    states.observe([heartbeat(1, NOON_MS + 500)])
    assert states.due(129.9) == []
    assert states.due(131.0) == [DeviceState(1, NOON_MS + 2000, None)]


def test_a_device_that_falls_silent_is_written_when_its_turn_comes() -> None:
    """The last heartbeat is not lost because no further one follows."""
    states = DeviceStates(30)
    states.observe([heartbeat(1)])
    states.remember(states.due(0.0), 0.0)
    states.observe([heartbeat(1, NOON_MS + 1000)])
    states.observe([heartbeat(9)])
    assert DeviceState(1, NOON_MS + 1000, None) in states.due(40.0)


def test_what_was_not_committed_stays_due() -> None:
    """A failed transaction forgets nothing."""
    states = DeviceStates(30)
    states.observe([heartbeat(1)])
    assert states.due(0.0) == states.due(0.1) != []


def test_on_leaving_everything_is_due() -> None:
    """So that a restart does not make devices look silent."""
    states = DeviceStates(30)
    states.observe([heartbeat(1)])
    states.remember(states.due(0.0), 0.0)
    states.observe([heartbeat(1, NOON_MS + 1000)])
    assert states.due(0.5, everything=True) == [DeviceState(1, NOON_MS + 1000, None)]


def test_a_newer_heartbeat_during_the_commit_stays_due() -> None:
    """Only what was written is struck off."""
    states = DeviceStates(30)
    states.observe([heartbeat(1)])
    written = states.due(0.0)
    states.observe([heartbeat(1, NOON_MS + 1000)])
    states.remember(written, 0.0)
    assert states.due(31.0) == [DeviceState(1, NOON_MS + 1000, None)]


def test_a_whole_city_due_at_once_is_written_in_portions() -> None:
    """A thousand to a transaction, each once, so that heartbeats are not held up."""
    states = DeviceStates(30)
    states.observe([heartbeat(device_id) for device_id in range(2_500)])
    portions = []
    while portion := states.due(100.0):
        states.remember(portion, 100.0)
        portions.append(portion)
    assert [len(portion) for portion in portions] == [1_000, 1_000, 500]
    assert {state.device_id for portion in portions for state in portion} == set(range(2_500))
