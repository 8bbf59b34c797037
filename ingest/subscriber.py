"""What every subscriber does, whatever the broker: receive a batch, acknowledge a batch."""

from dataclasses import dataclass
from typing import Final, Protocol

from ingest.message import Batch
from ingest.session_troubles import SessionTroubles
from jieru.wire import HEARTBEAT_TOPIC_FILTERS, PAYLOAD_LIMIT_BYTES

__all__ = ["KEEP_ALIVE_S", "Subscriber", "Subscription"]

KEEP_ALIVE_S: Final = 10
"""So that a half-open connection is found, and another one made, within half a minute."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to ask of the broker."""

    client_id: str
    """Stable, and not to be guessed: under this name the broker keeps the session while we are
    away, and gives it to whoever comes with it."""
    group: str
    """Of the shared subscription; empty for a plain one."""
    receive_maximum: int
    session_expiry_s: int
    is_draining: bool = False
    """Subscribe to nothing: unsubscribe, and take what the session holds still."""
    expects_session: bool = False
    """The broker promised, not long ago, to keep one."""
    ingester: str = ""
    """What people call the ingester; empty: by its client id."""
    filters: tuple[str, ...] = HEARTBEAT_TOPIC_FILTERS
    payload_limit_bytes: int = PAYLOAD_LIMIT_BYTES
    """A longer payload is refused, so its tail is not held."""

    @property
    def name(self) -> str:
        """For people; the setting JIERU_INGEST_CLIENT_ID."""
        return self.ingester or self.client_id

    @property
    def wanted(self) -> list[str]:
        """The filters, shared within the group where there is one."""
        if not self.group:
            return [*self.filters]
        return [f"$share/{self.group}/{each}" for each in self.filters]

    @property
    def unwanted(self) -> list[str]:
        """Those of a session of this name that was in no group: it would get everything still."""
        return [*self.filters] if self.group else []

    @property
    def every(self) -> list[str]:
        """Both, to end the subscription of a session that is drained."""
        return [*self.wanted, *self.unwanted]


class Subscriber(Protocol):
    """Delivers messages in order of receipt and acknowledges them in that order.

    Connection losses are its own business: it reconnects with backoff for ever, and a batch of
    a connection that is gone is not acknowledged, for the broker delivers it again.
    """

    troubles: SessionTroubles

    @property
    def is_connected(self) -> bool:
        """Whether the subscription stands at this moment."""

    @property
    def unacknowledged(self) -> int:
        """Messages of this connection received and not yet acknowledged."""

    @property
    def window(self) -> int | None:
        """Messages that the broker leaves unacknowledged at most, where that is less than asked."""

    async def start(self) -> None:
        """Begin to connect; returns at once."""

    async def receive(self, size: int, age_s: float, idle_s: float) -> Batch | None:
        """Up to `size` messages, waiting `age_s` seconds at most after the first.

        Returns:
            None when nothing came within `idle_s` seconds.

        Raises:
            UserError: the broker refuses what no waiting heals: a password, a permission, a
                feature it does not have.
        """

    def acknowledge(self, batch: Batch) -> bool:
        """Acknowledge a batch whose evidence is durable; False when its connection is gone."""

    async def end_if_empty(self) -> bool:
        """End the session for good, once a draining subscriber has emptied it.

        The broker is asked first, and answers after what it had to send: so nothing is given up
        that it holds still, however slow it is.

        Returns:
            False when there may be more, or nobody could be asked: try again later.
        """

    async def close(self) -> None:
        """Send what is to be sent and leave; the broker keeps the session."""
