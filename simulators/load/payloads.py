"""What a turn's message is: a good heartbeat of a given size, or one that breaks the contract.

Pure. Which one it is to be is drawn from a seed, so that the same load can be sent again.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.errors import UserError
from jieru.wire import PAYLOAD_LIMIT_BYTES, DeviceAddress, RejectionReason, heartbeat_topic
from simulators.garbling import REASONS, Garbling, garble
from simulators.load.turns import Turn

__all__ = ["SENDABLE_FAULTS", "Message", "MessageMaker", "topic_of"]

_DAY_MS: Final = 24 * MILLISECONDS_PER_HOUR
_LARGEST_SHARE: Final = 1.0
_GARBLINGS: Final = {
    reason: [garbling for garbling in Garbling if REASONS[garbling] is reason]
    for reason in set(REASONS.values())
}

SENDABLE_FAULTS: Final = tuple(
    reason
    for reason in RejectionReason
    if reason
    not in {
        RejectionReason.RETAINED,
        RejectionReason.UNSTORABLE,
        RejectionReason.UNKNOWN_PUBLISHER,
        RejectionReason.UNKNOWN_SOURCE,
        RejectionReason.NO_TIMESTAMP,
    }
)
"""Reasons for which a message of a platform's cloud can be refused by what it is."""


class Message(NamedTuple):
    """One publication at QoS 1."""

    topic: bytes
    payload: bytes
    fault: RejectionReason | None
    """For which reason it is to be refused; None for a good heartbeat."""


class MessageMaker:
    """Makes the message of each turn."""

    def __init__(
        self,
        devices: Sequence[DeviceAddress],
        *,
        payload_bytes: int = 0,
        faults: Mapping[RejectionReason, float] | None = None,
        seed: int = 0,
    ) -> None:
        """Take the devices whose places the turns name.

        Args:
            devices: who sends.
            payload_bytes: good payloads are filled up to this size with a metric.
            faults: of each reason the share of messages that are to be refused for it.
            seed: of the draw.

        Raises:
            UserError: the size or the shares are impossible.
        """
        if payload_bytes > PAYLOAD_LIMIT_BYTES:
            raise UserError(
                "A heartbeat has at most {limit} bytes, not {size}.",
                limit=PAYLOAD_LIMIT_BYTES,
                size=payload_bytes,
            )
        shares = dict(faults or {})
        if sum(shares.values()) > _LARGEST_SHARE or any(share < 0 for share in shares.values()):
            raise UserError(
                "The shares of bad messages must be from 0 to 1, and so must their sum."
            )
        self._devices = devices
        self._topics = [heartbeat_topic(device).encode() for device in devices]
        self._payload_bytes = payload_bytes
        self._faults = shares
        self._bad_share = sum(shares.values())
        self._random = Random(seed)  # noqa: S311 - a draw to be repeated

    def message_of(self, turn: Turn) -> Message:
        """The message to be sent."""
        device, seq, ts_ms = turn
        if self._bad_share and self._random.random() < self._bad_share:
            reason = self._random.choices([*self._faults], [*self._faults.values()])[0]
            return self._bad(turn, reason)
        return Message(self._topics[device], self._good(ts_ms, seq, device), fault=None)

    def _good(self, ts_ms: int, seq: int, device: int) -> bytes:
        payload = (
            b'{"ts":%d,"seq":%d,"status":"running","metrics":{"rpm":%d,"temperature_c":%d.5}}'
            % (ts_ms, seq, 900 + device % 600, 20 + (device + seq) % 40)
        )
        lacking = self._payload_bytes - len(payload)
        if lacking <= 0:
            return payload
        filling = b',"note":"' + b"x" * max(0, lacking - len(b',"note":""')) + b'"'
        return payload[:-2] + filling + payload[-2:]

    def _bad(self, turn: Turn, reason: RejectionReason) -> Message:
        device, seq, ts_ms = turn
        if reason in _GARBLINGS:
            payload = garble(self._random.choice(_GARBLINGS[reason]), ts_ms, seq)
        else:
            ahead_ms = 2 * _DAY_MS if reason is RejectionReason.FUTURE_TIMESTAMP else 0
            payload = self._good(ts_ms + ahead_ms, seq, device)
        topic = topic_of(self._devices[device], reason).encode()
        return Message(topic, payload, reason)


def topic_of(device: DeviceAddress, fault: RejectionReason | None) -> str:
    """Where a device's message is published, when it is to be refused for this reason."""
    topic = heartbeat_topic(device)
    if fault is RejectionReason.BAD_TOPIC:  # no serial has an exclamation mark
        return topic.replace("/heartbeat", "!/heartbeat")
    if fault is RejectionReason.UNKNOWN_DEVICE:
        return heartbeat_topic(device._replace(serial=f"{device.serial[:57]}.nobody"))
    return topic
