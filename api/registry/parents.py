"""The records that others hang on: whether a caller may see one, and what it is called."""

from datetime import date
from typing import Final, LiteralString, NamedTuple

import psycopg

from api.access.caller import Caller
from api.web.problems import Kind, Problem
from api.web.records import is_uscc
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE, SERIAL, DeviceAddress

__all__ = [
    "ENTERPRISE_IS_VISIBLE",
    "NO_SUCH_DEVICE",
    "NO_SUCH_ENTERPRISE",
    "NO_SUCH_PLATFORM",
    "ParentPlatform",
    "parent_enterprise_name",
    "parent_platform",
    "parent_platform_name",
    "require_parent_device",
]

ENTERPRISE_IS_VISIBLE: Final[LiteralString] = """(
    enterprises.kept_by_platform_id = %(own)s
    OR EXISTS (SELECT FROM connections
               WHERE connections.enterprise_id = enterprises.id AND platform_id = %(own)s)
)"""
"""Of the operator whose platform's id is `own`."""

NO_SUCH_PLATFORM: Final = _("There is no platform {code}.")
NO_SUCH_ENTERPRISE: Final = _("There is no enterprise {uscc}.")
NO_SUCH_DEVICE: Final = _("The platform {platform} has no device {serial}.")
"""The answers about what the caller cannot see, there or not."""

_PLATFORM: Final = """
    SELECT name, ended_on FROM platforms
    WHERE code = %(code)s AND (%(own)s::integer IS NULL OR id = %(own)s)
"""
_ENTERPRISE_NAME: Final[LiteralString] = (
    "SELECT name FROM enterprises WHERE uscc = %(uscc)s AND (%(own)s::integer IS NULL OR "  # noqa: S608 - constants
    + ENTERPRISE_IS_VISIBLE
    + ")"
)
_DEVICE_EXISTS: Final = """
    SELECT FROM devices JOIN platforms ON platforms.id = platform_id
    WHERE platforms.code = %(platform)s AND serial = %(serial)s
      AND (%(own)s::integer IS NULL OR platforms.id = %(own)s)
"""


class ParentPlatform(NamedTuple):
    """What the pages of that which hangs on a platform say of it."""

    name: str
    ended_on: date | None


def parent_platform_name(connection: psycopg.Connection, caller: Caller, code: str) -> str:
    """The name of a platform.

    Raises:
        Problem: there is no such platform, or not for this caller.
    """
    return parent_platform(connection, caller, code).name


def parent_platform(connection: psycopg.Connection, caller: Caller, code: str) -> ParentPlatform:
    """A platform.

    Raises:
        Problem: there is no such platform, or not for this caller.
    """
    if PLATFORM_CODE.fullmatch(code):
        values = {"code": code, "own": caller.platform_id}
        row = connection.execute(_PLATFORM, values).fetchone()
        if row is not None:
            return ParentPlatform(*row)
    raise Problem(Kind.NOT_FOUND, NO_SUCH_PLATFORM, code=code)


def parent_enterprise_name(connection: psycopg.Connection, caller: Caller, uscc: str) -> str:
    """The name of an enterprise.

    Raises:
        Problem: there is no such enterprise, or not for this caller.
    """
    if is_uscc(uscc):
        values = {"uscc": uscc, "own": caller.platform_id}
        row = connection.execute(_ENTERPRISE_NAME, values).fetchone()
        if row is not None:
            return str(row[0])
    raise Problem(Kind.NOT_FOUND, NO_SUCH_ENTERPRISE, uscc=uscc)


def require_parent_device(
    connection: psycopg.Connection, caller: Caller, address: DeviceAddress
) -> None:
    """Check that there is a device.

    Raises:
        Problem: there is no such device, or not for this caller.
    """
    platform, serial = address
    if PLATFORM_CODE.fullmatch(platform) and SERIAL.fullmatch(serial):
        values = {"platform": platform, "serial": serial, "own": caller.platform_id}
        if connection.execute(_DEVICE_EXISTS, values).fetchone() is not None:
            return
    raise Problem(Kind.NOT_FOUND, NO_SUCH_DEVICE, platform=platform, serial=serial)
