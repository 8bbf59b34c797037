"""How equipment reaches us from outside: broker, HTTPS, and the authority that it shall trust."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from jieru.broker import BrokerAddress
from jieru.credentials.authority import AUTHORITY_FILE_NAME, Authority, read_authority
from jieru.credentials.equipment_broker import equipment_broker
from jieru.credentials.usernames import parse_username
from jieru.settings import Settings
from jieru.snippets.snippet import Publishing

__all__ = ["UNKNOWN_HTTPS", "UNKNOWN_SECRET", "UNKNOWN_SERIAL", "WaysIn"]

UNKNOWN_SECRET: Final = "SECRET"  # noqa: S105 - what stands where nobody knows it
UNKNOWN_SERIAL: Final = "SERIAL"
"""Stands in a topic for the serial of whichever device."""
UNKNOWN_HTTPS: Final = "https://HOST"


@dataclass(frozen=True, slots=True)
class WaysIn:
    """What the administrator said of it, and what can be told where he said nothing."""

    broker: BrokerAddress
    is_broker_named: bool
    """False: the address is the one by which we ourselves reach it."""
    https_url: str
    """Without a slash at its end; empty: nobody said that there is one."""
    authority: Authority | None

    @classmethod
    def of_settings(cls, settings: Settings) -> Self:
        """What the settings say.

        Raises:
            UserError: the broker's address is none, or the authority's file is no certificate.
        """
        ca_file = settings.equipment_ca_file
        return cls(
            broker=equipment_broker(settings),
            is_broker_named=bool(settings.equipment_mqtt_url),
            https_url=settings.equipment_https_url,
            authority=read_authority(Path(ca_file)) if ca_file else None,
        )

    def publishing(
        self, username: str, *, secret: str = UNKNOWN_SECRET, serial: str = UNKNOWN_SERIAL
    ) -> Publishing:
        """What a program publishes with.

        Args:
            username: of the equipment.
            secret: where it is known, which is in one answer only.
            serial: of the device that a cloud or a gateway speaks for.

        Raises:
            ValueError: there can be no such user.
        """
        user = parse_username(username)
        if user is None:
            raise ValueError(f"{username} is no user of equipment")
        return Publishing(
            host=self.broker.host,
            port=self.broker.port,
            is_tls=self.broker.is_tls,
            ca_file=AUTHORITY_FILE_NAME if self.broker.is_tls and self.authority else "",
            username=username,
            secret=secret,
            topic=user.topic(serial),
            # On our broker the username is the client id, whatever a client says.
            client_id=username.replace("/", "-"),
            https_url=f"{self.https_url or UNKNOWN_HTTPS}/ingest/v1/{user.platform}",
        )
