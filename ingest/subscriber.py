"""What every subscriber does, whatever the broker: receive a batch, acknowledge a batch."""

import ssl
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from ingest.message import Batch
from jieru.errors import UserError
from jieru.wire import HEARTBEAT_TOPIC_FILTER

__all__ = ["KEEP_ALIVE_S", "BrokerAddress", "Subscriber", "Subscription"]

KEEP_ALIVE_S: Final = 30
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and who we are there."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    is_tls: bool = False
    ca_file: str | None = None

    @classmethod
    def of_url(cls, url: str, ca_file: str = "") -> "BrokerAddress":
        """Read `mqtt://user:password@host:port` (`mqtts://` for TLS).

        Raises:
            UserError: it is no such address.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UserError(
                "JIERU_MQTT_URL is not a broker's address (mqtt://user:password@host:1883 or "
                "mqtts://...)."
            )
        return cls(
            parts.hostname,
            port or _PORTS[parts.scheme],
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            parts.scheme == "mqtts",
            ca_file or None,
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """What to check the broker's certificate with; None without TLS.

        Raises:
            UserError: the certificate authority's file cannot be read.
        """
        if not self.is_tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise UserError(
                "The certificate authority {path} (JIERU_MQTT_CA_FILE) cannot be read: {reason}",
                path=self.ca_file,
                reason=error,
            ) from None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to ask of the broker."""

    client_id: str
    """Stable: under this name the broker keeps the session while we are away."""
    group: str
    """Of the shared subscription; empty for a plain one."""
    receive_maximum: int
    session_expiry_s: int

    @property
    def topic_filter(self) -> str:
        """All heartbeats, shared within the group where there is one."""
        return (
            f"$share/{self.group}/{HEARTBEAT_TOPIC_FILTER}"
            if self.group
            else (HEARTBEAT_TOPIC_FILTER)
        )


class Subscriber(Protocol):
    """Delivers messages in order of receipt and acknowledges them in that order.

    Connection losses are its own business: it reconnects with backoff for ever, and a batch of
    a connection that is gone is not acknowledged, for the broker delivers it again.
    """

    @property
    def is_connected(self) -> bool:
        """Whether the subscription stands at this moment."""

    @property
    def unacknowledged(self) -> int:
        """Messages of this connection received and not yet acknowledged."""

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

    async def close(self) -> None:
        """Send what is to be sent and leave; the broker keeps the session."""
