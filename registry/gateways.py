"""Gateways: how one is registered, and where it stands.

No import file speaks of them, so their columns are read here, by the same cells. A gateway has no
end of its own: it ends with its credential, or with its platform.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import psycopg

from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE, SERIAL
from registry.cells import (
    CellReader,
    Value,
    read_gateway_name,
    read_platform_code,
    text_reader,
)
from registry.changes import Outlived
from registry.records import cell_of
from registry.refusals import ConflictError, WrongColumn, WrongColumnsError
from registry.writing import Revisions, lock_record

__all__ = ["GatewayAddress", "change_gateway", "create_gateway", "has_gateway"]

_READERS: Final[Mapping[str, CellReader]] = {
    "platform": read_platform_code,
    "name": read_gateway_name,
    "site": text_reader(200),
}
_REQUIRED: Final = ("platform", "name")
_SELECT_PLATFORM: Final = """
    SELECT id, ended_on FROM platforms
    WHERE code = %(platform)s AND (%(own)s::text IS NULL OR code = %(own)s)
    FOR SHARE
"""
_INSERT: Final = """
    INSERT INTO publishers (kind, platform_id, name, site) VALUES ('gateway', %s, %s, %s)
    ON CONFLICT (platform_id, name) DO NOTHING RETURNING id
"""
_LOCK: Final = """
    SELECT publishers.id, site, publishers.revision
    FROM publishers JOIN platforms ON platforms.id = platform_id
    WHERE platforms.code = %(platform)s AND publishers.name = %(name)s FOR UPDATE OF publishers
"""
_EXISTS: Final = """
    SELECT FROM publishers JOIN platforms ON platforms.id = platform_id
    WHERE platforms.code = %(platform)s AND publishers.name = %(name)s
"""
_SET_SITE: Final = "UPDATE publishers SET site = %s WHERE id = %s"


class GatewayAddress(NamedTuple):
    """How a gateway is named: its platform's code and its own name there."""

    platform: str
    name: str


def create_gateway(
    connection: psycopg.Connection, said: Mapping[str, Value], *, own_platform: str | None = None
) -> GatewayAddress:
    """Register a gateway.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        said: `platform`, `name` and, where it is known, `site`.
        own_platform: the code of an operator's only platform.

    Raises:
        WrongColumnsError: something of it is wrong.
        ConflictError: the gateway is registered already, or its platform has an end.
    """
    values = _read({name: said.get(name) for name in _READERS})
    found = connection.execute(_SELECT_PLATFORM, {**values, "own": own_platform}).fetchone()
    if found is None:
        reason = UserError(_("There is no platform {platform}."), platform=values["platform"])
        raise WrongColumnsError([WrongColumn("platform", reason)])
    platform_id, ended_on = found
    address = GatewayAddress(str(values["platform"]), str(values["name"]))
    if ended_on is not None:
        reason = Outlived("platform", (address.platform,), ended_on).reason(address.platform)
        raise ConflictError(reason.message, **reason.values)
    new = (platform_id, address.name, values["site"])
    if connection.execute(_INSERT, new).fetchone() is None:
        raise ConflictError(_("It is registered already."))
    return address


def change_gateway(
    connection: psycopg.Connection,
    address: GatewayAddress,
    changes: Mapping[str, Value],
    revisions: Revisions,
) -> None:
    """Change where a gateway stands; without a change it keeps its revision.

    Raises:
        NotRegisteredError: there is no such gateway.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: what is said of its site is wrong.
    """
    found = lock_record(connection, _LOCK, revisions, **address._asdict())
    if "site" in changes:
        (site,) = _read({"site": changes["site"]}).values()
        connection.execute(_SET_SITE, (site, found["id"]))


def has_gateway(connection: psycopg.Connection, address: GatewayAddress) -> bool:
    """Whether a gateway is registered; what can be no name is none."""
    if not PLATFORM_CODE.fullmatch(address.platform) or not SERIAL.fullmatch(address.name):
        return False
    return connection.execute(_EXISTS, address._asdict()).fetchone() is not None


def _read(said: Mapping[str, Value]) -> dict[str, Value]:
    """The values, each as its column has it.

    Raises:
        WrongColumnsError: some are wrong; it names each.
    """
    values: dict[str, Value] = {}
    wrong = []
    for name, value in said.items():
        try:
            values[name] = _value(name, value)
        except UserError as reason:
            wrong.append(WrongColumn(name, reason))
    if wrong:
        raise WrongColumnsError(wrong)
    return values


def _value(name: str, said: Value) -> Value:
    cell = cell_of(said)
    if cell != "":
        return _READERS[name](cell)
    if name in _REQUIRED:
        raise UserError("Is empty, but required.")
    return None
