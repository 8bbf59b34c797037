"""What a subscriber hands on: messages as they came, in batches that can be acknowledged."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

__all__ = ["Batch", "Message"]


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message as the broker delivered it.

    A struct, for it is made in a fifth of a tuple's time and the garbage collector leaves it alone.
    """

    topic: str
    payload: bytes
    """At most as many bytes as may be taken, of a heartbeat the first 4,096: a longer one is
    refused, so its tail is not held."""
    payload_bytes: int
    """The whole length."""
    received_ms: int
    """When it was read from the connection, in milliseconds since the Unix epoch."""
    packet_id: int | None
    """What to acknowledge; None for QoS 0."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one connection in the order of receipt."""

    epoch: int
    """Number of the connection that delivered them; only this one may acknowledge them."""
    messages: Sequence[Message]
