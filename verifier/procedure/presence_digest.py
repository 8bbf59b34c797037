"""SHA-256 of the presence that a determination rests on. Pure.

A device's digest covers, for each month up to `as_of` in which a bit is set, the month as
`YYYY-MM` (7 bytes) and the 93 bytes of `hours`, months ascending; bits after `as_of` are taken
as not set, so that what is heard later changes nothing. A case's digest covers one line for each
assignment of a device to it, by serial and first day: `SERIAL FROM TO DIGEST` and a line feed,
in UTF-8, with `-` for an assignment that has no end.
"""

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

import numpy as np

from jieru.presence import BYTES_PER_MONTH
from verifier.counting.activity import PresenceRows

__all__ = ["NO_PRESENCE", "AssignedDevice", "device_digests", "presence_sha256"]

_BYTES_PER_DAY: Final = 3
_MONTHS_TO_1970: Final = 1970 * 12
_HASHED = np.dtype([("month", "S7"), ("hours", "u1", BYTES_PER_MONTH)])

NO_PRESENCE: Final = hashlib.sha256().hexdigest()
"""Of a device that was never heard."""


class AssignedDevice(NamedTuple):
    """One assignment of a device to the enterprise of a case."""

    serial: str
    first_day: date
    end: date | None
    """Exclusive."""
    digest: str


def device_digests(block: PresenceRows, as_of: date) -> dict[int, str]:
    """The digest of each device of a block that was heard; a block has all rows of its devices."""
    hours = block.hours.copy()
    last_month = block.month == as_of.year * 12 + as_of.month - 1
    hours[last_month, as_of.day * _BYTES_PER_DAY :] = 0
    heard = np.flatnonzero(hours.any(axis=1) & (block.month <= as_of.year * 12 + as_of.month - 1))
    order = heard[np.lexsort((block.month[heard], block.device[heard]))]
    rows = np.zeros(len(order), dtype=_HASHED)
    months = (block.month[order] - _MONTHS_TO_1970).astype("datetime64[M]")
    rows["month"] = np.datetime_as_string(months).astype("S7")
    rows["hours"] = hours[order]
    devices, firsts = np.unique(block.device[order], return_index=True)
    content, size = rows.tobytes(), _HASHED.itemsize
    ends = np.append(firsts, len(rows))[1:]
    return {
        device: hashlib.sha256(content[first * size : end * size]).hexdigest()
        for device, first, end in zip(devices.tolist(), firsts.tolist(), ends.tolist(), strict=True)
    }


def presence_sha256(devices: Iterable[AssignedDevice]) -> str:
    """The digest of a case."""
    lines = (
        f"{each.serial} {each.first_day} {each.end or '-'} {each.digest}\n"
        for each in sorted(devices, key=lambda device: (device.serial, device.first_day))
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()
