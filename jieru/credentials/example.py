"""A first heartbeat to try a new credential with. Pure."""

import shlex
from typing import Final

from jieru.broker import BrokerAddress
from jieru.credentials.usernames import parse_username

__all__ = ["publish_line"]

_PAYLOAD: Final = r'"{\"ts\": $(date +%s)000, \"status\": \"running\"}"'
"""The shell fills in the moment: a heartbeat that is too late does not count."""
_ANY_DEVICE: Final = "SERIAL"


def publish_line(broker: BrokerAddress, username: str, secret: str) -> str:
    """A line for a shell that publishes with Mosquitto's own client.

    For a cloud or a gateway it names `SERIAL` in place of a device.

    Raises:
        ValueError: there can be no such user.
    """
    user = parse_username(username)
    if user is None:
        raise ValueError(f"{username} is no user of equipment")
    topic = user.topic(_ANY_DEVICE)
    words = ["mosquitto_pub", "-h", broker.host, "-p", str(broker.port)]
    if broker.is_tls:
        words += ["--cafile", broker.ca_file] if broker.ca_file else ["--tls-use-os-certs"]
    words += ["-u", username, "-P", secret, "-q", "1", "-t", topic, "-m"]
    return f"{shlex.join(words)} {_PAYLOAD}"
