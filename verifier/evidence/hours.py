"""Hours of one civil month, a row of bits for each device and publisher. Pure."""

import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from jieru.calendar import HOURS_PER_DAY
from jieru.presence import BYTES_PER_MONTH

__all__ = [
    "BYTES_PER_DAY",
    "Bits",
    "Heard",
    "HeardHours",
    "Keys",
    "MonthOfPresence",
    "device_of_key",
    "digested_rows",
    "hours_of_bits",
    "keys_of",
    "publisher_of_key",
]

BYTES_PER_DAY: Final = HOURS_PER_DAY // 8
_LOW: Final = (1 << 32) - 1
_HASHED: Final = np.dtype(
    [("device", ">i4"), ("publisher", ">i4"), ("hours", "u1", BYTES_PER_MONTH)]
)

Bits = npt.NDArray[np.uint8]
"""Shape (n, 93): the bytes of `bit(744)`, first bit first."""
Keys = npt.NDArray[np.int64]
"""A device and a publisher as one number, ascending."""


def keys_of(devices: npt.NDArray[np.int64], publishers: npt.NDArray[np.int64]) -> Keys:
    """Device and publisher as one number."""
    return (devices << 32) | publishers


def device_of_key(keys: Keys) -> npt.NDArray[np.int64]:
    """The device of each key."""
    return keys >> 32


def publisher_of_key(keys: Keys) -> npt.NDArray[np.int64]:
    """The publisher of each key."""
    return keys & _LOW


@dataclass(frozen=True, slots=True)
class MonthOfPresence:
    """What the table `presence` says of a month."""

    keys: Keys
    """Ascending; each once, unless somebody made a further table of presence."""
    hours: Bits
    late_hours: Bits
    live_hours: Bits

    def sha256(self) -> str:
        """SHA-256 of `hours`, which what is heard late, or live as well, leaves as it is.

        It covers device and publisher (int32 each) and 93 bytes for each row with a bit set, in the
        order of device and publisher.
        """
        devices, publishers = device_of_key(self.keys), publisher_of_key(self.keys)
        return hashlib.sha256(digested_rows(devices, publishers, self.hours)).hexdigest()


def digested_rows(
    devices: npt.NDArray[np.int64], publishers: npt.NDArray[np.int64], hours: Bits
) -> bytes:
    """What a digest covers of rows in their order; those without an hour are left out."""
    heard = hours.any(axis=1)
    rows = np.zeros(int(heard.sum()), dtype=_HASHED)
    rows["device"], rows["publisher"] = devices[heard], publishers[heard]
    rows["hours"] = hours[heard]
    return rows.tobytes()


class HeardHours(NamedTuple):
    """What heartbeats give, a row for each key."""

    keys: Keys
    """Ascending."""
    on_time: Bits
    late: Bits
    live: Bits
    """By every rule there was."""
    perhaps_live: Bits
    """By one of them at least."""


_KINDS: Final = len(HeardHours._fields) - 1


class Heard:
    """The hours that heartbeats give, put together from blocks in any order."""

    def __init__(self, keys: Keys) -> None:
        """Nothing was heard yet.

        Args:
            keys: those that are expected, ascending, each once; others may come.
        """
        self.heartbeats = 0
        self._keys = keys
        self._kinds = np.zeros((_KINDS, len(keys), BYTES_PER_MONTH), dtype=np.uint8)

    def add(
        self,
        keys: Keys,
        first_byte: npt.NDArray[np.int64],
        *kinds: npt.NDArray[np.uint8],
    ) -> None:
        """More hours.

        Args:
            keys: shape (n,), in any order; a key comes once for each `first_byte`.
            first_byte: shape (n,): where in the month's row the three bytes begin; what lies
                outside of the row is of another month and is left out.
            kinds: on time, late, live and perhaps live, each of shape (n, 3): 24 hours.
        """
        known = np.unique(keys)
        known = known[~np.isin(known, self._keys)]
        if len(known):
            self._insert(known)
        places = np.searchsorted(self._keys, keys)
        for number in range(BYTES_PER_DAY):
            at = first_byte + number
            is_inside = (at >= 0) & (at < BYTES_PER_MONTH)
            where = (places[is_inside], at[is_inside])
            for own, more in zip(self._kinds, kinds, strict=True):
                own[where] |= more[is_inside, number]

    def result(self) -> HeardHours:
        """All keys with their hours."""
        return HeardHours(self._keys, *self._kinds)

    def _insert(self, new: Keys) -> None:
        keys = np.concatenate([self._keys, new])
        order = np.argsort(keys, kind="stable")
        nothing = np.zeros((_KINDS, len(new), BYTES_PER_MONTH), dtype=np.uint8)
        self._keys = keys[order]
        self._kinds = np.concatenate([self._kinds, nothing], axis=1)[:, order]


def hours_of_bits(row: npt.NDArray[np.uint8]) -> list[int]:
    """Which bits of one row are set, 0 to 743."""
    found: list[int] = np.flatnonzero(np.unpackbits(row)).tolist()
    return found
