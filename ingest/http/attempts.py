"""How many wrong credentials an address may show before nobody looks at them. Pure.

A wrong one costs a hash. So each address has an account of failures, which fills up again with
time; and all together have one, for whoever has many addresses. What was verified before is let in
without a look at these, so nobody is kept out by what others send. Times are passed in.
"""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple

__all__ = ["FailedAttempts"]

_BURST: Final = 20
_SECONDS_EACH: Final = 3.0
_BURST_OF_ALL: Final = 1_000
_SECONDS_EACH_OF_ALL: Final = 0.002
"""Five hundred hashes a second cost a twentieth of a core."""
_ADDRESSES: Final = 10_000
_EVERYBODY: Final = ""


class _Account(NamedTuple):
    left: float
    at_s: float


class FailedAttempts:
    """Accounts of failures by address. Times are monotonic seconds."""

    def __init__(self) -> None:
        """Nobody has failed yet."""
        self._all = _Account(_BURST_OF_ALL, 0.0)
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def seconds_to_wait(self, address: str, now_s: float) -> int:
        """For how long nobody looks at what this address shows; 0: it is looked at."""
        account = self._accounts.get(_network(address))
        own = 0.0 if account is None else _wait(account, now_s, _BURST, _SECONDS_EACH)
        everybody = _wait(self._all, now_s, _BURST_OF_ALL, _SECONDS_EACH_OF_ALL)
        longest = max(own, everybody)
        return int(longest) + 1 if longest > 0 else 0

    def fail(self, address: str, now_s: float) -> None:
        """Note that this address showed a credential that is none."""
        network = _network(address)
        account = self._accounts.pop(network, _Account(_BURST, now_s))
        self._accounts[network] = _spent(account, now_s, _BURST, _SECONDS_EACH)
        self._all = _spent(self._all, now_s, _BURST_OF_ALL, _SECONDS_EACH_OF_ALL)
        while len(self._accounts) > _ADDRESSES:
            self._accounts.popitem(last=False)


def _filled(account: _Account, now_s: float, burst: int, seconds_each: float) -> float:
    return min(burst, account.left + (now_s - account.at_s) / seconds_each)


def _spent(account: _Account, now_s: float, burst: int, seconds_each: float) -> _Account:
    return _Account(max(0.0, _filled(account, now_s, burst, seconds_each) - 1), now_s)


def _wait(account: _Account, now_s: float, burst: int, seconds_each: float) -> float:
    return max(0.0, 1 - _filled(account, now_s, burst, seconds_each)) * seconds_each


def _network(address: str) -> str:
    """The address, of IPv6 what one subscriber has: its first 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return _EVERYBODY
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or int(parsed) >> 64)
    return str(parsed)
