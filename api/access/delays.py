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
    "browser_subject",
    "code_subject",
    "name_subject",
    "remaining_s",
]

FREE_BY_ACCOUNT: Final = 3
FREE_BY_ADDRESS: Final = 20
"""Many people may share an address, behind one router."""

_LONGEST: Final = timedelta(minutes=15)
_LONGEST_EXPONENT: Final = 10
_CLOCKS_APART: Final = timedelta(minutes=1)
_NAMES: Final = 65_536
_NETWORK_OF_ONE_CUSTOMER: Final = 64


def remaining_s(failures: int, free: int, last_failed_at: datetime, now: datetime) -> int:
    """Whole seconds until the next attempt is looked at; 0: now.

    The first `free` failures cost nothing; then each doubles the wait, from 2 seconds up to a
    quarter of an hour after the last one. A failure that lies ahead was noted by a clock that was
    wrong: it keeps nobody waiting, or a clock that was a day ahead would for a day. What two
    servers' clocks may differ by is no such thing.
    """
    beyond = failures - free
    if beyond <= 0 or last_failed_at > now + _CLOCKS_APART:
        return 0
    delay = min(timedelta(seconds=2 ** min(beyond, _LONGEST_EXPONENT)), _LONGEST)
    remaining = min(last_failed_at + delay - now, delay)
    return max(0, math.ceil(remaining.total_seconds()))


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


def name_subject(name: str) -> str:
    """Under what the failures for a name are counted, whether somebody has it or not.

    One of some thousands, so that invented names cannot fill the table; and by one rule for all,
    so that neither a delay, nor two names that share one, tell which names exist.
    """
    digest = hashlib.sha256(name.encode(errors="replace")).digest()
    return f"name:{int.from_bytes(digest[:8], 'big') % _NAMES}"


def browser_subject(browser: bytes, user_id: int) -> str:
    """Under what the failures of a known browser for one of its accounts are counted."""
    return f"browser:{browser.hex()}:{user_id}"


def code_subject(user_id: int, browser: bytes | None) -> str:
    """Under what wrong codes of the second step are counted; `browser` is one that is known."""
    return f"code:{user_id}:{browser.hex() if browser else ''}"
