"""Where the broker is and who we are there."""

import re
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from jieru.errors import UserError

__all__ = ["BrokerAddress"]

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_HOST: Final = re.compile(r"[\w.:%-]+")
"""A name, an IPv4 or an IPv6 address; anything else ends a string of a program that we show."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """What an address such as `mqtt://user:password@host:port` says."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    is_tls: bool = False
    ca_file: str | None = None
    """Certificate authority for TLS; None: the system's own."""

    @classmethod
    def of_url(
        cls, url: str, ca_file: str = "", *, setting: str = "JIERU_MQTT_URL"
    ) -> "BrokerAddress":
        """Read `mqtt://user:password@host:port` (`mqtts://` for TLS).

        Raises:
            UserError: it is no such address.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        host = parts.hostname or ""
        if parts.scheme not in _PORTS or not _HOST.fullmatch(host):
            raise UserError(
                "{setting} is not a broker's address (mqtt://user:password@host:1883 or "
                "mqtts://...).",
                setting=setting,
            )
        return cls(
            host,
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
