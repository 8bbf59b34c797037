"""What is sent: good heartbeats of the asked size, and bad ones that are refused as they should."""

from collections import Counter

import pytest

from ingest.decode import Heartbeat, Rejection, TimeRules, decode
from ingest.message import Message as Received
from jieru.errors import UserError
from jieru.wire import DeviceAddress, RejectionReason, heartbeat_topic
from simulators.load.payloads import SENDABLE_FAULTS, Message, MessageMaker
from simulators.load.turns import Turn
from tests.support.messages import origins

_NOON_MS = 1_772_424_000_000
_DEVICES = [DeviceAddress("xielian", "CNC-1"), DeviceAddress("xielian", "x" * 64)]
_IDS = origins({heartbeat_topic(device): place for place, device in enumerate(_DEVICES)})
_RULES = TimeRules.of_policy(max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=False)


def _decoded(message: Message) -> Heartbeat | Rejection:
    payload, topic = message.payload, message.topic.decode()
    received = Received(topic, payload[:4096], len(payload), _NOON_MS, 1)
    return decode(received, _IDS, _RULES)


@pytest.mark.parametrize("place", [0, 1])
def test_a_good_message_is_taken_as_what_its_turn_says(place: int) -> None:
    """Device, instant and number."""
    decoded = _decoded(MessageMaker(_DEVICES).message_of(Turn(place, 5, _NOON_MS)))
    assert isinstance(decoded, Heartbeat)
    assert (decoded.device_id, decoded.ts_ms, decoded.seq) == (place, _NOON_MS, 5)


@pytest.mark.parametrize("size", [200, 1000, 4096])
def test_a_payload_is_filled_up_to_the_size_and_still_good(size: int) -> None:
    """The largest that the contract allows is taken too."""
    message = MessageMaker(_DEVICES, payload_bytes=size).message_of(Turn(0, 5, _NOON_MS))
    assert len(message.payload) == size
    assert isinstance(_decoded(message), Heartbeat)


@pytest.mark.parametrize("reason", SENDABLE_FAULTS)
def test_a_bad_message_is_refused_for_its_reason(reason: RejectionReason) -> None:
    """In every form in which it comes, and of a device whose serial is as long as can be."""
    maker = MessageMaker(_DEVICES, faults={reason: 1.0})
    for number in range(40):
        message = maker.message_of(Turn(number % 2, number, _NOON_MS + number))
        decoded = _decoded(message)
        assert message.fault is reason
        assert isinstance(decoded, Rejection)
        assert decoded.reason is reason


def test_the_shares_are_kept_and_the_same_seed_draws_the_same() -> None:
    """Of ten thousand, a tenth and a fifth within a few percent."""
    shares = {RejectionReason.BAD_TOPIC: 0.1, RejectionReason.UNKNOWN_DEVICE: 0.2}
    turns = [Turn(0, number, _NOON_MS + number) for number in range(10_000)]
    drawn = [
        [maker.message_of(turn).fault for turn in turns]
        for maker in (MessageMaker(_DEVICES, faults=shares, seed=3) for _ in range(2))
    ]
    assert drawn[0] == drawn[1]
    counted = Counter(drawn[0])
    assert counted[RejectionReason.BAD_TOPIC] == pytest.approx(1000, rel=0.1)
    assert counted[RejectionReason.UNKNOWN_DEVICE] == pytest.approx(2000, rel=0.1)
    assert counted[None] == pytest.approx(7000, rel=0.1)


@pytest.mark.parametrize("shares", [(0.6, 0.6), (-0.1, 0.2)])
def test_impossible_shares_are_refused(shares: tuple[float, float]) -> None:
    """They are from 0 to 1, and so is their sum."""
    faults = dict(zip(RejectionReason, shares, strict=False))
    with pytest.raises(UserError, match="shares"):
        MessageMaker(_DEVICES, faults=faults)


def test_a_payload_beyond_the_contract_is_refused() -> None:
    """Whoever wants such messages asks for the fault."""
    with pytest.raises(UserError, match="4096"):
        MessageMaker(_DEVICES, payload_bytes=4097)
