"""How long to wait after failed attempts to sign in. Pure."""

import hashlib
import ipaddress
import math
from datetime import datetime, timedelta
from typing import Final

__all__ = [
    "FREE_BY_ACCOUNT",
    "FREE_BY_ADDRESS",
    "address_subject",
    "remaining_s",
    "unknown_subject",
]

FREE_BY_ACCOUNT: Final = 3
FREE_BY_ADDRESS: Final = 20
"""Many people may share an address, behind one router."""

_LONGEST: Final = timedelta(minutes=15)
_LONGEST_EXPONENT: Final = 10
_UNKNOWN_SUBJECTS: Final = 4096
_NETWORK_OF_ONE_CUSTOMER: Final = 64


def remaining_s(failures: int, free: int, last_failed_at: datetime, now: datetime) -> int:
    """Whole seconds until the next attempt is looked at; 0: now.

    The first `free` failures cost nothing; then each doubles the wait, from 2 seconds up to a
    quarter of an hour after the last one.
    """
    beyond = failures - free
    if beyond <= 0:
        return 0
    delay = min(timedelta(seconds=2 ** min(beyond, _LONGEST_EXPONENT)), _LONGEST)
    return max(0, math.ceil((last_failed_at + delay - now).total_seconds()))


def address_subject(origin: str) -> str:
    """Under what the failures from an address are counted.

    Whoever has one address of version 6 has the whole /64 around it.
    """
    try:
        address = ipaddress.ip_address(origin)
    except ValueError:
        return "address:unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return f"address:{address}"
    if address.ipv4_mapped is not None:
        return f"address:{address.ipv4_mapped}"
    network = ipaddress.IPv6Network((int(address), _NETWORK_OF_ONE_CUSTOMER), strict=False)
    return f"address:{network}"


def unknown_subject(name: str) -> str:
    """Under what the failures for a name are counted that is no account's.

    One of a few thousand, so that invented names cannot fill the table; and counted all the same,
    so that a delay does not tell who has an account.
    """
    digest = hashlib.sha256(name.encode(errors="replace")).digest()
    return f"unknown:{int.from_bytes(digest[:8], 'big') % _UNKNOWN_SUBJECTS}"
