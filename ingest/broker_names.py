"""What the broker knows an ingester and its group by: names that nobody can guess. Pure.

A broker gives a session to whoever connects with its client id, and a share of the messages to
whoever joins its group. So both end in a part that only those can make who may read the database's
secret; the name in settings, tables, panels and logs stays the short one.
"""

import hashlib
import hmac
from typing import Final, NamedTuple

__all__ = ["BrokerNames"]

_DIGITS: Final = 20
"""Of the part that cannot be guessed: 80 bits, and short enough for brokers that count."""


class BrokerNames(NamedTuple):
    """A client id and the name of a group; the latter is empty where there is no group."""

    client_id: str
    group: str

    @classmethod
    def derived(cls, secret: str, client_id: str, group: str) -> "BrokerNames":
        """The names that go with those of the settings."""
        return cls(
            f"{client_id}-{_part(secret, 'client', client_id)}",
            f"{group}-{_part(secret, 'group', group)}" if group else "",
        )


def _part(secret: str, kind: str, name: str) -> str:
    message = f"{kind}\0{name}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()[:_DIGITS]
