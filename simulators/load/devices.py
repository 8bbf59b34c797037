"""Who sends: devices of a file to import, of the database, or by a pattern of serials."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jieru.database import connect
from jieru.errors import UserError
from jieru.wire import PLATFORM_CODE, SERIAL, DeviceAddress

__all__ = ["devices_by_pattern", "devices_of_database", "devices_of_file"]

_SELECT_DEVICES: Final = """
    SELECT p.code, d.serial FROM devices d JOIN platforms p ON p.id = d.platform_id
    WHERE %(platform)s::text IS NULL OR p.code = %(platform)s
    ORDER BY d.id
"""


def devices_of_file(path: Path, platform: str | None = None) -> list[DeviceAddress]:
    """The devices of a CSV file that `jieru import devices` takes, of one platform or of all.

    Raises:
        UserError: the file cannot be read, or lacks the columns `platform` and `serial`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            addresses = dict.fromkeys(DeviceAddress(r["platform"], r["serial"]) for r in rows)
    except OSError as error:
        raise UserError(
            "The file {path} cannot be read: {reason}", path=path, reason=error.strerror
        ) from None
    except (KeyError, UnicodeDecodeError, csv.Error):
        raise UserError(
            "{path} is no CSV file of devices: it needs the columns platform and serial.", path=path
        ) from None
    return _checked([each for each in addresses if platform in (None, each.platform)])


def devices_of_database(database_url: str, platform: str | None = None) -> list[DeviceAddress]:
    """The registered devices, of one platform or of all, in the order of registration.

    Raises:
        UserError: there are none.
        WorldError: the database cannot be reached.
    """
    with connect(database_url) as connection:
        rows = connection.execute(_SELECT_DEVICES, {"platform": platform}).fetchall()
    return _checked([DeviceAddress(*row) for row in rows])


def devices_by_pattern(platform: str, pattern: str, count: int) -> list[DeviceAddress]:
    """So many devices of one platform, numbered from 0: `CNC-%06d` gives `CNC-000000` and on.

    Raises:
        UserError: the pattern gives no serials, or twice the same.
    """
    try:
        serials = [pattern % number for number in range(count)]
    except (TypeError, ValueError):
        serials = []
    if len(set(serials)) != count:
        raise UserError(
            "{pattern} is no pattern of serials: it needs a place for the number, as CNC-%06d has.",
            pattern=pattern,
        )
    return _checked([DeviceAddress(platform, serial) for serial in serials])


def _checked(devices: Sequence[DeviceAddress]) -> list[DeviceAddress]:
    if not devices:
        raise UserError("There are no devices to send anything.")
    for platform, serial in devices:
        if not (PLATFORM_CODE.fullmatch(platform or "") and SERIAL.fullmatch(serial or "")):
            raise UserError(
                "{platform}/{serial} is not a platform's code and serial of a device.",
                platform=platform,
                serial=serial,
            )
    return [*devices]
